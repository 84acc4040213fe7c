"""Order: what a client asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from reenact.media import EncodeOptions
from reenact.motion.transfer import Mode, TransferOptions
from reenact.options import AnimateOptions
from reenact.provenance.label import Language

Paste = Literal["full", "crop"]
Format = Literal["mp4", "gif", "webp"]
LARGEST = "largest"
# Increases when a field is added to an order or changes its meaning. A worker runs orders of its own version
# and older ones, and leaves newer ones to others.
VERSION = 1


@dataclass(frozen=True)
class Order:
    """One animation or template to make. Only plain values, so that a database or a broker can carry it."""

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

    def options(self) -> AnimateOptions:
        """The engine's options; raises InvalidOption."""
        return AnimateOptions(
            size=self.size,
            paste=self.paste,
            face="largest" if self.face == LARGEST else int(self.face),
            mirror=self.mirror,
            label=self.label,
            transfer=TransferOptions(mode=self.mode, strength=self.strength),
            encode=EncodeOptions(sound=self.audio),
        )
