"""Reenact: the face of one picture is animated with the motion of a template.

    selfie -> face -> crop -> source ┐
                                     ├-> driven keypoints -> squares -> frames -> file
    template or clip -> motion ──────┘

The packages, in the data's order:

    media       reads pictures and clips, writes animations
    face        detects faces, chooses one, crops the square around it
    keypoints   the pose of a face in its crop
    motion      a template's motion: stored, retimed, transferred to another face
    generator   the networks that render the face in a new pose
    mouth       the inside of the mouth, drawn into the rendered face
    compose     pastes the animated square into the whole picture
    watermark   the invisible watermark in every frame
    provenance  labels, Content Credentials, and their verification
    runtime     ONNX Runtime sessions and model files
    engine      all graphs, loaded once
    tracking    the motion of a clip
    rendering   one face in many poses
    pipeline    the steps above, from file to file
    gallery     templates and portraits, and how templates are built
    cli         the command ``reenact``
    layers, training, export, evaluation, fomm    for model development

``import reenact`` loads nothing else; a name loads its module when it is first used.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reenact.clip_people import ClipPerson, find_people
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
    from reenact.media import EncodedFile, EncodeOptions, Span
    from reenact.motion.transfer import TransferOptions
    from reenact.options import AnimateOptions, CastMember, SwapOptions
    from reenact.pipeline import Animated, animate, reconstruct, swap
    from reenact.tracking import track
    from reenact.types import Motion, Template

# ONNX Runtime reports to Microsoft unless it finds this when it is first loaded (see its Privacy.md).
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

_MODULES = {
    "reenact.clip_people": ("ClipPerson", "find_people"),
    "reenact.engine": ("Engine",),
    "reenact.errors": ("InputError", "OutputError", "ReenactError", "SetupError"),
    "reenact.gallery": (
        *("Portrait", "add_template", "get_portrait", "get_template", "list_portraits", "list_templates"),
    ),
    "reenact.media": ("EncodeOptions", "EncodedFile", "Span"),
    "reenact.motion.transfer": ("TransferOptions",),
    "reenact.options": ("AnimateOptions", "CastMember", "SwapOptions"),
    "reenact.pipeline": ("Animated", "animate", "reconstruct", "swap"),
    "reenact.tracking": ("track",),
    "reenact.types": ("Motion", "Template"),
}
_MODULE_OF = {name: home for home, names in _MODULES.items() for name in names}

__all__ = [
    "AnimateOptions",
    "Animated",
    "CastMember",
    "ClipPerson",
    "EncodeOptions",
    "EncodedFile",
    "Engine",
    "InputError",
    "Motion",
    "OutputError",
    "Portrait",
    "ReenactError",
    "SetupError",
    "Span",
    "SwapOptions",
    "Template",
    "TransferOptions",
    "add_template",
    "animate",
    "find_people",
    "get_portrait",
    "get_template",
    "list_portraits",
    "list_templates",
    "reconstruct",
    "swap",
    "track",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its module (PEP 562)."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return sorted({*globals(), *__all__})
