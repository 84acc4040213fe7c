"""GIF and animated WebP: when each frame is shown, and the frames themselves.

Pillow decodes them (disposal, blending and transparency included); it does not tell all durations without
decoding all frames, so those are read from the file's structure first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image
from PIL.GifImagePlugin import GifImageFile
from PIL.WebPImagePlugin import WebPImageFile

from reenact.media import formats
from reenact.types import Picture

_TOO_SHORT = 20  # ms; shorter delays are shown for 100 ms, as all browsers do
_DEFAULT_DELAY = 100
_MAX_OVERHANG = 4  # times the canvas; more than that is not sloppiness but a bomb
_OPENERS: dict[formats.Format, Callable[[BinaryIO], Image.Image]] = {
    formats.GIF: GifImageFile,
    formats.WEBP: WebPImageFile,
}


def probe_animation(path: Path, found: formats.Format) -> tuple[tuple[int, int], list[int]]:
    """(width, height) of the canvas and the milliseconds that each whole frame is shown.

    The list ends where the file is cut off; it is empty when not even one frame is whole. Nothing is decoded.
    """
    with path.open("rb") as file:
        delays = _webp_delays(file) if found == formats.WEBP else _gif_delays(file)
        file.seek(0)
        with _OPENERS[found](file) as image:
            return image.size, [delay if delay >= _TOO_SHORT else _DEFAULT_DELAY for delay in delays]


def decode_animation(path: Path, found: formats.Format, count: int) -> Iterator[Picture]:
    """The first ``count`` frames as (H, W, 3) uint8 RGB over white, all of the canvas's size."""
    with path.open("rb") as file, _OPENERS[found](file) as image:
        size = image.size
        white = Image.new("RGBA", size, "white")
        for index in range(count):
            image.seek(index)
            # A GIF frame may reach beyond the canvas; what lies outside is never shown.
            if image.width * image.height > _MAX_OVERHANG * size[0] * size[1]:
                raise ValueError("a frame is many times as large as the canvas")
            frame = image.convert("RGBA")
            if frame.size != size:
                frame = frame.crop((0, 0, *size))
            yield np.array(Image.alpha_composite(white, frame).convert("RGB"))


def _gif_delays(file: BinaryIO) -> list[int]:
    """Walk a GIF's blocks (GIF89a specification, sections 18 to 26)."""
    _skip_colour_table(file, file.read(13)[10:11])
    delays: list[int] = []
    delay = 0
    while (block := file.read(1)) in (b"!", b","):
        if block == b",":  # an image: position and flags, colours, code size, data
            _skip_colour_table(file, file.read(9)[8:9])
            file.read(1)
        elif file.read(1) == b"\xf9":  # a graphic control, which holds the delay of the next image
            control = file.read(6)
            delay = int.from_bytes(control[2:4], "little") * 10
            continue
        if not _skip_blocks(file):
            break
        if block == b",":
            delays.append(delay)
            delay = 0
    return delays


def _skip_colour_table(file: BinaryIO, flags: bytes) -> None:
    """Step over the colour table that the ``flags`` byte announces."""
    if flags and flags[0] & 0x80:
        file.seek(3 << ((flags[0] & 7) + 1), 1)


def _skip_blocks(file: BinaryIO) -> bool:
    """Step over a chain of data blocks; False when the file ends within it."""
    while length := file.read(1):
        if length == b"\x00":
            return True
        file.seek(length[0], 1)
    return False


def _webp_delays(file: BinaryIO) -> list[int]:
    """Walk a WebP's chunks (RFC 9649, section 2.7); a still picture is one frame."""
    file.seek(12)
    delays, animated = [], False
    while len(head := file.read(8)) == 8:
        length = int.from_bytes(head[4:], "little")
        body = file.read(min(length, 16))
        if head[:4] == b"VP8X":
            animated = bool(body and body[0] & 2)
        elif head[:4] == b"ANMF" and len(body) == 16:
            delays.append(int.from_bytes(body[12:15], "little"))
        file.seek(length + (length & 1) - len(body), 1)
    return delays if animated else [_DEFAULT_DELAY]
