"""THE PATH: a selfie and a template go in, a moving face comes out.

picture -> face -> crop -> source ┐
                                  ├-> driven keypoints -> squares -> frames -> file
template or clip -> motion ───────┘
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from reenact.compose.canvas import Canvas
from reenact.engine import Engine
from reenact.errors import InvalidOption
from reenact.face.align import FaceChoice, align, choose, crop_angle, extract_crop
from reenact.generator.renderer import NATIVE_SIZE
from reenact.media import EncodedFile, EncodeOptions, open_clip, read_picture, write_clip
from reenact.motion.transfer import Mode, TransferOptions, transfer
from reenact.provenance.certificate import Certificate
from reenact.provenance.credentials import Origin, SourceFile, sign_clip
from reenact.provenance.label import LANGUAGES, Label, Language
from reenact.rendering import prepare_source, render_frames
from reenact.runtime import close, ordered_map
from reenact.tracking import require_motion, track
from reenact.types import Clip, Crop, Face, FrameCallback, Motion, Picture, ProgressCallback, Template
from reenact.watermark.embed import Marker, Watermark

SIZES = (256, 512, 1024)


@dataclass(frozen=True)
class AnimateOptions:
    """What a caller may choose."""

    size: int = 256  # side of the animated square in pixels: 256, 512 or 1024
    paste: Literal["full", "crop"] = "full"  # the whole picture, or only the animated square
    face: FaceChoice = "largest"  # or its position from 0, largest first
    mirror: bool = False  # the movement as in a mirror: a turn to the left becomes one to the right
    transfer: TransferOptions = field(default_factory=TransferOptions)
    encode: EncodeOptions = field(default_factory=EncodeOptions)
    label: Language | None = None  # of the visible label in every frame
    watermark: Watermark | None = None  # the invisible mark in every frame
    certificate: Certificate | None = None  # that signs Content Credentials in the file

    def __post_init__(self) -> None:
        """Check the ranges; raises InvalidOption."""
        _check_size(self.size)
        if self.paste not in ("full", "crop"):
            raise InvalidOption(f"paste is full or crop, not {self.paste!r}.")
        if self.label not in (None, *LANGUAGES):
            raise InvalidOption(f"label is {', '.join(LANGUAGES)} or none, not {self.label!r}.")


@dataclass(frozen=True)
class Animated:
    """What came out: the file, the faces that the selfie shows, and seconds spent by stage."""

    written: EncodedFile
    faces: tuple[Face, ...]
    seconds: dict[str, float]


def animate(
    engine: Engine,
    selfie: bytes | Path,
    template: Template | Path,
    out: Path,
    options: AnimateOptions | None = None,
    on_progress: ProgressCallback | None = None,
    on_frame: FrameCallback | None = None,
) -> Animated:
    """Make the face in ``selfie`` move like ``template`` and write the result.

    Args:
        engine: opened once.
        selfie: JPEG, PNG, WebP, HEIC or AVIF.
        template: a stored one, or a clip to take the motion from.
        out: ``.mp4``, ``.gif`` or ``.webp``; appears only when it is whole.
        options: see ``AnimateOptions``.
        on_progress: is told of every frame.
        on_frame: is handed every frame as it goes into the file.

    Raises:
        InputError: the selfie, the clip or an option cannot be used (see ``reenact.errors``).
        OutputError: the result cannot be written.
    """
    options, clock = options or AnimateOptions(), _Clock()
    picture = read_picture(selfie)
    faces = engine.finder.find(picture)
    face = choose(faces, options.face)
    if options.mirror:
        picture, face = _mirror_input(engine, picture, face)
    crop = align(face)
    clock.lap("find")
    motion, audio = _load_motion(engine, template, options.transfer.mode, on_progress)
    clock.lap("track")
    source = prepare_source(engine, picture, face, crop, options.size)
    driven = transfer(source.keypoints, motion.keypoints, options.transfer, motion.fps)
    squares = render_frames(engine, source, face, crop, driven)
    frames = _finish_frames(squares, picture, faces, crop, options)
    shown = report_progress(frames, len(motion), on_progress, on_frame)
    sign_file = _file_signer(engine, selfie, template, options.certificate)
    written = write_clip(
        Clip(shown, motion.fps, len(motion), audio), out, options=options.encode, sign_file=sign_file
    )
    clock.lap("render")
    return Animated(written, tuple(faces), clock.seconds)


def _mirror_input(engine: Engine, picture: Picture, face: Face) -> tuple[Picture, Face]:
    """The picture in a mirror, and the same face in it; its landmarks are found anew, since left is right.

    A motion cannot be mirrored itself: its learned points have no partners on the other side. So the face is,
    and the finished frames are mirrored back.
    """
    mirror = np.ascontiguousarray(picture[:, ::-1])
    centre = picture.shape[1] - (face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2
    near = min(
        engine.finder.find(mirror),
        key=lambda found: math.dist(
            centre, ((found.box[0] + found.box[2]) / 2, (found.box[1] + found.box[3]) / 2)
        ),
        default=None,
    )
    return mirror, choose([near] if near else [])


def _finish_frames(
    squares: Iterator[Picture], picture: Picture, faces: list[Face], crop: Crop, options: AnimateOptions
) -> Iterator[Picture]:
    """Squares as frames of the result: in the whole picture where that is asked for, labelled and marked."""
    size, whole = options.size, options.paste == "full"
    canvas = Canvas(picture, crop, size) if whole else _upright_canvas(picture, crop, size)
    frames = ordered_map(canvas.paste, squares) if canvas else squares
    if options.mirror:
        frames, crop = ordered_map(_flip, frames), crop.mirrored(picture.shape[1])
    if options.label:
        label = _label(options.label, faces, crop.upright(), canvas if whole else None, size)
        frames = ordered_map(label.blend, frames)
    if options.watermark:
        frames = ordered_map(Marker(options.watermark).mark, frames)
    return frames


def _upright_canvas(picture: Picture, crop: Crop, size: int) -> Canvas | None:
    """What turned squares are pasted into where only the square is wanted: that which is not turned.

    None where squares are not turned, and so are frames already.
    """
    if not crop.angle:
        return None
    return Canvas(extract_crop(picture, crop.upright(), size), Crop(0, 0, size, crop.angle), size)


def _flip(frame: Picture) -> Picture:
    return np.ascontiguousarray(frame[:, ::-1])


def _file_signer(
    engine: Engine, selfie: bytes | Path, template: Template | Path, certificate: Certificate | None
) -> Callable[[Path, Path], None] | None:
    """What signs the result, with where it comes from."""
    if certificate is None:
        return None
    inputs = (SourceFile("portrait", selfie),)
    if isinstance(template, Path):
        origin = Origin(engine.digest, None, (*inputs, SourceFile("driving", template)))
    else:
        origin = Origin(engine.digest, template.id, inputs)
    return partial(sign_clip, origin=origin, certificate=certificate)


def _label(language: Language, faces: list[Face], crop: Crop, canvas: Canvas | None, side: int) -> Label:
    """The label for frames of the whole picture, or of the square of ``side`` pixels."""
    corners = np.array([face.box for face in faces]).reshape(-1, 2, 2)
    placed = canvas.to_result(corners) if canvas else (crop.to_units(corners) + 1) / 2 * side
    boxes = [(x0, y0, x1, y1) for x0, y0, x1, y1 in placed.reshape(-1, 4).tolist()]
    return Label(language, canvas.size if canvas else (side, side), boxes)


def reconstruct(
    engine: Engine,
    clip: Path,
    out: Path,
    on_progress: ProgressCallback | None = None,
    size: int = NATIVE_SIZE,
) -> EncodedFile:
    """Rebuild a clip from its first frame and its own motion: how a model is judged.

    Absolute motion. A clip of ``size`` x ``size`` pixels is not cropped; any other is cropped around the
    face. The result has as many frames as the clip, ``size`` x ``size``: 256, 512 or 1024.
    """
    _check_size(size)
    first = next(open_clip(clip).frames)
    faces = engine.finder.find(first)
    if first.shape[:2] == (size, size):
        crop = Crop(0, 0, size, crop_angle(faces[0].roll) if faces else 0.0)
    else:
        crop = align(choose(faces))
    motion = track(engine, clip, crop=crop, on_progress=on_progress)
    small, full = (extract_crop(first, crop, side) for side in (NATIVE_SIZE, size))
    source = engine.renderer.prepare(small, full, motion.keypoints[0])
    squares = render_frames(engine, source, faces[0] if faces else None, crop, motion.keypoints)
    canvas = _upright_canvas(first, crop, size)
    frames = report_progress(
        ordered_map(canvas.paste, squares) if canvas else squares, len(motion), on_progress
    )
    return write_clip(Clip(frames, motion.fps, len(motion)), out, options=EncodeOptions(crf=12))


def _load_motion(
    engine: Engine, template: Template | Path, mode: Mode, on_progress: ProgressCallback | None
) -> tuple[Motion, Path | None]:
    """A template's stored motion, or a clip's, with the file that has the sound."""
    if isinstance(template, Template):
        return template.motion, template.driving
    motion = track(engine, template, on_progress=on_progress)
    return motion if mode == "absolute" else require_motion(motion), template


def _check_size(size: int) -> None:
    if size not in SIZES:
        raise InvalidOption(f"size is 256, 512 or 1024, not {size}.")


def report_progress(
    frames: Iterator[Picture],
    total: int,
    on_progress: ProgressCallback | None,
    on_frame: FrameCallback | None = None,
) -> Iterator[Picture]:
    """Pass frames on; when the taker stops, or ``on_progress`` raises, the stages behind them stop too."""
    try:
        for done, frame in enumerate(frames, 1):
            yield frame
            if on_frame:
                on_frame(frame)
            if on_progress:
                on_progress(done, total)
    finally:
        close(frames)


class _Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = round(now - self._last, 4)
        self._last = now
