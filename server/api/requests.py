"""Schemas of requests. Descriptions are the text of the OpenAPI document."""

from __future__ import annotations

from typing import Any

from apiflask.fields import Boolean, File, Float, Integer, List, String
from apiflask.validators import Equal, Length, OneOf, Range, Regexp
from marshmallow import ValidationError, post_load, validates_schema

from reenact.provenance.label import LANGUAGES
from reenact.types import EFFECTS
from server.api.strict import FormIn, QueryIn

METADATA_BYTES = 1000
# What only one effect has, and what it gets where an order says nothing. Not defaults of the fields, which
# clients made from the document would send with every order.
_ANIMATE = {"mode": "relative", "strength": 1.0, "paste": "full", "mirror": False}
_SWAP: dict[str, object] = {"start": 0.0, "end": None, "likeness": 1.0}
_SIZES = {"animate": 256, "swap": 512}

# Answers that no schema describes, by status, as OpenAPI response objects.
Answers = dict[int | str, dict[str, str | dict[str, dict[str, Any]]]]


def about(text: str) -> dict[str, str]:
    """A field's description in the document."""
    return {"description": text}


def file_field(text: str, required: bool = False) -> File:
    """A file of a form. The error explains the usual mistake with curl."""
    error = "Send a file, not text. With curl, put @ before the path."
    return File(  # type: ignore[no-untyped-call]  # flask-marshmallow has no types
        required=required, error_messages={"invalid": error}, metadata=about(text)
    )


def _metadata_fits(text: str) -> None:
    """Refuse more than a kilobyte of a client's own data, and what no database keeps."""
    if len(text.encode(errors="surrogatepass")) > METADATA_BYTES or "\0" in text:
        raise ValidationError(f"Must be at most {METADATA_BYTES} bytes, without zero bytes.")


def _not_a_path(text: str) -> None:
    """Refuse paths here, with a clear message: later messages never repeat a path."""
    if "/" in text:
        raise ValidationError("Must be an id, not a path.")


def _consent(what: str) -> Boolean:
    """The consent that every order needs."""
    error = f"Must be true: confirm that you may use this {what}."
    return Boolean(
        required=True,
        validate=Equal(True, error=error),
        error_messages={"required": error, "invalid": error},
        metadata=about(f"Must be true: the sender may use this {what}."),
    )


class TemplateIn(FormIn):
    """A motion to add to the gallery."""

    driving = file_field("MP4, MOV, WebM, MKV, GIF or animated WebP with one face.", required=True)
    title = String(required=True, validate=Length(1, 100), metadata=about("Shown in the gallery."))
    id = String(
        validate=Regexp(
            r"^(?=.{1,64}$)[a-z0-9]+(-[a-z0-9]+)*$", error="Small letters, digits and hyphens, at most 64."
        ),
        metadata=about("Small letters, digits and hyphens; by default made from the title."),
    )
    tags = List(
        String(validate=Length(1, 30)), load_default=list, metadata=about("Send the field once for each tag.")
    )
    licence = String(required=True, validate=Length(1, 300), metadata=about("Of the motion."))
    attribution = String(required=True, validate=Length(1, 300), metadata=about("Who made the motion."))
    consent = _consent("clip")


