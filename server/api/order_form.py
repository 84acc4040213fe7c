"""From a validated form to an order: saves the uploads and makes the cheap checks.

The pixels are left to the job, which reports for instance a missing face in its ``error``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from werkzeug.datastructures import FileStorage

from reenact.errors import InvalidOption
from reenact.gallery import TemplateMetadata, get_portrait, get_template, list_templates, template_ids
from reenact.media import PictureLimits, Span, VideoLimits, check_picture, open_clip
from server.errors import Gone
from server.jobs import Order
from server.screening import digest
from server.settings import Settings
from server.storage import DRIVING, SELFIE, Storage

SELFIE_GONE = "This selfie was deleted. Send it again."
_CHOICES = {  # fields of which one excludes others
    "selfie": "a file",
    "portrait": "an id",
    "selfie_of": "the id of a job",
    "driving": "a file",
    "template": "an id",
}
_OPTIONS = {
    *("effect", "format", "size", "face", "audio"),
    *("mode", "strength", "paste", "mirror", "start", "end", "likeness"),
}
_NAMED_TEMPLATES = 20  # how many an error lists


@dataclass(frozen=True)
class CheckedOrder:
    """A checked order and how many frames it will make (0 where that is not known)."""

    order: Order
    frames: int
    face: str  # what the consent is for: SHA-256 of the selfie or new clip, or ``portrait:`` and the id
    clip: str | None = None  # and of a swap: SHA-256 of the clip, or ``template:`` and the id


def parse_order(
    form: dict[str, Any], settings: Settings, storage: Storage, kept_selfie_folder: Callable[[str], str]
) -> CheckedOrder:
    """Save the uploads of a form and check it.

    Args:
        form: as ``AnimationIn`` loads it, with a language.
        kept_selfie_folder: gives the folder where the selfie of a job is kept; raises NotFound, Gone or
            InvalidOption.
        settings: the limits.
        storage: takes the uploads; nothing is left there when this raises.

    Raises:
        InputError: the selfie, the clip, an id or an option cannot be used.
    """
    selfie, portrait, again = _one_of(form, "selfie", "portrait", "selfie_of")
    driving, template = _one_of(form, "driving", "template")
    if portrait and form["keep_selfie"]:
        raise InvalidOption("keep_selfie: This order has a portrait, so there is no selfie to keep.")
    options = {name: form[name] for name in form.keys() & _OPTIONS} | {"label": _label(form, settings.label)}
    source = kept_selfie_folder(again) if again else None
    folder = storage.create_folder()
    order = Order(folder, portrait, template, keep_selfie=form["keep_selfie"], **options)
    try:
        order.options()
        frames = _check_motion(order, driving, settings, storage)
        if source:
            _copy_selfie(storage, source, folder)
        elif selfie:
            selfie.save(storage.upload(folder, SELFIE))
        face = _check_face(order, settings, storage)
        clip = _clip_consent(order, storage) if order.effect == "swap" else None
    except BaseException:
        storage.delete_folder(folder)
        raise
    return CheckedOrder(order, frames, face, clip)


def parse_template_order(form: dict[str, Any], settings: Settings, storage: Storage) -> CheckedOrder:
    """Save and check the clip of a form that ``TemplateIn`` has loaded; otherwise as ``parse_order``."""
    id = form.get("id") or "-".join(re.findall("[a-z0-9]+", form["title"].lower()))[:64].strip("-")
    if not id:
        raise InvalidOption(
            "id: Send one. It cannot be made from the title, which has no letters from a to z."
        )
    if id in template_ids(settings.templates, settings.more_templates):
        raise InvalidOption(
            f"id: The template {id} exists already. Send another id, or delete that template."
        )
    facts = {name: form[name] for name in ("title", "licence", "attribution", "tags")}
    TemplateMetadata(**facts)
    order = Order(storage.create_folder(), template=id, card=facts)
    try:
        frames = _check_clip(order, form["driving"], settings, storage)
        clip = digest(storage.upload(order.upload_folder, DRIVING))
    except BaseException:
        storage.delete_folder(order.upload_folder)
        raise
    return CheckedOrder(order, frames, clip)


def _label(form: dict[str, Any], policy: str) -> str | None:
    """The language of the label, or None for no label; raises InvalidOption where there may be none."""
    if policy == "never" and form["label"]:
        raise InvalidOption(
            "label: This server adds no labels. Send label=false, and say where you show the result that "
            "it was made with AI."
        )
    return form["language"] if form["label"] or policy == "always" else None


def _one_of(form: dict[str, Any], *names: str) -> list[Any]:
    """What was sent under each name, None for all but exactly one.

    A browser sends an empty part for a file that was not chosen.
    """
    found = [form.get(name) or None for name in names]
    if found.count(None) != len(names) - 1:
        *others, last = (f"{name} ({_CHOICES[name]})" for name in names)
        raise InvalidOption(f"Send exactly one of {', '.join(others)} and {last}.")
    return found


def _check_motion(order: Order, upload: FileStorage | None, settings: Settings, storage: Storage) -> int:
    """The motion exists or the clip can be opened; the number of frames of the result."""
    if upload is not None:
        return _check_clip(order, upload, settings, storage)
    template = get_template(order.template or "", settings.templates, more=settings.more_templates)
    if order.effect == "animate":
        return len(template.motion)
    if template.driving is None:
        raise InvalidOption(f"template: {_without_clip(template.id, settings)}")
    return _count_frames(order, template.driving, settings)


def _without_clip(id: str, settings: Settings) -> str:
    """What to say of a template that is only a motion, where a clip is needed."""
    templates = list_templates(settings.templates, more=settings.more_templates)
    found = [each.id for each in templates if each.driving][:_NAMED_TEMPLATES]
    those = f"Of the templates these have one: {', '.join(found)}." if found else "No template here has one."
    return (
        f"{id} is a movement without a clip, so there is no face to put another over. {those} "
        "Or send a clip as driving."
    )


def _check_clip(order: Order, upload: FileStorage, settings: Settings, storage: Storage) -> int:
    """The clip can be opened; the number of its frames."""
    path = storage.upload(order.upload_folder, DRIVING)
    upload.save(path)
    return _count_frames(order, path, settings)


def _count_frames(order: Order, clip: Path, settings: Settings) -> int:
    """How many frames of a clip are used; it keeps the limits."""
    limits = VideoLimits(max_seconds=settings.driving_seconds, max_side=settings.driving_side)
    return open_clip(clip, limits, Span(order.start, order.end)).frame_count or 0


def _clip_consent(order: Order, storage: Storage) -> str:
    """What the consent of a swap is for besides the face."""
    if order.template:
        return f"template:{order.template}"
    return digest(storage.upload(order.upload_folder, DRIVING))


def _copy_selfie(storage: Storage, source: str, folder: str) -> None:
    """Take the kept selfie of another job; raises Gone."""
    try:
        storage.copy(source, SELFIE, folder)
    except FileNotFoundError:
        raise Gone(SELFIE_GONE) from None


def _check_face(order: Order, settings: Settings, storage: Storage) -> str:
    """The portrait exists, or the selfie has an accepted format and size; what consent is given for."""
    if order.portrait:
        return f"portrait:{get_portrait(order.portrait, settings.portraits, settings.more_portraits).id}"
    path = storage.upload(order.upload_folder, SELFIE)
    check_picture(path, PictureLimits(max_pixels=settings.selfie_pixels))
    return digest(path)
