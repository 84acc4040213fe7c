"""Reenact: the face of one picture moves like a template.

    selfie -> face -> crop -> source ┐
                                     ├-> driven keypoints -> squares -> frames -> file
    template or clip -> motion ──────┘

The packages, in the data's order:

    media       pictures and clips in, animations out
    face        find a face, choose one, cut the square around it
    keypoints   where the face is in its square
    motion      a template's movement: stored, retimed, carried over to another face
    generator   the networks that paint the face in a new pose
    mouth       the inside of a mouth, drawn into the painted face
    compose     the square back into the whole picture
    watermark   the invisible mark in every frame
    provenance  labels, Content Credentials, and what tells where a file comes from
    runtime     ONNX graphs and the files behind them
    engine      all graphs opened once
    tracking    a clip's motion
    rendering   one face in other poses
    pipeline    the path above, from file to file
    gallery     templates and portraits that ship, and how templates are made
    cli         the command ``reenact``
    layers, training, export, evaluation, fomm    for those who make models

``import reenact`` alone loads nothing; a name loads its room when it is first used.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reenact.engine import Engine
    from reenact.errors import InputError, OutputError, ReenactError, SetupError
    from reenact.gallery import (
        Portrait,
        add_template,
        get_portrait,
        get_template,
        list_portraits,
        list_templates,
    )
    from reenact.media import EncodedFile, EncodeOptions
    from reenact.motion.transfer import TransferOptions
    from reenact.pipeline import Animated, AnimateOptions, animate, reconstruct
    from reenact.tracking import track
    from reenact.types import Motion, Template

# ONNX Runtime reports to Microsoft unless it finds this when it is first loaded (see its Privacy.md).
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

_HOMES = {
    "reenact.engine": ("Engine",),
    "reenact.errors": ("InputError", "OutputError", "ReenactError", "SetupError"),
    "reenact.gallery": (
        *("Portrait", "add_template", "get_portrait", "get_template", "list_portraits", "list_templates"),
    ),
    "reenact.media": ("EncodeOptions", "EncodedFile"),
    "reenact.motion.transfer": ("TransferOptions",),
    "reenact.pipeline": ("AnimateOptions", "Animated", "animate", "reconstruct"),
    "reenact.tracking": ("track",),
    "reenact.types": ("Motion", "Template"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AnimateOptions",
    "Animated",
    "EncodeOptions",
    "EncodedFile",
    "Engine",
    "InputError",
    "Motion",
    "OutputError",
    "Portrait",
    "ReenactError",
    "SetupError",
    "Template",
    "TransferOptions",
    "add_template",
    "animate",
    "get_portrait",
    "get_template",
    "list_portraits",
    "list_templates",
    "reconstruct",
    "track",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its room (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return sorted({*globals(), *__all__})
