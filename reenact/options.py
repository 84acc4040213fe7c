"""The options of a result that a caller can set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from reenact.errors import InvalidOption
from reenact.face.align import FaceChoice, FacesChoice, check_positions
from reenact.media import WHOLE, EncodeOptions, Span
from reenact.motion.transfer import TransferOptions
from reenact.provenance.certificate import Certificate
from reenact.provenance.label import LANGUAGES, Language
from reenact.types import Template
from reenact.watermark.embed import Watermark

SIZES = (256, 512, 1024)


@dataclass(frozen=True)
class AnimateOptions:
    """How a picture is animated."""

    size: int = 256  # side of the animated square in pixels: 256, 512 or 1024
    paste: Literal["full", "crop"] = "full"  # the whole picture, or only the animated square
    face: FacesChoice = "largest"  # or its position from 0, largest first; several positions; or all
    motions: Mapping[int, Template | Path] = field(default_factory=dict)  # of faces with another motion
    mirror: bool = False  # the motion is mirrored: a turn to the left becomes one to the right
    transfer: TransferOptions = field(default_factory=TransferOptions)
    encode: EncodeOptions = field(default_factory=EncodeOptions)
    label: Language | None = None  # of the visible label in every frame
    watermark: Watermark | None = None  # the invisible mark in every frame
    certificate: Certificate | None = None  # that signs Content Credentials in the file

    def __post_init__(self) -> None:
        """Check the ranges; raises InvalidOption."""
        check_size(self.size)
        if self.paste not in ("full", "crop"):
            raise InvalidOption(f"paste is full or crop, not {self.paste!r}.")
        if self.paste == "crop" and (self.face == "all" or isinstance(self.face, tuple)):
            raise InvalidOption("The square shows one face: choose one of them, or paste full.")
        _check_label(self.label)


@dataclass(frozen=True)
class CastMember:
    """A person of a clip, and the new face of this person."""

    person: int  # number in the clip, see ``find_people``: 0 fills most of it
    selfie: bytes | Path | None = None  # None: the selfie passed to ``swap``
    face: FaceChoice = "largest"  # of this selfie, or its position from 0, largest first


@dataclass(frozen=True)
class SwapOptions:
    """How a face is put into a clip."""

    size: int = 512  # largest side in pixels of the rendered square; less where the face is smaller
    face: FaceChoice = "largest"  # of the selfie, or its position from 0, largest first
    cast: tuple[CastMember, ...] = ()  # people to replace, at most 8; empty: only the largest face
    likeness: float = 1.0  # of the face's proportions: 1 the selfie's, 0 those of the person in the clip
    span: Span = WHOLE  # the part of the clip that is used, in seconds
    encode: EncodeOptions = field(default_factory=EncodeOptions)
    label: Language | None = None  # of the visible label in every frame
    watermark: Watermark | None = None  # the invisible mark in every frame
    certificate: Certificate | None = None  # that signs Content Credentials in the file

    def __post_init__(self) -> None:
        """Check the ranges; raises InvalidOption."""
        check_size(self.size)
        _check_label(self.label)
        if self.cast:
            check_positions([each.person for each in self.cast], "person")
        if not 0 <= self.likeness <= 1:
            raise InvalidOption(f"likeness is between 0 and 1, not {self.likeness:g}.")


def check_size(size: int) -> None:
    """Raise InvalidOption where this size is not supported."""
    if size not in SIZES:
        raise InvalidOption(f"size is 256, 512 or 1024, not {size}.")


def _check_label(label: str | None) -> None:
    if label not in (None, *LANGUAGES):
        raise InvalidOption(f"label is {', '.join(LANGUAGES)} or none, not {label!r}.")
