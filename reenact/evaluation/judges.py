"""Independent judges of a face: landmarks, expression and head pose (MediaPipe), identity (MobileFaceNet).

Each caches its results by picture. So a driving frame that every method is compared with, or the single
picture of the static baseline, is processed once in a run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from reenact.errors import SetupError
from reenact.evaluation.extras import load, quiet
from reenact.evaluation.metrics import Figures
from reenact.types import FloatArray, Picture

LANDMARKS = 478
CONFIDENCE = 0.3  # MediaPipe's default of 0.5 misses turned heads

# Mesh indices of eye corners (pairs), nose tip and mouth corners, and ArcFace's positions in 112x112 px
# (Deng et al., "ArcFace", 2019; the template that insightface publishes).
RIGHT_EYE, LEFT_EYE, NOSE, MOUTH_RIGHT, MOUTH_LEFT = (33, 133), (362, 263), 1, 61, 291
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)


@dataclass(frozen=True)
class LandmarkReading:
    """The landmark judge's output for T frames; all values of a frame without a face are NaN.

    ``landmarks`` (T, 478, 2) float32, px at 256; ``blink`` (mean of both eyes) and ``jaw`` (T,) blendshapes
    in [0, 1]; ``pose`` (T, 3) yaw, pitch, roll in degrees, yaw positive where the nose points to image right.
    """

    landmarks: FloatArray
    blink: Figures
    jaw: Figures
    pose: Figures

    @property
    def frames_without_face(self) -> int:
        """Number of frames in which no face was found."""
        return int(np.isnan(self.jaw).sum())


@dataclass(frozen=True)
class _Face:
    landmarks: FloatArray
    blink: float
    jaw: float
    pose: tuple[float, float, float]


_NO_FACE = _Face(np.full((LANDMARKS, 2), np.nan, np.float32), np.nan, np.nan, (np.nan, np.nan, np.nan))


class LandmarkJudge:
    """MediaPipe's FaceLandmarker: 478 landmarks, blendshapes, head pose. Each frame is independent.

    Close it before the program ends: MediaPipe cannot be closed while Python shuts down.

    Raises:
        ExtraMissing: mediapipe is not installed.
        SetupError: the model file is missing.
    """

    def __init__(self, model: Path) -> None:
        _require(model)
        self._mediapipe = load("mediapipe")
        tasks, vision = load("mediapipe.tasks.python"), load("mediapipe.tasks.python.vision")
        options = vision.FaceLandmarkerOptions(
            base_options=tasks.BaseOptions(model_asset_path=str(model)),
            min_face_detection_confidence=CONFIDENCE,
            min_face_presence_confidence=CONFIDENCE,
            output_face_blendshapes=True,
            output_facial_transformation_matrixes=True,
        )
        with quiet():
            self._landmarker = vision.FaceLandmarker.create_from_options(options)
            self._detect(np.zeros((256, 256, 3), np.uint8))  # the first run logs once more
        self._seen: dict[bytes, _Face] = {}

    def close(self) -> None:
        """Free MediaPipe's threads; the judge cannot be used afterwards."""
        self._landmarker.close()

    def __call__(self, frames: Sequence[Picture]) -> LandmarkReading:
        """Process frames (H, W, 3) uint8 RGB."""
        faces = [self._face(frame) for frame in frames]
        return LandmarkReading(
            np.stack([face.landmarks for face in faces]),
            np.array([face.blink for face in faces]),
            np.array([face.jaw for face in faces]),
            np.array([face.pose for face in faces]),
        )

    def _face(self, frame: Picture) -> _Face:
        key = digest(frame)
        if key not in self._seen:
            self._seen[key] = self._detect(frame)
        return self._seen[key]

    def _detect(self, frame: Picture) -> _Face:
        image = self._mediapipe.Image(
            image_format=self._mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(frame)
        )
        found = self._landmarker.detect(image)
        if not found.face_landmarks:
            return _NO_FACE
        shapes = {shape.category_name: float(shape.score) for shape in found.face_blendshapes[0]}
        return _Face(
            np.array([(point.x * 256, point.y * 256) for point in found.face_landmarks[0]], np.float32),
            (shapes["eyeBlinkLeft"] + shapes["eyeBlinkRight"]) / 2,
            shapes["jawOpen"],
            euler_degrees(np.asarray(found.facial_transformation_matrixes[0])[:3, :3]),
        )


