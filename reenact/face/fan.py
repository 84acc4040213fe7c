"""FAN: faces from S3FD and 68 landmarks on each (Bulat & Tzimiropoulos 2017, arXiv:1703.07332).

The package face-alignment (extra ``fan``) runs both networks in torch. It is far slower than BlazeFace and
meant for pictures in which BlazeFace finds nothing. Its weights, about 190 MB, are downloaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from PIL import Image

from reenact.errors import ExtraMissing, ProviderUnavailable, WeightsBroken
from reenact.face.detector import Detection
from reenact.os_errors import is_programming_error, reason
from reenact.runtime import Device
from reenact.types import FloatArray, Picture

MAX_SIDE = 640  # S3FD holds 64 float channels of the whole picture: 3 GB for one of 12 megapixels
MIN_SIDE = 32  # S3FD halves the picture five times
RIGHT_EYE, LEFT_EYE = slice(36, 42), slice(42, 48)
# The 68 points end at the brows; BlazeFace's box, for which the mesh's margin is made, begins higher.
FOREHEAD = 0.15  # of the points' height; measured on portraits and selfies


class FanDetector:
    """Finds boxes and eyes as ``FaceDetector`` does, from FAN's landmarks."""

    min_tile_side = None  # it is too slow for tiles smaller than half the picture

    def __init__(self, device: Device = "auto") -> None:
        """Load both networks, with torch's own number of threads.

        Args:
            device: ``cuda`` fails where torch cannot use it; ``auto`` takes it only if torch can.

        Raises:
            ExtraMissing: the extra ``fan`` is not installed.
            WeightsBroken: the weights cannot be downloaded or loaded.
            ProviderUnavailable: ``cuda`` was asked for and torch cannot use it.
        """
        package = load_face_alignment()
        where = _torch_device(device)
        detector, landmarks = (_fetch(url) for url in _addresses())
        try:
            self._aligner: Any = package.FaceAlignment(
                package.LandmarksType.TWO_D,
                device=where,
                flip_input=False,  # one pass will do, since the mesh measures the face again
                compile=False,  # compiling takes a minute and writes to the home folder
                # Given by path, the file is loaded without running any pickled code.
                face_detector_kwargs={"path_to_detector": str(detector)},
            )
        except Exception as error:  # torch raises many unrelated types for a bad file
            if is_programming_error(error):
                raise
            raise WeightsBroken(
                f"FAN's weights cannot be loaded: {reason(error)}. Delete {detector.name} and "
                f"{landmarks.name} from {detector.parent}; they are downloaded again at the next start."
            ) from error

    def __call__(self, picture: Picture) -> list[Detection]:
        """All faces of ``picture``, best score first; an empty list when there are none."""
        small = _reduced(picture)
        if min(small.shape[:2]) < MIN_SIDE:
            return []
        boxes = self._aligner.face_detector.detect_from_image(small)
        if not len(boxes):  # asked for landmarks then, face-alignment would warn
            return []
        scale = np.array([picture.shape[1] / small.shape[1], picture.shape[0] / small.shape[0]])
        # face-alignment truncates to whole pixels: half a pixel restores the mean.
        landmarks = [
            (points + 0.5) * scale for points in self._aligner.get_landmarks_from_image(small, boxes)
        ]
        found = [_to_detection(points, float(box[4])) for points, box in zip(landmarks, boxes, strict=True)]
        return sorted(found, key=lambda detection: -detection.score)

    detect_once = __call__


def load_face_alignment() -> ModuleType:
    """The package face-alignment.

    Raises:
        ExtraMissing: it, or a library that it loads, is not installed.
    """
    try:
        numba = import_module("numba")
        kept = numba.config.DISABLE_JIT
        # Compiling its one small function takes ten seconds in every process; plain, it takes 2 ms a face.
        numba.config.DISABLE_JIT = True
        try:
            return import_module("face_alignment")
        finally:
            numba.config.DISABLE_JIT = kept
    except ImportError as error:
        raise ExtraMissing(
            f"The finder fan needs the package face-alignment ({error}). Run: pip install 'reenact[fan]'."
        ) from error


def _reduced(picture: Picture) -> Picture:
    """The picture with no side above ``MAX_SIDE``."""
    height, width = picture.shape[:2]
    factor = MAX_SIDE / max(height, width)
    if factor >= 1:
        return picture
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))


def _to_detection(landmarks: FloatArray, score: float) -> Detection:
    """From 68 landmarks (68, 2) in picture pixels."""
    (x0, y0), (x1, y1) = landmarks.min(0), landmarks.max(0)
    top = y0 - FOREHEAD * (y1 - y0)
    eyes = np.stack([landmarks[RIGHT_EYE].mean(0), landmarks[LEFT_EYE].mean(0)])
    return Detection((float(x0), float(top), float(x1), float(y1)), eyes.astype(np.float32), score)


def _torch_device(device: Device) -> str:
    usable = import_module("face_alignment.api").torch.cuda.is_available()
    if device == "cuda" and not usable:
        raise ProviderUnavailable(
            "CUDA was asked for, but the installed torch cannot use it, and the finder fan runs in torch. "
            "Install a CUDA build of torch, or use the finder blazeface."
        )
    return "cuda" if usable and device != "cpu" else "cpu"


def _addresses() -> tuple[str, str]:
    """Where face-alignment has the weights of S3FD and of FAN."""
    detector = import_module("face_alignment.detection.sfd.sfd_detector").models_urls["s3fd"]
    landmarks = import_module("face_alignment.api").models_urls["2DFAN-4"]
    return detector, landmarks


def _fetch(url: str) -> Path:
    """The file in torch hub's folder; if it is not there it is downloaded and its SHA-256 checked."""
    utils = import_module("face_alignment.utils")
    path = Path(utils.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    try:
        utils.load_file_from_url(url, progress=False, check_hash=True)
    except (OSError, RuntimeError) as error:  # no connection, no space; another SHA-256
        raise WeightsBroken(
            f"FAN's weights could not be downloaded from {url} ({reason(error)}). Put the file "
            f"{path.name} into {path.parent} by hand, or use the finder blazeface."
        ) from error
    return path
