"""Schemas of responses, except those of ``verify``. Descriptions are the text of the OpenAPI document."""

from __future__ import annotations

from apiflask import Schema
from apiflask.fields import Boolean, DateTime, Dict, Float, Integer, List, Nested, String
from apiflask.validators import OneOf

from reenact.types import EFFECTS
from server.api.requests import about


class TemplateOut(Schema):
    """One motion of the gallery."""

    id = String(required=True, metadata=about("What an order names in `template`.") | {"example": "nod"})
    title = String(required=True, metadata=about("In English."))
    tags = List(String(), required=True, metadata=about("What moves, and how."))
    seconds = Float(required=True, metadata=about("Duration."))
    fps = Float(required=True, metadata=about("Frames per second of a result."))
    has_audio = Boolean(required=True, metadata=about("Whether it has sound."))
    effect = String(
        required=True,
        validate=OneOf(EFFECTS),
        metadata=about("What it is meant for: to animate a picture, or to swap a face into its clip."),
    )
    has_video = Boolean(
        required=True, metadata=about("Whether it has a clip, into which `effect=swap` puts a face.")
    )
    preview_url = String(required=True, allow_none=True, metadata=about("An animated WebP."))
    licence = String(required=True, metadata=about("Of the motion."))
    attribution = String(required=True, metadata=about("Who made the motion."))


class TemplateDetailOut(TemplateOut):
    """One motion, with all that is known of it."""

    frames = Integer(required=True, metadata=about("Number of frames of a result."))


class TemplatesOut(Schema):
    """The gallery of motions."""

    templates = List(Nested(TemplateOut), required=True, metadata=about("By id."))


class PortraitOut(Schema):
    """One famous face."""

    id = String(
        required=True, metadata=about("What an order names in `portrait`.") | {"example": "eileen-collins"}
    )
    title = String(required=True, metadata=about("In English."))
    image_url = String(required=True, metadata=about("The whole picture."))
    thumbnail_url = String(required=True, metadata=about("A square JPEG of 256 pixels."))
    licence = String(required=True, metadata=about("Of the picture."))
    attribution = String(required=True, metadata=about("Who made the picture."))
    source = String(required=True, metadata=about("Where the picture comes from."))


class PortraitsOut(Schema):
    """The famous faces."""

    portraits = List(
        Nested(PortraitOut), required=True, metadata=about("Those that ship, then those of the operator.")
    )


class FaceOut(Schema):
    """A face that the selfie shows."""

    box = List(Float(), required=True, metadata=about("x0, y0, x1, y1 in pixels of the upright picture."))
    score = Float(required=True, metadata=about("0..1"))


class ResultOut(Schema):
    """The file that was made."""

    url = String(
        required=True, metadata=about("Whoever has it can fetch the file, without a key, until it expires.")
    )
    bytes = Integer(required=True, metadata=about("Size of the file."))
    width = Integer(required=True, metadata=about("In pixels; an mp4 has even sides."))
    height = Integer(required=True, metadata=about("In pixels."))
    frames = Integer(required=True, metadata=about("In the file."))
    fps = Float(required=True, metadata=about("Frames a second, as the file plays."))
    has_audio = Boolean(required=True, metadata=about("Whether the file has sound."))
    sha256 = String(required=True, metadata=about("Of the file, in hexadecimal."))
    expires_at = DateTime(required=True, metadata=about("After that the server answers 410."))


class AddedOut(Schema):
    """The template that a job added to the gallery."""

    id = String(required=True, metadata=about("What orders name in `template`."))
    url = String(required=True, metadata=about("Of the template."))


class JobErrorOut(Schema):
    """Why a job failed."""

    code = String(required=True, metadata=about("The same codes as those of error answers."))
    detail = String(required=True, metadata=about("A sentence that a person can act on."))


class JobOut(Schema):
    """A job and how far it is."""

    id = String(required=True, metadata=about("Names the job in later requests."))
    status = String(
        required=True,
        validate=OneOf(["queued", "running", "succeeded", "failed", "cancelled", "rejected"]),
        metadata=about("All but queued and running are final. rejected: the order is valid, but refused."),
    )
    effect = String(
        required=True,
        allow_none=True,
        validate=OneOf([*EFFECTS, None]),
        metadata=about("animate or swap; null where the job adds a template."),
    )
    progress = Float(required=True, metadata=about("0..1"))
    frames_done = Integer(
        required=True,
        metadata=about(
            "So far. Of a swap the share of the work that is done, in frames: its clip is tracked first."
        ),
    )
    frames_total = Integer(required=True, allow_none=True, metadata=about("Null while it is unknown."))
    queue_position = Integer(required=True, allow_none=True, metadata=about("1 is next."))
    created_at = DateTime(required=True, metadata=about("When it was ordered."))
    ended_at = DateTime(required=True, allow_none=True, metadata=about("Null until then."))
    timings = Dict(
        keys=String(),
        values=Float(),
        required=True,
        metadata=about("Seconds by stage: find, track, render; or add."),
    )
    faces = List(Nested(FaceOut), required=True, metadata=about("Largest first; known when it ends."))
    result = Nested(
        ResultOut, required=True, allow_none=True, metadata=about("Of an animation that succeeded.")
    )
    selfie_expires_at = DateTime(
        required=True, allow_none=True, metadata=about("Until when a selfie is kept; null where none is.")
    )
    template = Nested(
        AddedOut,
        required=True,
        allow_none=True,
        metadata=about("Where the job was to add one and succeeded."),
    )
    metadata = String(required=True, allow_none=True, metadata=about("As it was sent."))
    error = Nested(
        JobErrorOut,
        required=True,
        allow_none=True,
        metadata=about("Why it failed or was rejected; null otherwise."),
    )


class JobsOut(Schema):
    """A page of jobs."""

    animations = List(Nested(JobOut), required=True, metadata=about("The latest first."))
    next = String(required=True, allow_none=True, metadata=about("Cursor of the next page; null at the end."))


class ProblemOut(Schema):
    """An error as RFC 9457 problem details."""

    type = String(required=True, metadata=about("Where the code is explained."))
    title = String(required=True, metadata=about("The status in words."))
    status = Integer(required=True, metadata=about("As in the answer itself."))
    detail = String(required=True, metadata=about("A sentence that a person can act on."))
    code = String(required=True, metadata=about("Never changes."))
    request_id = String(required=True, metadata=about("Identifies the request in the operator's log."))
    errors = Dict(
        keys=String(), values=List(String()), metadata=about("Messages by field, for invalid fields.")
    )


class HealthOut(Schema):
    """A sign of life."""

    status = String(required=True, metadata=about("alive or ready."))