class IdentityJudge:
    """MobileFaceNet (Chen et al., 2018) run by ncnn: a face embedding of 128 values.

    Raises:
        ExtraMissing: ncnn is not installed.
        SetupError: a model file is missing or unreadable.
    """

    def __init__(self, param: Path, weights: Path, threads: int = 1) -> None:
        _require(param)
        _require(weights)
        self._ncnn = load("ncnn")
        self._net: Any = self._ncnn.Net()
        self._net.opt.num_threads = threads
        if self._net.load_param(str(param)) or self._net.load_model(str(weights)):
            raise SetupError(f"{param.name} and {weights.name} are not a model that ncnn reads.")
        self._seen: dict[bytes, FloatArray] = {}

    def __call__(self, frames: Sequence[Picture], landmarks: FloatArray) -> FloatArray:
        """Identity vectors (T, 128) float32 of frames (256, 256, 3) with landmarks (T, 478, 2) px at 256.

        NaN where the landmarks are NaN.
        """
        return np.stack(
            [self._vector(frame, points) for frame, points in zip(frames, landmarks, strict=True)]
        )

    def _vector(self, frame: Picture, points: FloatArray) -> FloatArray:
        if not np.isfinite(points).all():
            return np.full(128, np.nan, np.float32)
        key = digest(frame)
        if key not in self._seen:
            self._seen[key] = self._embed(align(frame, points))
        return self._seen[key]

    def _embed(self, aligned: Picture) -> FloatArray:
        # from_pixels copies; an ncnn.Mat made from a numpy array would share its memory.
        pixels = self._ncnn.Mat.from_pixels(aligned, self._ncnn.Mat.PixelType.PIXEL_RGB, 112, 112)
        extractor = self._net.create_extractor()
        extractor.input("data", pixels)  # the graph itself maps 0..255 to -1..1
        _, vector = extractor.extract("fc1")
        return np.array(vector, np.float32)


def align(frame: Picture, landmarks: FloatArray) -> Picture:
    """The face (112, 112, 3) uint8, aligned to ArcFace's template by eyes, nose and mouth.

    ``landmarks`` is (478, 2) in px at 256; the frame may have another size.
    """
    points = landmarks * (frame.shape[0] / 256)
    five = np.stack(
        [
            points[list(RIGHT_EYE)].mean(0),
            points[list(LEFT_EYE)].mean(0),
            *points[[NOSE, MOUTH_RIGHT, MOUTH_LEFT]],
        ]
    )
    linear, offset = similarity(TEMPLATE, five)
    rows = (linear[0, 0], linear[0, 1], offset[0], linear[1, 0], linear[1, 1], offset[1])
    aligned = Image.fromarray(frame).transform(
        (112, 112), Image.Transform.AFFINE, tuple(map(float, rows)), Image.Resampling.BILINEAR
    )
    return np.asarray(aligned)


def similarity(start: Figures, end: Figures) -> tuple[Figures, Figures]:
    """Matrix (2, 2) and offset (2,) of the least-squares similarity transform of points (N, 2) to others.

    Umeyama, "Least-Squares Estimation of Transformation Parameters Between Two Point Patterns", 1991.
    """
    a, b = start - start.mean(0), end - end.mean(0)
    u, sizes, v = np.linalg.svd(b.T @ a)
    flip = np.array([1.0, np.sign(np.linalg.det(u @ v))])
    linear = (u * flip) @ v * ((sizes * flip).sum() / (a * a).sum())
    return linear, end.mean(0) - linear @ start.mean(0)


def euler_degrees(rotation: Figures) -> tuple[float, float, float]:
    """Yaw, pitch, roll in degrees of a rotation (3, 3), as R = Ry(yaw) Rx(pitch) Rz(roll)."""
    yaw = np.arctan2(rotation[0, 2], rotation[2, 2])
    pitch = np.arcsin(np.clip(-rotation[1, 2] / np.linalg.norm(rotation[:, 2]), -1, 1))
    roll = np.arctan2(rotation[1, 0], rotation[1, 1])
    return float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll))


def digest(frame: Picture) -> bytes:
    """Cache key of a picture: a hash of its pixels."""
    return hashlib.blake2b(np.ascontiguousarray(frame).data, digest_size=16).digest()


def _require(path: Path) -> None:
    if not path.is_file():
        raise SetupError(
            f"The judges' file {path.name} is not in {path.parent.name}/; give the shared folder."
        )
