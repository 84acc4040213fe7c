"""The clip of a template, the faces tracked in it, and its preview."""

from __future__ import annotations

import logging
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from reenact.engine import Engine
from reenact.errors import InputError
from reenact.face.align import align, choose
from reenact.footage import open_footage
from reenact.footage_file import save_footage
from reenact.gallery.portraits import get_portrait, list_portraits
from reenact.gallery.template_metadata import BuildRecipe
from reenact.gallery.templates import DRIVING, FACES, get_template
from reenact.generator.renderer import NATIVE_SIZE
from reenact.media import EncodeOptions, open_clip, read_picture, write_clip
from reenact.motion.transfer import TransferOptions, transfer
from reenact.options import AnimateOptions
from reenact.pipeline import animate
from reenact.sink import report_progress
from reenact.subject import open_subject
from reenact.types import Clip, Motion, Picture, ProgressCallback

log = logging.getLogger(__name__)

PREVIEW_FPS = 15  # largest number of frames per second: a preview must be small
PREVIEW_ENCODING = EncodeOptions(webp_quality=55, webp_effort=4)
SCENE_ENCODING = EncodeOptions(crf=23, preset="slow")


def write_scene(engine: Engine, place: Path, recipe: BuildRecipe | None) -> None:
    """Write the clip of a template that is made from one of our portraits and another template's motion."""
    if recipe and recipe.portrait:
        motion = get_template(recipe.motion, place.parent, engine.model)
        options = AnimateOptions(size=512, encode=SCENE_ENCODING)
        animate(engine, get_portrait(recipe.portrait).path, motion, place / DRIVING, options)


def write_faces(
    engine: Engine, folder: Path, *, required: bool = False, on_progress: ProgressCallback | None = None
) -> None:
    """Track the faces of a template's clip and store the tracks for swaps.

    If no face can be replaced, no file is written, or InputError is raised if one is ``required``.
    """
    try:
        footage = open_footage(engine, folder / DRIVING, on_progress=on_progress)
    except InputError as error:
        if required:
            raise
        log.warning("No face can be put into the clip of %s: %s", folder.name, error)
    else:
        save_footage(footage, folder / FACES)


def write_preview(
    engine: Engine, motion: Motion, out: Path, on_progress: ProgressCallback | None = None
) -> None:
    """Write a preview of a motion on the first of our portraits: an animated WebP of 256 pixels."""
    picture = read_picture(list_portraits()[0].path)
    face = choose(engine.finder.find(picture))
    crop = align(face)
    subject = open_subject(engine, picture, face, crop, NATIVE_SIZE)
    driven = transfer(subject.keypoints, motion.keypoints, TransferOptions(), motion.fps)
    every = -(-motion.fps // PREVIEW_FPS)
    shown = driven[:: int(every)]
    frames = report_progress(subject.render(shown), len(shown), on_progress)
    write_clip(Clip(frames, motion.fps / every, len(shown)), out, options=PREVIEW_ENCODING)


def write_clip_preview(clip: Path, out: Path) -> None:
    """Write a clip as an animated WebP of at most 256 pixels."""
    opened = open_clip(clip)
    every = -(-opened.fps // PREVIEW_FPS)
    frames = (_reduced(frame) for frame in islice(opened.frames, 0, None, int(every)))
    write_clip(Clip(frames, opened.fps / every), out, options=PREVIEW_ENCODING)


def _reduced(frame: Picture) -> Picture:
    image = Image.fromarray(frame)
    image.thumbnail((NATIVE_SIZE, NATIVE_SIZE))
    return np.asarray(image)
