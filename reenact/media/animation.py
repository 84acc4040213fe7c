"""GIF and animated WebP: when each frame is shown, and the frames themselves.

Pillow decodes them (disposal, blending and transparency included); it does not tell all durations without
decoding all frames, so those are read from the file's structure first.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from itertools import islice
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
_MAX_BLOCKS = 1_000_000  # a GIF of 100 MB has 400,000; more are there to keep us busy
_OPENERS: dict[formats.Format, Callable[[BinaryIO], Image.Image]] = {
    formats.GIF: GifImageFile,
    formats.WEBP: WebPImageFile,
}


def probe_animation(path: Path, found: formats.Format, most: int) -> tuple[tuple[int, int], list[int]]:
    """(width, height) of the canvas and the milliseconds that each whole frame is shown.

    The list ends where the file is cut off or a frame reaches far beyond the canvas, and after ``most`` + 1
    frames; it is empty when not even one frame is whole. Nothing is decoded.

    Raises ValueError when the file is built to keep its reader busy.
    """
    with path.open("rb") as file:
        read = _webp_delays if found == formats.WEBP else _gif_delays
        delays = list(islice(read(file), most + 1))
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
            frame = image.convert("RGBA")
            if frame.size != size:  # a GIF frame may reach beyond the canvas; that part is never shown
                frame = frame.crop((0, 0, *size))
            yield np.array(Image.alpha_composite(white, frame).convert("RGB"))


def _gif_delays(file: BinaryIO) -> Iterator[int]:
    """Walk a GIF's blocks (GIF89a specification, sections 18 to 26); yield each whole image's delay."""
    head = file.read(13)
    canvas = int.from_bytes(head[6:8], "little") * int.from_bytes(head[8:10], "little")
    _skip_colour_table(file, head[10:11])
    delay, room = 0, _MAX_BLOCKS
    while room and (block := file.read(1)) in (b"!", b","):
        if block == b",":  # an image: position and flags, colours, code size, data
            place = file.read(9)
            if _overhangs(place, canvas):
                return
            _skip_colour_table(file, place[8:9])
            file.read(1)
        elif file.read(1) == b"\xf9":  # a graphic control, which holds the delay of the next image
            control = file.read(6)
            delay = int.from_bytes(control[2:4], "little") * 10
            continue
        room = _skip_blocks(file, room)
        if room and block == b",":
            yield delay
            delay = 0


def _overhangs(place: bytes, canvas: int) -> bool:
    """Whether an image reaches so far beyond the canvas that it must not be unpacked."""
    left, top, width, height = struct.unpack("<4H", place[:8].ljust(8, b"\0"))
    return bool((left + width) * (top + height) > _MAX_OVERHANG * canvas)


def _skip_colour_table(file: BinaryIO, flags: bytes) -> None:
    """Step over the colour table that the ``flags`` byte announces."""
    if flags and flags[0] & 0x80:
        file.seek(3 << ((flags[0] & 7) + 1), 1)


def _skip_blocks(file: BinaryIO, room: int) -> int:
    """Step over a chain of data blocks; how many more may follow, 0 when the file ends within it."""
    while length := file.read(1):
        room -= 1
        if room <= 0:
            raise ValueError("the file consists of too many blocks")
        if length == b"\x00":
            return room
        file.seek(length[0], 1)
    return 0


def _webp_delays(file: BinaryIO) -> Iterator[int]:
    """Walk a WebP's chunks (RFC 9649, section 2.7); a still picture is one frame."""
    file.seek(12)
    animated = False
    for _ in range(_MAX_BLOCKS // 10):
        head = file.read(8)
        length = int.from_bytes(head[4:], "little")
        body = file.read(min(length, 16))
        if len(head) < 8:
            break
        if head[:4] == b"VP8X":
            animated = bool(body and body[0] & 2)
        elif head[:4] == b"ANMF" and len(body) == 16:
            yield int.from_bytes(body[12:15], "little")
        file.seek(length + (length & 1) - len(body), 1)
    else:
        raise ValueError("the file consists of too many chunks")
    if not animated:
        yield _DEFAULT_DELAY
