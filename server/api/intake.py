"""From a validated form to an order: uploads on disk, everything checked that is cheap to check.

The costly look at the pixels is left to the job: it may find no face, and says so in its ``error``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import FileStorage

from reenact.errors import InvalidOption
from reenact.gallery import get_portrait, get_template
from reenact.media import PictureLimits, VideoLimits, check_picture, open_clip
from server.config import Settings
from server.jobs import Order
from server.screening import digest
from server.storage import DRIVING, SELFIE, Storage

_OPTIONS = ("format", "size", "mode", "strength", "paste", "face", "audio", "mirror")


@dataclass(frozen=True)
class Intake:
    """A checked order and how many frames it will make (0 where that is not known)."""

    order: Order
    frames: int
    face: str  # what the consent is for: SHA-256 of the selfie as it was sent, or ``portrait:`` and the id


def take_in(form: dict[str, Any], settings: Settings, storage: Storage) -> Intake:
    """Keep the uploads of a form and check it.

    Args:
        form: as ``AnimationIn`` loads it, with a language.
        settings: the limits.
        storage: takes the uploads; nothing is left there when this raises.

    Raises:
        InputError: the selfie, the clip, an id or an option cannot be used.
    """
    selfie, portrait = _either(form, "selfie", "portrait")
    driving, template = _either(form, "driving", "template")
    options = {name: form[name] for name in _OPTIONS} | {"label": _label(form, settings.label)}
    place = storage.open_place()
    order = Order(place, portrait, template, **options)
    try:
        order.options()
        frames = _check_motion(order, driving, settings, storage)
        face = _check_face(order, selfie, settings, storage)
    except BaseException:
        storage.drop(place)
        raise
    return Intake(order, frames, face)


def _label(form: dict[str, Any], policy: str) -> str | None:
    """The language of the label, or None for no label; raises InvalidOption where there may be none."""
    if policy == "never" and form["label"]:
        raise InvalidOption(
            "label: The operator of this server has turned labels off. Send label=false, and say where you "
            "show the result that it was made with AI."
        )
    return form["language"] if form["label"] or policy == "always" else None


def _either(form: dict[str, Any], file: str, id: str) -> tuple[FileStorage | None, str | None]:
    """Exactly one of an upload and an id. A browser sends an empty part for a file that was not chosen."""
    upload: FileStorage | None = form.get(file) or None
    name: str | None = form.get(id)
    if (upload is None) == (name is None):
        raise InvalidOption(f"Send either the file {file!r} or the id {id!r}, exactly one of them.")
    return upload, name


def _check_motion(order: Order, upload: FileStorage | None, settings: Settings, storage: Storage) -> int:
    """The motion exists or the clip can be opened; the number of its frames."""
    if upload is None:
        return len(get_template(order.template or "", settings.templates).motion)
    path = storage.upload(order.place, DRIVING)
    upload.save(path)
    clip = open_clip(path, VideoLimits(max_seconds=settings.driving_seconds, max_side=settings.driving_side))
    return clip.frame_count or 0


def _check_face(order: Order, upload: FileStorage | None, settings: Settings, storage: Storage) -> str:
    """The portrait exists, or the selfie has an accepted format and size; what consent is given for."""
    if upload is None:
        return (
            f"portrait:{get_portrait(order.portrait or '', settings.portraits, settings.more_portraits).id}"
        )
    path = storage.upload(order.place, SELFIE)
    upload.save(path)
    check_picture(path, PictureLimits(max_pixels=settings.selfie_pixels))
    return digest(path)