class AnimationIn(FormIn):
    """An order: one face, and what moves it or what it is put into."""

    effect = String(
        validate=OneOf(EFFECTS),
        metadata=about(
            "animate (default): the picture moves. swap: its face goes over the largest face of the clip, "
            "whose size, rate and sound stay; the clip is `driving`, or that of a template with `has_video`."
        ),
    )

    selfie = file_field("JPEG, PNG, WebP, HEIC or AVIF; this, `selfie_of` or `portrait`.")
    selfie_of = String(
        validate=Length(1, 64),
        metadata=about("Id of one of your jobs with `keep_selfie`, whose selfie is used again."),
    )
    keep_selfie = Boolean(
        load_default=False,
        metadata=about(
            "Whether the selfie is kept for `selfie_of` when the job has succeeded, until its result expires "
            "or the job is deleted. Otherwise it is deleted when the job ends."
        ),
    )
    portrait = String(
        validate=[Length(1, 64), _not_a_path],
        metadata=about("Id of a portrait; instead of a selfie."),
    )
    template = String(validate=Length(1, 64), metadata=about("Id of a template; this or `driving`."))
    driving = file_field("MP4, MOV, WebM, MKV, GIF or animated WebP with a face; this or `template`.")
    format = String(
        load_default="mp4", validate=OneOf(["mp4", "gif", "webp"]), metadata=about("Of the result.")
    )
    size = Integer(
        validate=OneOf([256, 512, 1024]),
        metadata=about(
            "Side of the animated square in pixels, by default 256. Of a swap the largest side that is "
            "painted, by default 512; less where the face in the clip is smaller."
        ),
    )
    mode = String(
        validate=OneOf(["relative", "absolute"]),
        metadata=about(
            "relative (default): the movement from the first frame on; absolute: the pose itself. "
            "Not of a swap."
        ),
    )
    strength = Float(
        validate=Range(0, 2),
        metadata=about("0: no movement; 1 (default): the movement as it is; 2: exaggerated. Not of a swap."),
    )
    paste = String(
        validate=OneOf(["full", "crop"]),
        metadata=about(
            "full (default): the whole picture moves; crop: only the animated square. Not of a swap."
        ),
    )
    face = String(
        load_default="largest",
        validate=Regexp(r"^(largest|[0-9]{1,3})$", error="Must be `largest` or a number from 0 to 999."),
        metadata=about("Of the picture: `largest`, or a position from 0 (largest) on."),
    )
    audio = Boolean(
        load_default=True,
        metadata=about("Whether an mp4 gets the sound of the template or clip, if it has any."),
    )
    mirror = Boolean(
        metadata=about(
            "The movement as in a mirror: a turn to the left becomes one to the right. Not of a swap."
        ),
    )
    start = Float(
        validate=Range(0, 86400),
        metadata=about("Of a swap: where in the clip to begin, in seconds; default 0."),
    )
    end = Float(
        validate=Range(0, 86400),
        metadata=about("Of a swap: where in the clip to end, in seconds; by default where it ends itself."),
    )
    likeness = Float(
        validate=Range(0, 1),
        metadata=about(
            "Of a swap: the proportions of the face, from those of the person in the clip (0) to those of "
            "the picture (1, the default)."
        ),
    )
    label = Boolean(
        load_default=False,
        metadata=about(
            "Whether a small text in a corner says that it was made with AI. Some servers always add it."
        ),
    )
    language = String(
        validate=OneOf(LANGUAGES), metadata=about("Of the label; by default what `Accept-Language` prefers.")
    )
    webhook = String(
        validate=Length(1, 2000),
        metadata=about(
            "Public URL that the job is POSTed to when it ends. It is signed as a Standard Webhook, and with "
            "`Reenact-Signature: t=time,v1=code`: the HMAC-SHA256 of time, dot and body with the key's "
            "secret. Three tries of 10 seconds each. Needs an access key, also on the local machine."
        ),
    )
    metadata = String(
        validate=_metadata_fits,
        metadata=about("Your own data, at most 1000 bytes. Returned unchanged."),
    )
    consent = _consent("face, and for a swap the clip and the people in it")

    @validates_schema
    def _refuse_options_of_the_other_effect(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("effect") == "swap":
            others, error = _ANIMATE, "A swap has no such option: leave it out."
        else:
            others, error = _SWAP, "Only a swap has this option: leave it out, or send effect=swap."
        if errors := {name: [error] for name in others if name in data}:
            raise ValidationError(errors)

    @post_load
    def _complete(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        effect = data.get("effect", "animate")
        return {"size": _SIZES[effect]} | (_SWAP if effect == "swap" else _ANIMATE) | data


class PhotoIn(FormIn):
    """A photo to look at."""

    selfie = file_field("JPEG, PNG, WebP, HEIC or AVIF.", required=True)


class PageIn(QueryIn):
    """Which part of a list."""

    limit = Integer(
        load_default=20, validate=Range(1, 100), metadata=about("Maximum number of jobs in the answer.")
    )
    cursor = String(validate=Length(1, 64), metadata=about("`next` of the previous page."))
