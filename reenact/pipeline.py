"""THE PATH: a face and what moves it go in, a moving picture comes out.

picture -> face -> subject ┐
template or clip -> driver ┴> layer ┐
the picture, or a clip -> scene ────┴> frames -> sink
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reenact.driver import FaceTrackDriver, MotionDriver, open_driver
from reenact.engine import Engine
from reenact.face.align import align, choose, crop_angle
from reenact.footage import Footage, open_footage
from reenact.footage_file import template_footage
from reenact.generator.renderer import NATIVE_SIZE
from reenact.media import EncodedFile, EncodeOptions, Span, open_clip, read_picture, write_clip
from reenact.motion.transfer import TransferOptions
from reenact.options import AnimateOptions, SwapOptions, check_size
from reenact.overlay import Overlay
from reenact.scene import ClipScene, Layer, Mirrored, Scene, SquareScene, StillScene, boxes_of
from reenact.sink import FileSink, file_signer, report_progress
from reenact.subject import Subject, open_subject
from reenact.tracking import track
from reenact.types import Clip, Crop, Face, FloatArray, FrameCallback, Picture, ProgressCallback, Template


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
        on_progress: is called for every frame.
        on_frame: gets every frame as it goes into the file.

    Raises:
        InputError: the selfie, the clip or an option cannot be used (see ``reenact.errors``).
        OutputError: the result cannot be written.
    """
    options, clock = options or AnimateOptions(), _Clock()
    picture = read_picture(selfie)
    faces = engine.finder.find(picture)
    face, boxes = choose(faces, options.face), boxes_of(faces)
    if options.mirror:
        picture, face, boxes = _mirror_input(engine, picture, face, boxes)
    crop = align(face)
    clock.lap("find")
    driver = open_driver(engine, template, options.transfer, on_progress)
    clock.lap("track")
    layer = Layer(open_subject(engine, picture, face, crop, options.size), driver)
    scene: Scene = _SCENES[options.paste](picture, boxes, crop, options.size)
    scene = Mirrored(scene) if options.mirror else scene
    clip = Clip(scene.frames([layer]), driver.fps, len(layer.poses), driver.audio)
    sign_file = file_signer(engine, selfie, template, options.certificate)
    written = FileSink(out, options, sign_file, on_progress, on_frame).write(clip, scene)
    clock.lap("render")
    return Animated(written, tuple(faces), clock.seconds)


def swap(
    engine: Engine,
    selfie: bytes | Path,
    clip: Path | Template | Footage,
    out: Path,
    options: SwapOptions | None = None,
    on_progress: ProgressCallback | None = None,
    on_frame: FrameCallback | None = None,
) -> Animated:
    """Put the face in ``selfie`` over that of the person in a clip; nothing else of the clip changes.

    The result has the clip's size, rate and sound.

    Args:
        engine: opened once.
        selfie: JPEG, PNG, WebP, HEIC or AVIF.
        clip: a video, a template that has one, or one whose faces were tracked before.
        out: ``.mp4``, ``.gif`` or ``.webp``; appears only when it is whole.
        options: see ``SwapOptions``.
        on_progress: is called for every frame.
        on_frame: gets every frame as it goes into the file.

    Raises:
        InputError: the selfie, the clip or an option cannot be used (see ``reenact.errors``).
        OutputError: the result cannot be written.
    """
    options, clock = options or SwapOptions(), _Clock()
    picture = read_picture(selfie)
    faces = engine.finder.find(picture)
    face = choose(faces, options.face)
    clock.lap("find")
    footage = _footage(engine, clip, options.span, on_progress)
    clock.lap("track")
    replaced = footage.tracks[0]
    subject = open_subject(engine, picture, face, align(face), replaced.painted_size(options.size))
    layer = Layer(subject, FaceTrackDriver(replaced, footage.fps, options.likeness))
    scene = ClipScene(footage, [Overlay(engine, footage, replaced)])
    result = Clip(scene.frames([layer]), footage.fps, len(footage), footage.audio, footage.audio_start)
    sign_file = file_signer(engine, selfie, footage.path, options.certificate)
    written = FileSink(out, options, sign_file, on_progress, on_frame).write(result, scene)
    clock.lap("render")
    return Animated(written, tuple(faces), clock.seconds)


_SCENES: dict[str, type[StillScene] | type[SquareScene]] = {"full": StillScene, "crop": SquareScene}


def _mirror_input(
    engine: Engine, picture: Picture, face: Face, boxes: FloatArray
) -> tuple[Picture, Face, FloatArray]:
    """The picture in a mirror, and the same face in it; its landmarks are found anew, since left is right.

    A motion cannot be mirrored itself: its learned points have no partners on the other side. So the face is,
    and the finished frames are mirrored back.
    """
    width, mirror = picture.shape[1], np.ascontiguousarray(picture[:, ::-1])
    centre = width - (face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2
    near = min(
        engine.finder.find(mirror),
        key=lambda found: math.dist(
            centre, ((found.box[0] + found.box[2]) / 2, (found.box[1] + found.box[3]) / 2)
        ),
        default=None,
    )
    flipped = boxes.copy()
    flipped[:, ::-1, 0] = width - boxes[..., 0]
    return mirror, choose([near] if near else []), flipped


def _footage(
    engine: Engine, clip: Path | Template | Footage, span: Span, on_progress: ProgressCallback | None
) -> Footage:
    """A clip with its faces: tracked now, or before."""
    if isinstance(clip, Footage):
        return clip.trimmed(span)
    if isinstance(clip, Template):
        return template_footage(engine, clip, span, on_progress)
    return open_footage(engine, clip, span=span, on_progress=on_progress)


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
    check_size(size)
    first = next(open_clip(clip).frames)
    faces = engine.finder.find(first)
    if first.shape[:2] == (size, size):
        crop = Crop(0, 0, size, crop_angle(faces[0].roll) if faces else 0.0)
    else:
        crop = align(choose(faces))
    motion = track(engine, clip, crop=crop, on_progress=on_progress)
    subject = Subject.posed(engine, first, faces[0] if faces else None, crop, size, motion.keypoints[0])
    scene = SquareScene(first, boxes_of(faces), crop, size)
    frames = scene.frames([Layer(subject, MotionDriver(motion, TransferOptions("absolute")))])
    shown = report_progress(frames, len(motion), on_progress)
    return write_clip(Clip(shown, motion.fps, len(motion)), out, options=EncodeOptions(crf=12))


class _Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = round(now - self._last, 4)
        self._last = now
