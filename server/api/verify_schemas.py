"""Schemas and examples of ``verify``."""

from __future__ import annotations

from typing import Any

from apiflask import Schema
from apiflask.fields import Boolean, Float, Integer, List, Nested, String
from apiflask.validators import OneOf

from reenact.provenance.verify import VERDICTS
from server.api.requests import about, file_field
from server.api.strict import FormIn


class VerifyIn(FormIn):
    """A file to look at."""

    file = file_field("MP4, MOV, WebM, MKV, GIF, WebP, JPEG, PNG, HEIC or AVIF.", required=True)


class IngredientOut(Schema):
    """Something that a file was made of."""

    title = String(required=True, metadata=about("As the manifest calls it."))
    relationship = String(required=True, metadata=about("parentOf, componentOf or inputTo."))
    signed = Boolean(required=True, metadata=about("Whether its own Content Credentials were kept."))


class ManifestOut(Schema):
    """The Content Credentials (C2PA) of a file. What they claim counts only when they are valid."""

    valid = Boolean(required=True, metadata=about("The file is as it was when it was signed."))
    trusted = Boolean(required=True, metadata=about("By a root that the operator trusts."))
    development = Boolean(
        required=True, metadata=about("Signed with a development certificate, which anybody can make.")
    )
    signer = String(required=True, allow_none=True, metadata=about("As the certificate names it."))
    program = String(required=True, allow_none=True, metadata=about("That made it, with its version."))
    ours = Boolean(required=True, metadata=about("That program calls itself Reenact."))
    time = String(required=True, allow_none=True, metadata=about("When it was made, as the program says."))
    source_type = String(required=True, allow_none=True, metadata=about("IPTC digital source type."))
    made_by_ai = Boolean(required=True, metadata=about("It says that AI made the pictures, at least partly."))
    actions = List(String(), required=True, metadata=about("C2PA's names of what was done."))
    model = String(required=True, allow_none=True, metadata=about("SHA-256 of the model's list of files."))
    template = String(required=True, allow_none=True, metadata=about("Id of the motion."))
    act = String(
        required=True,
        allow_none=True,
        metadata=about("What was done, of this program's own: animate, or swap (a face put into a clip)."),
    )
    ingredients = List(Nested(IngredientOut), required=True, metadata=about("What it was made of."))
    problems = List(String(), required=True, metadata=about("Failure codes of C2PA, or `unreadable`."))


class MarkOut(Schema):
    """The invisible watermark of a file."""

    id = String(required=True, metadata=about("64 bits in hexadecimal, made from the job's id."))
    confidence = Float(required=True, metadata=about("Share of its bits read rightly, .5 to 1."))
    frames = Integer(required=True, metadata=about("Frames that were looked at."))
    agreeing = Integer(required=True, metadata=about("Those that show it by themselves."))
    scale = Float(required=True, metadata=about("Of the file against what was made."))
    mirrored = Boolean(required=True, metadata=about("Whether the file was mirrored since."))


class VerifyOut(Schema):
    """What can be said about where a file comes from."""

    verdict = String(
        required=True,
        validate=OneOf(VERDICTS),
        metadata=about(
            "made: by this program. signed: not changed since somebody signed what it says of itself. "
            "changed: since it was signed. cannot_tell: nothing was found, which does not show it is real."
        ),
    )
    answer = List(String(), required=True, metadata=about("The same in plain English, the verdict first."))
    manifest = Nested(
        ManifestOut, required=True, allow_none=True, metadata=about("Null where there is none.")
    )
    watermark = Nested(MarkOut, required=True, allow_none=True, metadata=about("Null where none was found."))


EXAMPLES: dict[str, dict[str, Any]] = {
    "made": {
        "summary": "A result of this program",
        "value": {
            "verdict": "made",
            "answer": ["This was made by Reenact: the face in it was moved by a program."],
            "manifest": {
                "valid": True,
                "trusted": False,
                "development": True,
                "signer": "Reenact development certificate",
                "program": "Reenact 0.1.0",
                "ours": True,
                "time": "2026-11-24T21:00:00+00:00",
                "source_type": "compositeWithTrainedAlgorithmicMedia",
                "made_by_ai": True,
                "actions": ["c2pa.created"],
                "model": "ab" * 32,
                "template": "nod",
                "act": "animate",
                "ingredients": [{"title": "portrait", "relationship": "inputTo", "signed": False}],
                "problems": [],
            },
            "watermark": {
                "id": "e85ff99f3a9b908e",
                "confidence": 0.99,
                "frames": 66,
                "agreeing": 66,
                "scale": 1.0,
                "mirrored": False,
            },
        },
    },
    "cannot_tell": {
        "summary": "Nothing was found",
        "value": {
            "verdict": "cannot_tell",
            "answer": ["Cannot tell. Neither a record nor a watermark of this key was found."],
            "manifest": None,
            "watermark": None,
        },
    },
}
