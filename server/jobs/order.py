"""Order: what a client asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from reenact.media import EncodeOptions, Span
from reenact.motion.transfer import Mode, TransferOptions
from reenact.options import AnimateOptions, SwapOptions
from reenact.provenance.label import Language
from reenact.types import Effect

Paste = Literal["full", "crop"]
Format = Literal["mp4", "gif", "webp"]
LARGEST: Literal["largest"] = "largest"
# Increases when a field is added to an order or changes its meaning. A worker runs orders of its own version
# and older ones, and leaves newer ones to others.
VERSION = 2


@dataclass(frozen=True)
class Order:
    """One animation, swap or template to make. Only plain values, for databases and brokers to carry."""

    upload_folder: str  # the folder of the job's uploads in the storage
    portrait: str | None = None  # id of a portrait; None: the uploaded selfie
    template: str | None = None  # id of a template; None: the uploaded driving clip
    card: dict[str, Any] | None = None  # fields of a ``Card``: the clip is to become the template of that id
    format: Format = "mp4"  # of the result
    size: int = 256  # side of the animated square in pixels
    mode: Mode = "relative"  # see TransferOptions
    strength: float = 1.0  # see TransferOptions
    paste: Paste = "full"  # the whole picture, or only the animated square
    face: str = LARGEST  # or its position from 0, largest first
    audio: bool = True  # whether the sound of the template or clip goes into an mp4
    mirror: bool = False  # see AnimateOptions
    label: Language | None = None  # language of the visible label; None: no label
    keep_selfie: bool = False  # whether the selfie stays for further orders, once the job has succeeded
    effect: Effect = "animate"  # swap: the face goes into the clip; since version 2, as all that follows
    start: float = 0.0  # of a swap: see Span
    end: float | None = None  # of a swap: see Span
    likeness: float = 1.0  # of a swap: see SwapOptions

    def options(self) -> AnimateOptions | SwapOptions:
        """The engine's options, by the effect; raises InvalidOption."""
        face = LARGEST if self.face == LARGEST else int(self.face)
        if self.effect == "swap":
            return SwapOptions(
                size=self.size,
                face=face,
                likeness=self.likeness,
                span=Span(self.start, self.end),
                label=self.label,
                encode=EncodeOptions(sound=self.audio),
            )
        return AnimateOptions(
            size=self.size,
            paste=self.paste,
            face=face,
            mirror=self.mirror,
            label=self.label,
            transfer=TransferOptions(mode=self.mode, strength=self.strength),
            encode=EncodeOptions(sound=self.audio),
        )
