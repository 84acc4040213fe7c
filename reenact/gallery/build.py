"""Building templates: the retimed motion of a clip, and a preview that shows another person."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from reenact.config import MOTIONS
from reenact.engine import Engine
from reenact.errors import InvalidOption, MotionOutdated, ReenactError
from reenact.gallery.scenes import write_clip_preview, write_faces, write_preview, write_scene
from reenact.gallery.template_metadata import BuildRecipe, TemplateMetadata, read_metadata, write_metadata
from reenact.gallery.templates import (
    DRIVING,
    MOTION,
    PREVIEW,
    get_template,
    hidden_folder,
    is_slug,
    sweep_templates,
    template_ids,
)
from reenact.media import open_clip, write_clip
from reenact.motion.motion_file import load_motion, save_motion
from reenact.motion.retime import RetimeOptions, retime
from reenact.os_errors import unwritable
from reenact.tracking import require_motion, track
from reenact.types import Motion, ProgressCallback, Template


@dataclass(frozen=True)
class Built:
    """The outcome for one template: whether its motion was rebuilt, or the error that stopped it."""

    id: str
    motion_rebuilt: bool = False
    error: ReenactError | None = None


def add_template(
    engine: Engine,
    clip: Path,
    id: str,
    metadata: TemplateMetadata,
    folder: Path = MOTIONS,
    *,
    keep_clip: bool = False,
    overwrite: bool = False,
    on_progress: ProgressCallback | None = None,
) -> Template:
    """Make a template from a clip; its folder appears only when it is whole.

    Args:
        engine: whose model the motion will belong to.
        clip: any format that ``open_clip`` reads, of one face.
        id: small letters, digits and hyphens.
        metadata: title, licence and so on; ``metadata.build.retime`` is applied to the motion.
        folder: where templates lie.
        keep_clip: store the clip with its sound too, as ``driving.mp4``. Only for people who agreed.
        overwrite: replace a template of this id.
        on_progress: is told of every frame of the clip, then of every frame of the preview.

    Raises:
        InvalidOption: the id is no slug or taken, or the clip is to be kept but its motion is retimed.
        InputError: the clip cannot be used (see ``reenact.tracking.track``).
        OutputError: the folder cannot be written to.
    """
    if not is_slug(id):
        raise InvalidOption(
            f"A template's id is small letters, digits and hyphens, for instance my-nod; not {id!r}."
        )
    if (folder / id).exists() and not overwrite:
        raise InvalidOption(f"A template {id} exists already. Choose another id, or overwrite it.")
    changes = metadata.build.retime if metadata.build else RetimeOptions()
    if keep_clip and changes != RetimeOptions():
        raise InvalidOption("A clip that is stored with its sound cannot be trimmed, looped or retimed.")
    motion = _capture_motion(engine, clip, changes, on_progress)
    with _atomic_folder(folder / id, overwrite) as part:
        write_metadata(metadata, part)
        save_motion(motion, part / MOTION)
        write_preview(engine, motion, part / PREVIEW, on_progress)
        if keep_clip:
            write_clip(open_clip(clip), part / DRIVING)
            write_faces(engine, part, on_progress)
    return get_template(id, folder, engine.model)


def build_templates(
    engine: Engine, data: Path | None, folder: Path = MOTIONS, ids: Sequence[str] = ()
) -> Iterator[Built]:
    """Make motions and previews again, for instance after a new model; yields each template when it is done.

    A motion is made from the template's own ``driving.mp4``, or from the clip that its card names below
    ``data``. Where neither is there the motion stays, and only the preview is made again. What goes wrong
    with one template is yielded and does not stop the others.
    """
    for id in ids or template_ids(folder):
        try:
            yield Built(id, motion_rebuilt=_build(engine, folder, id, data))
        except ReenactError as error:
            yield Built(id, error=error)


def _build(engine: Engine, folder: Path, id: str, data: Path | None) -> bool:
    """Build one template in place; True when its motion was made again."""
    if not is_slug(id) or id not in template_ids(folder):
        get_template(id, folder, engine.model)  # says what is wrong
    place = folder / id
    metadata = read_metadata(place)
    write_scene(engine, place, metadata.build)
    clip = _source(place, metadata.build, data)
    if clip is None:
        motion = _stored_motion(place, engine.model)
    else:
        motion = _capture_motion(engine, clip, metadata.build.retime if metadata.build else RetimeOptions())
        save_motion(motion, place / MOTION)
    if (place / DRIVING).is_file():
        write_faces(engine, place)
    if metadata.effect == "swap":
        write_clip_preview(place / DRIVING, place / PREVIEW)
    else:
        write_preview(engine, motion, place / PREVIEW)
    return clip is not None


def _capture_motion(
    engine: Engine, clip: Path, changes: RetimeOptions, on_progress: ProgressCallback | None = None
) -> Motion:
    """The clip's motion, retimed; only the part that is wanted is tracked, and the square fits that part."""
    count = open_clip(clip).frame_count
    last = changes.last if changes.last is not None else changes.first
    if count is not None and last >= count:
        raise InvalidOption(
            f"The clip {clip.name} has {count} frames, counted from 0; there is no frame {last}."
        )
    part = changes.first, None if changes.last is None else changes.last + 1
    motion = require_motion(track(engine, clip, part=part, on_progress=on_progress))
    return retime(motion, replace(changes, first=0, last=None))


def _source(place: Path, recipe: BuildRecipe | None, data: Path | None) -> Path | None:
    """The clip a template's motion can be made from, if it is here."""
    own = place / DRIVING
    if own.is_file():
        return own
    if recipe is None or data is None:
        return None
    clip = data / recipe.clip
    return clip if clip.is_file() else None


def _stored_motion(place: Path, model: str) -> Motion:
    try:
        return load_motion(place / MOTION, model)
    except MotionOutdated as error:
        raise MotionOutdated(
            f"The motion of {place.name} was made with another keypoint model, and the clip it came from "
            "is missing. Name the folder of the clips: reenact templates build --data FOLDER."
        ) from error


@contextmanager
def _atomic_folder(place: Path, overwrite: bool) -> Iterator[Path]:
    """A folder to fill, which takes the name ``place`` at the end, or is removed if anything fails.

    Where something else took the name meanwhile and may not be replaced, that fails too.
    """
    part, old = (hidden_folder(place.name, place.parent) for _ in range(2))
    sweep_templates(place.parent)
    try:
        part.mkdir(parents=True)
        yield part
        if overwrite and place.exists():
            os.replace(place, old)
        os.replace(part, place)
    except OSError as error:
        raise unwritable(f"The template {place}", error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
