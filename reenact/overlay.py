"""Compositing of one rendered face over one face of a clip, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from reenact.blending import colour, detail
from reenact.blending.blend import blend
from reenact.blending.detail import Detail
from reenact.blending.hair import without_hair
from reenact.blending.mask import mask
from reenact.blending.occlusion import smoothed
from reenact.engine import Engine
from reenact.face.upright import extract_upright
from reenact.face_track import FaceTrack
from reenact.footage import Footage
from reenact.generator.renderer import NATIVE_SIZE
from reenact.types import FloatArray, Picture

_EASED = 0.3  # seconds: span of the exponential smoothing of colours
_CONFIRMED = 0.1  # share of an occlusion that must be detected without the rebuilt face too
_MEASURED = (1, 4)  # numbers of first frames of a shot after which its blur and grain are measured


@dataclass(frozen=True)
class Analysis:
    """The results for a face from a single frame.

    ``square`` and ``target`` (S, S, 3) uint8 are the rendered face and the frame's. ``alpha`` (S, S) float32
    is where the first replaces the second, ``front`` (256, 256) float32 where something occludes the face.
    ``colours`` is the result of ``colour.fit``.
    """

    index: int
    square: Picture
    target: Picture
    alpha: FloatArray
    front: FloatArray
    colours: FloatArray


class Overlay:
    """Composites squares over one face of a clip: ``analyze`` in any thread, ``lay`` in order of time.

    Colours are smoothed over time, and blur and grain match the shot; both are reset at each cut.
    """

    def __init__(self, engine: Engine, footage: Footage, track: FaceTrack) -> None:
        """``track`` is the face of ``footage`` that is replaced."""
        self.track = track
        self._engine = engine
        self._share = np.float32(1 / (1 + _EASED * float(footage.fps) / 2))
        self._shot = -1
        self._colours = np.zeros(0, np.float32)
        self._detail = Detail()
        self._samples: list[tuple[Picture, Picture, FloatArray]] = []

    def rebuilt(self) -> Iterator[Picture]:
        """The clip's own face reconstructed for each visible frame, (256, 256, 3) uint8.

        Its source is a frame without occlusion. So occlusions in other frames show as a difference (see
        ``reenact.blending.occlusion``).
        """
        track, renderer = self.track, self._engine.renderer
        for shot, clean in track.clean.items():
            visible = np.flatnonzero((track.visibility > 0) & (track.shots == shot))
            if len(visible):
                source = renderer.prepare(clean.picture, clean.picture, clean.pose)
                yield from renderer.render(source, track.keypoints[visible])

    def analyze(
        self, index: int, frame: Picture, square: Picture, driven: FloatArray, rebuilt: Picture
    ) -> Analysis:
        """Compute what ``lay`` needs to composite a face over a frame.

        Args:
            index: of the frame in the clip, from 0.
            frame: (H, W, 3) uint8.
            square: (S, S, 3) uint8, the rendered face in the track's square of this frame.
            driven: (L, 2) landmarks that it was rendered with, in crop units.
            rebuilt: (256, 256, 3) uint8, the reconstruction of the clip's face, see ``rebuilt``.
        """
        crop, side = self.track.square(index), len(square)
        target = extract_upright(frame, crop, side)
        native = np.asarray(Image.fromarray(target).reduce(side // NATIVE_SIZE))
        landmarks = (self.track.landmarks[index] + 1) / 2
        front = self._in_front(native, landmarks * np.float32(NATIVE_SIZE), rebuilt)
        points = landmarks * np.float32(side)
        alpha = without_hair(mask(points, driven, side), square, points, driven)
        free = alpha * (1 - _resized(front, side))
        colours = colour.fit(square, target, free if free.max() > 0.5 else alpha, points)
        return Analysis(index, square, target, alpha, front, colours)

    def _in_front(self, square: Picture, landmarks: FloatArray, rebuilt: Picture) -> FloatArray:
        """Occlusion of the clip's face (256, 256), if it is also detected without the rebuilt face.

        For some faces, as in dark paintings, the rebuilt one differs without any occlusion.
        """
        front = self._engine.occlusion(square, landmarks, rebuilt)
        if front.any():
            alone = self._engine.occlusion(square, landmarks)
            if float((alone * front).sum()) < _CONFIRMED * float(front.sum()):
                return np.zeros_like(front)
        return front

    def lay(self, frame: Picture, before: Analysis | None, now: Analysis, after: Analysis | None) -> Picture:
        """The frame (H, W, 3) uint8 with the new face; pixels outside the face are bit-identical.

        ``before`` and ``after`` are of the adjacent frames, None where the face is not visible in them.
        """
        colours = self._eased(now)
        square = colour.apply(now.square, colours)
        alpha = now.alpha * (1 - _resized(self._front(before, now, after), len(square)))
        square = detail.apply(square, self._detail_of(square, now, alpha), now.index)
        visible = np.float32(self.track.visibility[now.index])
        return blend(frame, square, alpha * visible, self.track.square(now.index))

    def _eased(self, now: Analysis) -> FloatArray:
        """The colours of the frames, smoothed over time to avoid flicker."""
        shot = int(self.track.shots[now.index])
        if shot != self._shot:
            self._shot, self._colours, self._samples = shot, now.colours, []
        self._colours = self._colours + self._share * (now.colours - self._colours)
        return self._colours

    def _front(self, before: Analysis | None, now: Analysis, after: Analysis | None) -> FloatArray:
        """Occlusion of the face, without detections in a single frame only."""
        shots = self.track.shots
        near = [
            each.front if each and shots[each.index] == shots[now.index] else now.front
            for each in (before, after)
        ]
        return smoothed(near[0], now.front, near[1])

    def _detail_of(self, square: Picture, now: Analysis, alpha: FloatArray) -> Detail:
        """Blur and grain of the shot, measured in its first frames."""
        if len(self._samples) < _MEASURED[-1]:
            self._samples.append((square, now.target, alpha))
            if len(self._samples) in _MEASURED:
                self._detail = detail.measure(*zip(*self._samples, strict=True))
        return self._detail


def _resized(front: FloatArray, side: int) -> FloatArray:
    """A plane (N, N) float32 resized to (side, side)."""
    if len(front) == side:
        return front
    return np.asarray(Image.fromarray(front).resize((side, side), Image.Resampling.BILINEAR))
