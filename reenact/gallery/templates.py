"""Reading templates: ``<folder>/<id>/{template.toml, motion.npz, preview.webp, driving.mp4, faces.npz}``."""

from __future__ import annotations

import difflib
import logging
import math
import os
import re
import secrets
import shutil
import time
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG

from reenact.config import DEFAULT_MODEL, MOTIONS
from reenact.errors import MotionOutdated, OutputError, TemplateNotFound
from reenact.gallery.template_metadata import FILE, read_metadata
from reenact.media import has_sound
from reenact.motion.motion_file import load_motion
from reenact.os_errors import reason
from reenact.runtime import ModelFolder
from reenact.types import Template

log = logging.getLogger(__name__)

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MOTION, PREVIEW, DRIVING, FACES = "motion.npz", "preview.webp", "driving.mp4", "faces.npz"
HIDDEN = re.compile(rf"\.{SLUG.pattern}-[0-9a-f]{{8}}")  # what hidden_place names
CACHED_TEMPLATES = 128  # templates; one of five seconds takes 60 kB
ABANDONED_AFTER = 3600.0  # seconds that nothing is written to a folder before it counts as left behind


def list_templates(
    folder: Path = MOTIONS, model: str | None = None, more: Path | None = None
) -> list[Template]:
    """All usable templates, by id. One that is damaged or outdated is left out with a warning in the log.

    Args:
        folder: where they lie.
        model: SHA-256 of the keypoint graph, ``Engine.model``; None means that of the shipped model.
        more: a folder of further ones; what has an id that ``folder`` has too is left out.

    Raises:
        WeightsBroken: ``model`` is None and the shipped model is missing.
    """
    model = model or _shipped_model()
    found = []
    for id in template_ids(folder, more):
        try:
            found.append(_read(_template_folder(id, folder, more), model))
        except (TemplateNotFound, MotionOutdated) as error:
            log.warning("Template %s is skipped: %s", id, error)
    return found


def get_template(
    id: str, folder: Path = MOTIONS, model: str | None = None, more: Path | None = None
) -> Template:
    """One template; ``folder``, ``model`` and ``more`` as for ``list_templates``.

    Raises:
        TemplateNotFound: there is none with this id, or it is damaged. The message names similar ids.
        MotionOutdated: its motion was made with another model.
        WeightsBroken: ``model`` is None and the shipped model is missing.
    """
    # An id may come from a request: what is no slug never touches the disk.
    if not is_slug(id) or not ((place := _template_folder(id, folder, more)) / FILE).is_file():
        raise TemplateNotFound(_not_found(id, folder, more))
    return _read(place, model or _shipped_model())


def template_ids(folder: Path = MOTIONS, more: Path | None = None) -> list[str]:
    """The ids in one folder or two, sorted, usable or not; none where there is no such folder."""
    paths = [path for each in (folder, more) if each and each.is_dir() for path in each.iterdir()]
    return sorted({path.name for path in paths if is_slug(path.name) and (path / FILE).is_file()})


def remove_template(id: str, folder: Path) -> None:
    """Delete one template, usable or not; it is gone at once and as a whole.

    Raises:
        TemplateNotFound: ``folder`` has none with this id.
        OutputError: the folder cannot be written to.
    """
    if id not in template_ids(folder):
        raise TemplateNotFound(_not_found(id, folder))
    gone = hidden_folder(id, folder)
    try:
        os.replace(folder / id, gone)
    except OSError as error:
        raise OutputError(f"The template {id} cannot be deleted: {reason(error)}.") from error
    shutil.rmtree(gone, ignore_errors=True)  # a sweep takes the rest


def hidden_folder(id: str, folder: Path) -> Path:
    """A new name beside a template, for what is unfinished or to be deleted; ``sweep_templates`` finds it."""
    return folder / f".{id}-{secrets.token_hex(4)}"


def sweep_templates(folder: Path, before: float | None = None) -> int:
    """Delete the hidden folders of builds that were killed, and count them.

    A build writes its card at once, its motion soon and its preview in minutes: one that wrote nothing for an
    hour is dead.

    Args:
        folder: where templates lie; one that is not there, or cannot be read, has nothing to delete.
        before: time of the last change from which on a folder is left alone; by default an hour ago.
    """
    before = time.time() - ABANDONED_AFTER if before is None else before
    try:
        hidden = [path for path in folder.iterdir() if HIDDEN.fullmatch(path.name) and path.is_dir()]
    except OSError:
        return 0
    dead = [path for path in hidden if _last_change(path) < before]
    for path in dead:
        log.info("Deleting %s, left by a build that was killed", path)
        shutil.rmtree(path, ignore_errors=True)
    return len(dead)


def is_slug(id: str) -> bool:
    """Whether ``id`` can name a template: small letters, digits and single hyphens, at most 64."""
    return len(id) <= 64 and SLUG.fullmatch(id) is not None


def _read(folder: Path, model: str) -> Template:
    """A template, read once as long as its files stay the same: services ask for it with each order."""
    return _read_cached(
        folder, model, tuple(_stamp(folder / name) for name in (FILE, MOTION, PREVIEW, DRIVING, FACES))
    )


@lru_cache(maxsize=CACHED_TEMPLATES)
def _read_cached(folder: Path, model: str, stamps: tuple[object, ...]) -> Template:
    metadata, (*_, preview, driving, faces) = read_metadata(folder), stamps
    return Template(
        id=folder.name,
        title=metadata.title,
        tags=metadata.tags,
        motion=load_motion(folder / MOTION, model),
        licence=metadata.licence,
        attribution=metadata.attribution,
        preview=folder / PREVIEW if preview else None,
        driving=folder / DRIVING if driving else None,
        effect=metadata.effect,
        faces=folder / FACES if faces else None,
        has_sound=bool(driving) and has_sound(folder / DRIVING),
    )


def _stamp(file: Path) -> tuple[int, ...] | None:
    """What becomes another whenever a file does; None where there is none."""
    try:
        now = file.stat()
    except OSError:
        return None
    return (now.st_ino, now.st_size, now.st_mtime_ns) if S_ISREG(now.st_mode) else None


def _last_change(folder: Path) -> float:
    """When a folder or a file in it was last written; never, where it is just being deleted."""
    try:
        return max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
    except OSError:
        return math.inf


def _shipped_model() -> str:
    return ModelFolder(DEFAULT_MODEL).hash("keypoints")


def _template_folder(id: str, folder: Path, more: Path | None) -> Path:
    """Where the template of a slug lies, or would lie."""
    return more / id if more and not (folder / id / FILE).is_file() else folder / id


def _not_found(id: str, folder: Path, more: Path | None = None) -> str:
    known = template_ids(folder, more)
    if not known:
        return f"There is no template {id[:64]!r}: the folder {folder} has none."
    near = difflib.get_close_matches(id[:64], known, n=3)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(known)}."
    return f"There is no template {id[:64]!r}. {hint}"
