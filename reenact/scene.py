"""Composition of rendered faces into whole frames: into their own picture, or into a clip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Protocol, TypeVar

import numpy as np

from reenact.compose.canvas import Canvas
from reenact.compose.group import GroupCanvas
from reenact.driver import Driver
from reenact.face.align import extract_crop
from reenact.footage import Footage
from reenact.overlay import Analysis, Overlay
from reenact.runtime import close, ordered_map
from reenact.subject import Subject
from reenact.types import Crop, Face, FloatArray, Keypoints, Picture

T = TypeVar("T")
# For a face in a frame: the rendered square, its driving landmarks, and the reconstruction of the clip's face
_Face = tuple[Picture, FloatArray, Picture]
_Frame = tuple[int, Picture, list[_Face | None]]  # its index, the frame, and the faces visible in it
_Analyzed = tuple[Picture, list[Analysis | None]]
_ANALYZERS = 2  # frames analyzed concurrently: half of the work releases the GIL


@dataclass(frozen=True)
class Layer:
    """One subject with its driver; its place in the scene is given by its position among the layers."""

    subject: Subject
    driver: Driver

    @cached_property
    def poses(self) -> Keypoints:
        """The subject's poses in order of time."""
        return self.driver.poses(self.subject.keypoints)

    def squares(self) -> Iterator[Picture]:
        """The rendered squares (S, S, 3) uint8, one for each pose."""
        return self.subject.render(self.poses)


class Scene(Protocol):
    """Composes layers into whole frames."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames in pixels."""

    def frames(self, layers: Sequence[Layer]) -> Iterator[Picture]:
        """Frames (H, W, 3) uint8; closing the iterator stops the rendering."""

    def face_boxes(self) -> FloatArray:
        """Corners (N, 2, 2) of the boxes that no label may cover, in pixels of the frames."""


class StillScene:
    """A picture in which the rendered squares are pasted where they were cropped."""

    def __init__(self, picture: Picture, boxes: FloatArray, crop: Crop, size: int) -> None:
        """``crop`` is animated, ``size`` pixels wide where that fits; ``boxes`` (N, 2, 2) are all faces."""
        self._canvas, self._boxes = Canvas(picture, crop, size), boxes

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames in pixels, both even."""
        return self._canvas.size

    def frames(self, layers: Sequence[Layer]) -> Iterator[Picture]:
        """The picture with the moving square in it, frame by frame."""
        (layer,) = layers
        return ordered_map(self._canvas.paste, layer.squares())

    def face_boxes(self) -> FloatArray:
        """The boxes of all faces of the picture."""
        return self._canvas.to_result(self._boxes)


class GroupScene:
    """A picture in which several faces are animated, each in its own square."""

    def __init__(self, picture: Picture, boxes: FloatArray, crops: Sequence[Crop], size: int) -> None:
        """``crops`` are animated, the first ``size`` pixels wide if that fits; ``boxes`` are all faces."""
        self._canvas, self._boxes, self._most = GroupCanvas(picture, crops, size), boxes, size

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames in pixels, both even."""
        return self._canvas.size

    def painted_sizes(self) -> list[int]:
        """Sufficient side of each square in pixels: 256, 512 or 1024."""
        return [
            next((size for size in (256, 512) if size >= min(side, self._most)), self._most)
            for side in self._canvas.sides
        ]

    def frames(self, layers: Sequence[Layer]) -> Iterator[Picture]:
        """The picture with the moving squares in it, frame by frame."""
        return ordered_map(self._canvas.paste, _together([layer.squares() for layer in layers]))

    def face_boxes(self) -> FloatArray:
        """The boxes of all faces of the picture."""
        return self._canvas.to_result(self._boxes)


