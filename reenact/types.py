"""The types that modules exchange, and the array conventions of all modules.

* A *picture* or *frame* is ``(H, W, 3) uint8``, RGB, sRGB, top row first.
* *Picture pixels* are continuous: the centre of the top-left pixel is ``(0.5, 0.5)``.
* *Crop units* are ``[-1, 1]`` across a square crop, x to the right, y down; -1 and 1 are its edges, as in
  ``grid_sample(align_corners=False)``.
* Points are ``(..., 2) float32`` in x, y order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Picture = NDArray[np.uint8]
Effect = Literal["animate", "swap"]
"""Whether a picture is animated, or its face is put into a clip."""
EFFECTS: tuple[Effect, ...] = get_args(Effect)
FrameCallback = Callable[[Picture], None]
"""Called with every frame as it is written to the file."""
ProgressCallback = Callable[[int, int], None]
"""Called with (frames done, total frames) as frames are made; an exception from it stops the work.

While the motion of a clip is tracked it is called with 0 frames done, so that tracking can be stopped too.
"""


@dataclass(frozen=True)
class Face:
    """One face found in a picture.

    ``box`` is x0, y0, x1, y1 in picture pixels; ``score`` in [0, 1]; ``landmarks`` is (478, 2) float32 in
    picture pixels: MediaPipe's 468 mesh points, then 5 iris points of each eye (its right eye first).
    ``presence`` in [0, 1] is the presence score that the mesh network gives with the landmarks.
    """

    box: tuple[float, float, float, float]
    score: float
    landmarks: FloatArray
    presence: float = 1.0

    @property
    def height(self) -> float:
        """Height from the top of the forehead to the chin in picture pixels, along the face's axis."""
        return float(np.ptp(rotate_points(self.landmarks[:468], -self.roll)[:, 1]))

    @property
    def roll(self) -> float:
        """Clockwise in-plane rotation of the head, in radians from -pi to pi.

        The mean of two directions, from eye to eye and from forehead to chin: yaw and pitch together change
        the first, but hardly both.
        """
        right, left, top, bottom = (self.landmarks[index] for index in (33, 263, 10, 152))
        directions = np.stack([left - right, rotate_points(bottom - top, -np.pi / 2)])
        x, y = (directions / np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-6)).sum(0)
        return float(np.arctan2(y, x))


@dataclass(frozen=True)
class Crop:
    """A square region of a picture; it may reach beyond the picture's edges.

    ``left``, ``top`` and ``side`` are in picture pixels. The square is rotated about its centre, clockwise by
    ``angle`` radians, so that a tilted head is upright in it.
    """

    left: float
    top: float
    side: float
    angle: float = 0.0

    @classmethod
    def around(cls, square: NDArray[np.floating]) -> Crop:
        """The square with this centre x and y, side and angle: (4,)."""
        x, y, side, angle = (float(value) for value in square)
        return cls(x - side / 2, y - side / 2, side, angle)

    @property
    def centre(self) -> tuple[float, float]:
        """The centre (x, y) in picture pixels; it does not depend on the angle."""
        return self.left + self.side / 2, self.top + self.side / 2

    def to_units(self, points: NDArray[np.floating]) -> FloatArray:
        """Picture pixels (..., 2) -> crop units (..., 2) float32."""
        origin = np.array([self.left, self.top])
        return np.asarray((self._rotated(points, -self.angle) - origin) / self.side * 2 - 1, np.float32)

    def to_pixels(self, points: NDArray[np.floating]) -> FloatArray:
        """Crop units (..., 2) -> picture pixels (..., 2) float32."""
        origin = np.array([self.left, self.top])
        return np.asarray(self._rotated((points + 1) / 2 * self.side + origin, self.angle), np.float32)

    def mirrored(self, width: int) -> Crop:
        """The same region of the horizontally flipped picture, which is ``width`` pixels wide."""
        return Crop(width - self.left - self.side, self.top, self.side, -self.angle)

    def upright(self) -> Crop:
        """The square with the same centre and side that is not rotated."""
        return replace(self, angle=0.0)

    def _rotated(self, points: NDArray[np.floating], angle: float) -> NDArray[np.floating]:
        """Points rotated about the centre; returned unchanged where the angle is 0."""
        if not angle:
            return points
        centre = np.array(self.centre)
        moved: NDArray[np.floating] = rotate_points(points - centre, angle) + centre
        return moved


def rotate_points(points: NDArray[np.floating], angle: float) -> NDArray[np.floating]:
    """Points (..., 2) rotated about the origin by ``angle`` radians, clockwise in image coordinates."""
    cos, sin = np.cos(angle), np.sin(angle)
    found: NDArray[np.floating] = points @ np.array([[cos, sin], [-sin, cos]])
    return found


@dataclass(frozen=True)
class Keypoints:
    """Where a face is in its crop, for one frame or, with a leading axis T, for many.

    ``points`` (..., K, 2) and ``jacobians`` (..., K, 2, 2) are the learned first-order keypoints (FOMM,
    section 3.1); ``landmarks`` (..., L, 2) are the mesh points named in ``reenact.landmarks``.
    All float32, in crop units.
    """

    points: FloatArray
    jacobians: FloatArray
    landmarks: FloatArray

    @classmethod
    def stacked(cls, frames: Iterable[Keypoints]) -> Keypoints:
        """Poses of single frames along a new time axis."""
        arrays = zip(*((each.points, each.jacobians, each.landmarks) for each in frames), strict=True)
        return cls(*(np.stack(values) for values in arrays))

    @classmethod
    def joined(cls, parts: Iterable[Keypoints]) -> Keypoints:
        """Poses of several consecutive intervals, concatenated along time."""
        arrays = zip(*((each.points, each.jacobians, each.landmarks) for each in parts), strict=True)
        return cls(*(np.concatenate(values) for values in arrays))

    def __len__(self) -> int:
        """Number of frames T (only with a leading axis)."""
        return len(self.points)

    def __getitem__(self, index: int | slice | NDArray[np.intp]) -> Keypoints:
        """One frame, a slice of the frames, or those at these positions."""
        return Keypoints(self.points[index], self.jacobians[index], self.landmarks[index])


@dataclass(frozen=True)
class Motion:
    """The motion of a template: keypoints of every frame, T along the first axis.

    ``model`` is the SHA-256 of the keypoint graph that made them.
    """

    keypoints: Keypoints
    fps: Fraction
    model: str

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.keypoints)

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return float(len(self) / self.fps)


@dataclass(frozen=True)
class Template:
    """A stored motion with its metadata for the gallery. Paths are None where there is no file.

    ``driving`` is the clip it came from, into which a face can be put; ``faces`` has the faces tracked in it.
    ``effect`` is the intended use of the template, and ``has_sound`` is whether the clip has an audio track.
    """

    id: str
    title: str
    tags: tuple[str, ...]
    motion: Motion
    licence: str
    attribution: str
    preview: Path | None = None
    driving: Path | None = None
    effect: Effect = "animate"
    faces: Path | None = None
    has_sound: bool = False


@dataclass(frozen=True)
class Clip:
    """A clip being read or written: ``frames`` yields (H, W, 3) uint8 once, in order.

    ``audio`` is the file whose first audio track belongs to it, if it has one, from ``audio_start`` seconds
    after its first picture on. ``frame_count`` is None if it is unknown without decoding to the end.
    """

    frames: Iterator[Picture]
    fps: Fraction
    frame_count: int | None = None
    audio: Path | None = None
    audio_start: Fraction = Fraction(0)
