"""Where subjects are seen: in the picture they come from, or in the frames of a clip."""

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
# Of a face in a frame: the rendered square, the landmarks that drove it, and the clip's own face rebuilt
_Face = tuple[Picture, FloatArray, Picture]
_Frame = tuple[int, Picture, list[_Face | None]]  # its number, and the faces seen in it
_Analyzed = tuple[Picture, list[Analysis | None]]
_ANALYZERS = 2  # frames analyzed at once: half of the work releases Python's lock


@dataclass(frozen=True)
class Layer:
    """One subject moved by one driver; its place in the scene is its position among the layers."""

    subject: Subject
    driver: Driver

    @cached_property
    def poses(self) -> Keypoints:
        """The subject's poses, in time's order."""
        return self.driver.poses(self.subject.keypoints)

    def squares(self) -> Iterator[Picture]:
        """The rendered squares (S, S, 3) uint8, one for each pose."""
        return self.subject.render(self.poses)


class Scene(Protocol):
    """Whole frames with layers in them."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames in pixels."""

    def frames(self, layers: Sequence[Layer]) -> Iterator[Picture]:
        """Frames (H, W, 3) uint8; closing the iterator stops the work behind it."""

    def face_boxes(self) -> FloatArray:
        """Corners (N, 2, 2) of what no label may cover, in pixels of the frames."""


class StillScene:
    """A picture in which the squares lie where they were extract_crop out."""

    def __init__(self, picture: Picture, boxes: FloatArray, crop: Crop, size: int) -> None:
        """``crop`` is what moves, ``size`` pixels wide where that fits; ``boxes`` (N, 2, 2) are all faces."""
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
    """A picture in which several faces move, each in its square."""

    def __init__(self, picture: Picture, boxes: FloatArray, crops: Sequence[Crop], size: int) -> None:
        """``crops`` are what moves, the first ``size`` pixels wide if that fits; ``boxes`` are all faces."""
        self._canvas, self._boxes, self._most = GroupCanvas(picture, crops, size), boxes, size

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames in pixels, both even."""
        return self._canvas.size

    def painted_sizes(self) -> list[int]:
        """Pixels a side that suffice for each square: 256, 512 or 1024."""
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
        """``crop`` is what moves; if turned, it is turned back. ``boxes`` (N, 2, 2) are all faces."""
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
        """The boxes of all faces of the picture; they may lie outside."""
        return np.asarray((self._upright.to_units(self._boxes) + 1) / 2 * self._side, np.float32)


class Mirrored:
    """A scene as it is seen in a mirror."""

    def __init__(self, scene: Scene) -> None:
        """``scene`` is what stands before the mirror."""
        self._scene = scene

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames in pixels."""
        return self._scene.size

    def frames(self, layers: Sequence[Layer]) -> Iterator[Picture]:
        """The frames, left and right exchanged."""
        return ordered_map(lambda frame: np.ascontiguousarray(frame[:, ::-1]), self._scene.frames(layers))

    def face_boxes(self) -> FloatArray:
        """The faces' boxes, left and right exchanged."""
        boxes = self._scene.face_boxes()
        flipped = boxes.copy()
        flipped[:, ::-1, 0] = self.size[0] - boxes[..., 0]
        return flipped


class ClipScene:
    """The frames of a clip; each layer lies over one of the faces that were followed through it."""

    def __init__(self, footage: Footage, overlays: Sequence[Overlay]) -> None:
        """``overlays``: what lays the layer of the same position over its face; used for one pass."""
        self._footage, self._overlays = footage, overlays

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the clip in pixels."""
        return self._footage.size

    def frames(self, layers: Sequence[Layer]) -> Iterator[Picture]:
        """The clip, frame by frame, with the layers over its faces."""
        analyzed = ordered_map(self._analyze, self._with_squares(layers), _ANALYZERS)
        return ordered_map(self._compose, _with_neighbours(analyzed))

    def face_boxes(self) -> FloatArray:
        """Where the followed faces are in ten frames of the clip."""
        some = np.unique(np.linspace(0, len(self._footage) - 1, 10).round().astype(int)).tolist()
        tracks = self._footage.tracks
        points = [track.square(frame).to_pixels(track.landmarks[frame]) for track in tracks for frame in some]
        return np.array([(each.min(0), each.max(0)) for each in points])

    def _with_squares(self, layers: Sequence[Layer]) -> Iterator[_Frame]:
        """Each frame, and for each face that is seen in it what ``Overlay.analyze`` takes."""
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
    """The next of each, as long as all have one; closing it closes them."""
    try:
        yield from zip(*squares, strict=True)
    finally:
        for each in squares:
            close(each)


def _with_neighbours(items: Iterator[T]) -> Iterator[tuple[T | None, T, T | None]]:
    """Each item with the one before and the one after it; None at the ends."""
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