class SquareScene:
    """Only the square itself, upright."""

    def __init__(self, picture: Picture, boxes: FloatArray, crop: Crop, size: int) -> None:
        """``crop`` is animated; if it is rotated, it is made upright. ``boxes`` (N, 2, 2) are all faces."""
        self._boxes, self._side, self._upright = boxes, size, crop.upright()
        self._canvas: Canvas | None = None
        if crop.angle:
            still = extract_crop(picture, self._upright, size)
            self._canvas = Canvas(still, Crop(0, 0, size, crop.angle), size)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames in pixels."""
        return self._side, self._side

    def frames(self, layers: Sequence[Layer]) -> Iterator[Picture]:
        """The square, frame by frame."""
        (layer,) = layers
        squares = layer.squares()
        return ordered_map(self._canvas.paste, squares) if self._canvas else squares

    def face_boxes(self) -> FloatArray:
        """The boxes of all faces of the picture; they may lie outside the square."""
        return np.asarray((self._upright.to_units(self._boxes) + 1) / 2 * self._side, np.float32)


class Mirrored:
    """A scene flipped horizontally."""

    def __init__(self, scene: Scene) -> None:
        """``scene`` is the scene to flip."""
        self._scene = scene

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames in pixels."""
        return self._scene.size

    def frames(self, layers: Sequence[Layer]) -> Iterator[Picture]:
        """The frames, flipped horizontally."""
        return ordered_map(lambda frame: np.ascontiguousarray(frame[:, ::-1]), self._scene.frames(layers))

    def face_boxes(self) -> FloatArray:
        """The faces' boxes, flipped horizontally."""
        boxes = self._scene.face_boxes()
        flipped = boxes.copy()
        flipped[:, ::-1, 0] = self.size[0] - boxes[..., 0]
        return flipped


class ClipScene:
    """The frames of a clip; each layer replaces one of the tracked faces."""

    def __init__(self, footage: Footage, overlays: Sequence[Overlay]) -> None:
        """``overlays``: one for each layer, in the same order; each can be used for one pass only."""
        self._footage, self._overlays = footage, overlays

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the clip in pixels."""
        return self._footage.size

    def frames(self, layers: Sequence[Layer]) -> Iterator[Picture]:
        """The clip, frame by frame, with its faces replaced by the layers."""
        analyzed = ordered_map(self._analyze, self._with_squares(layers), _ANALYZERS)
        return ordered_map(self._compose, _with_neighbours(analyzed))

    def face_boxes(self) -> FloatArray:
        """The boxes of the tracked faces in ten frames of the clip."""
        some = np.unique(np.linspace(0, len(self._footage) - 1, 10).round().astype(int)).tolist()
        tracks = self._footage.tracks
        points = [track.square(frame).to_pixels(track.landmarks[frame]) for track in tracks for frame in some]
        return np.array([(each.min(0), each.max(0)) for each in points])

    def _with_squares(self, layers: Sequence[Layer]) -> Iterator[_Frame]:
        """Each frame, with the arguments of ``Overlay.analyze`` for each face visible in it."""
        frames, squares = self._footage.open().frames, [layer.squares() for layer in layers]
        rebuilt = [overlay.rebuilt() for overlay in self._overlays]
        waiting = [
            zip(square, layer.poses.landmarks, own, strict=True)
            for square, layer, own in zip(squares, layers, rebuilt, strict=True)
        ]
        try:
            for index, frame in enumerate(islice(frames, len(self._footage))):
                seen = (overlay.track.visibility[index] > 0 for overlay in self._overlays)
                faces = [next(each) if is_seen else None for each, is_seen in zip(waiting, seen, strict=True)]
                yield index, frame, faces
        finally:
            for iterator in (frames, *squares, *rebuilt):
                close(iterator)

    def _analyze(self, item: _Frame) -> _Analyzed:
        index, frame, faces = item
        return frame, [
            overlay.analyze(index, frame, *face) if face else None
            for overlay, face in zip(self._overlays, faces, strict=True)
        ]

    def _compose(self, neighbours: tuple[_Analyzed | None, _Analyzed, _Analyzed | None]) -> Picture:
        before, (frame, faces), after = neighbours
        for place, (overlay, face) in enumerate(zip(self._overlays, faces, strict=True)):
            if face:
                frame = overlay.lay(frame, before and before[1][place], face, after and after[1][place])
        return frame


def _together(squares: Sequence[Iterator[Picture]]) -> Iterator[tuple[Picture, ...]]:
    """Like a strict ``zip``, but closing it also closes the iterators."""
    try:
        yield from zip(*squares, strict=True)
    finally:
        for each in squares:
            close(each)


def _with_neighbours(items: Iterator[T]) -> Iterator[tuple[T | None, T, T | None]]:
    """Each item with the previous and the next one; None at the ends."""
    before: T | None = None
    now: T | None = None
    try:
        for after in items:
            if now is not None:
                yield before, now, after
            before, now = now, after
        if now is not None:
            yield before, now, None
    finally:
        close(items)


def boxes_of(faces: Sequence[Face]) -> FloatArray:
    """Corners of the faces' boxes, (N, 2, 2) in picture pixels."""
    return np.array([face.box for face in faces], np.float32).reshape(-1, 2, 2)
