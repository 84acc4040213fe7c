"""The pipeline: from a face and a driving motion, or a clip, to a finished file.

picture -> face -> subject ┐
template or clip -> driver ┴> layer ┐
the picture, or a clip -> scene ────┴> frames -> sink
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from reenact.casting import assign_templates, cast_footage, open_drivers, open_portrait, track_of
from reenact.driver import FaceTrackDriver, MotionDriver
from reenact.engine import Engine
from reenact.face.align import align, choose, choose_several, crop_angle
from reenact.footage import Footage
from reenact.generator.renderer import NATIVE_SIZE
from reenact.media import EncodedFile, EncodeOptions, open_clip, read_picture, write_clip
from reenact.motion.transfer import TransferOptions
from reenact.options import AnimateOptions, CastMember, SwapOptions, check_size
from reenact.overlay import Overlay
from reenact.provenance.origin import SourceFile
from reenact.scene import ClipScene, GroupScene, Layer, Mirrored, Scene, SquareScene, StillScene, boxes_of
from reenact.sink import FileSink, file_signer, report_progress
from reenact.subject import Subject, open_subject
from reenact.tracking import track
from reenact.types import (
    Clip,
    Crop,
    Face,
    FloatArray,
    FrameCallback,
    Picture,
    ProgressCallback,
    Template,
)


@dataclass(frozen=True)
class Animated:
    """The result: the file, the faces that the selfie shows, and seconds by stage."""

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
    """Animate the face in ``selfie`` with the motion of ``template`` and write the result.

    Args:
        engine: can be reused for many calls.
        selfie: JPEG, PNG, WebP, HEIC or AVIF.
        template: a stored template, or a clip whose motion is tracked.
        out: ``.mp4``, ``.gif`` or ``.webp``; appears only when it is complete.
        options: see ``AnimateOptions``.
        on_progress: called for every frame.
        on_frame: called with every frame as it is written to the file.

    Raises:
        InputError: the selfie, the clip or an option cannot be used (see ``reenact.errors``).
        OutputError: the result cannot be written.
    """
    options, clock = options or AnimateOptions(), _Clock()
    picture = read_picture(selfie)
    faces = engine.finder.find(picture)
    chosen, boxes = choose_several(faces, options.face), boxes_of(faces)
    if options.mirror:
        picture, chosen, boxes = _mirror_input(engine, picture, chosen, boxes)
    crops = [align(face) for face in chosen.values()]
    clock.lap("find")
    driven_by = assign_templates(template, options.motions, tuple(chosen))
    drivers = open_drivers(engine, driven_by, options.transfer, on_progress)
    driver = drivers[0]
    clock.lap("track")
    scene, sizes = _still_scene(picture, boxes, crops, options)
    layers = [
        Layer(open_subject(engine, picture, face, crop, size), each)
        for face, crop, size, each in zip(chosen.values(), crops, sizes, drivers, strict=True)
    ]
    scene = Mirrored(scene) if options.mirror else scene
    clip = Clip(scene.frames(layers), driver.fps, len(layers[0].poses), driver.audio)
    clips = dict.fromkeys(each for each in driven_by[1:] if isinstance(each, Path) and each != driven_by[0])
    others = [SourceFile("driving", each) for each in clips]
    sign_file = file_signer(engine, selfie, driven_by[0], options.certificate, others=others)
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
    """Replace the face of a person in a clip by the face in ``selfie``; nothing else of the clip changes.

    The result has the clip's size, frame rate and sound.

    Args:
        engine: can be reused for many calls.
        selfie: JPEG, PNG, WebP, HEIC or AVIF.
        clip: a video, a template that has one, or a clip whose faces are tracked already.
        out: ``.mp4``, ``.gif`` or ``.webp``; appears only when it is complete.
        options: see ``SwapOptions``.
        on_progress: called for every frame.
        on_frame: called with every frame as it is written to the file.

    Raises:
        InputError: the selfie, the clip or an option cannot be used (see ``reenact.errors``).
        OutputError: the result cannot be written.
    """
    options, clock = options or SwapOptions(), _Clock()
    cast = options.cast or (CastMember(0, face=options.face),)
    portraits = {each.selfie: open_portrait(engine, each.selfie or selfie) for each in cast}
    new = [choose(portraits[each.selfie].faces, each.face) for each in cast]
    clock.lap("find")
    footage = cast_footage(engine, clip, options, on_progress)
    clock.lap("track")
    tracks = [track_of(footage, each.person) for each in cast]
    layers, overlays = [], []
    for member, face, replaced in zip(cast, new, tracks, strict=True):
        picture, size = portraits[member.selfie].picture, replaced.painted_size(options.size)
        subject = open_subject(engine, picture, face, align(face), size)
        layers.append(Layer(subject, FaceTrackDriver(replaced, footage.fps, options.likeness)))
        overlays.append(Overlay(engine, footage, replaced))
    scene = ClipScene(footage, overlays)
    result = Clip(scene.frames(layers), footage.fps, len(footage), footage.audio, footage.audio_start)
    first, *others = dict.fromkeys(each.selfie or selfie for each in cast)
    more = [SourceFile("portrait", each) for each in others]
    sign_file = file_signer(engine, first, footage.path, options.certificate, "swap", more)
    written = FileSink(out, options, sign_file, on_progress, on_frame).write(result, scene)
    clock.lap("render")
    return Animated(written, tuple(portraits[cast[0].selfie].faces), clock.seconds)


def _still_scene(
    picture: Picture, boxes: FloatArray, crops: Sequence[Crop], options: AnimateOptions
) -> tuple[Scene, list[int]]:
    """The scene for one or several faces of a picture, and the side in pixels that each is rendered at."""
    if len(crops) == 1:
        return _SCENES[options.paste](picture, boxes, crops[0], options.size), [options.size]
    scene = GroupScene(picture, boxes, crops, options.size)
    return scene, scene.painted_sizes()


_SCENES: dict[str, type[StillScene] | type[SquareScene]] = {"full": StillScene, "crop": SquareScene}


def _mirror_input(
    engine: Engine, picture: Picture, faces: dict[int, Face], boxes: FloatArray
) -> tuple[Picture, dict[int, Face], FloatArray]:
    """The flipped picture and the same faces in it; landmarks are detected again, since left is now right.

    A motion cannot be mirrored: its learned points have no counterparts on the other side. So the picture is
    mirrored, and the finished frames are mirrored back.
    """
    width, mirror = picture.shape[1], np.ascontiguousarray(picture[:, ::-1])
    found = engine.finder.find(mirror)
    mirrored = {}
    for number, face in faces.items():
        centre = width - (face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2
        near = min(found, key=partial(_distance, centre), default=None)
        mirrored[number] = choose([near] if near else [])
    flipped = boxes.copy()
    flipped[:, ::-1, 0] = width - boxes[..., 0]
    return mirror, mirrored, flipped


def _distance(point: tuple[float, float], face: Face) -> float:
    """Distance from a point to the centre of a face's box, in pixels."""
    return math.dist(point, ((face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2))


def reconstruct(
    engine: Engine,
    clip: Path,
    out: Path,
    on_progress: ProgressCallback | None = None,
    size: int = NATIVE_SIZE,
) -> EncodedFile:
    """Rebuild a clip from its first frame and its own motion, to evaluate a model.

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
    """Measures seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = round(now - self._last, 4)
        self._last = now
