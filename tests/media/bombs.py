"""Small files that ask for a great deal, or that point elsewhere; written byte by byte."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image

IDENTITY = struct.pack(">9I", 65536, 0, 0, 0, 65536, 0, 0, 0, 0x40000000)
OWN_FILE = struct.pack(">I4sI", 12, b"url ", 1)


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box of an ISO media file (ISO/IEC 14496-12, 4.2)."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full(kind: bytes, *parts: bytes) -> bytes:
    """A box with version and flags 0."""
    return box(kind, bytes(4), *parts)


def movie(
    frames: int,
    size: int,
    data: bytes = b"",
    *,
    codec: bytes = b"jpeg",
    place: bytes = OWN_FILE,
    start: int | None = None,
    step: int = 40,
) -> bytes:
    """A QuickTime film of ``frames`` samples of ``size`` bytes each, all in one chunk.

    ``place`` is the data reference: the file in which the samples lie. ``start``: where they begin there; at
    ``data`` when it is not given. ``step``: milliseconds from frame to frame.
    """

    def head(at: int) -> bytes:
        look = bytes(6) + struct.pack(">H", 1) + bytes(16) + struct.pack(">2H", 64, 64)
        look += struct.pack(">2I", 72 << 16, 72 << 16) + bytes(4) + struct.pack(">H", 1) + bytes(32)
        table = box(
            b"stbl",
            full(b"stsd", struct.pack(">I", 1), box(codec, look, struct.pack(">Hh", 24, -1))),
            full(b"stts", struct.pack(">3I", 1, frames, step)),
            full(b"stsc", struct.pack(">4I", 1, 1, frames, 1)),
            full(b"stsz", struct.pack(">2I", size, frames)),
            full(b"stco", struct.pack(">2I", 1, at)),
        )
        places = box(b"dinf", full(b"dref", struct.pack(">I", 1), place))
        media = box(
            b"mdia",
            full(b"mdhd", struct.pack(">4I", 0, 0, 1000, 1000), bytes(4)),
            full(b"hdlr", bytes(4), b"vide", bytes(13)),
            box(b"minf", full(b"vmhd", bytes(8)), places, table),
        )
        clock = struct.pack(">4I", 0, 0, 1000, 1000)
        film = full(b"mvhd", clock, struct.pack(">IH", 65536, 256), bytes(10), IDENTITY, bytes(28))
        track = full(b"tkhd", struct.pack(">5I", 0, 0, 1, 0, 1000), bytes(16), IDENTITY, bytes(8))
        return box(b"ftyp", b"qt  ", bytes(4), b"qt  ") + box(b"moov", film, box(b"trak", track, media))

    return head(len(head(0)) + 8 if start is None else start) + box(b"mdat", data)


def alias(path: str) -> bytes:
    """A data reference to another file of this machine: a Macintosh alias record with an absolute path."""
    name = path.rpartition("/")[2].encode()[:63]
    body = bytes(10) + b"\0".ljust(28, b"\0") + bytes(12) + bytes((len(name),)) + name.ljust(63, b"\0")
    body += bytes(16) + struct.pack(">2H", 1, 1) + bytes(16)
    body += struct.pack(">2H", 2, len(path)) + path.encode() + bytes(len(path) % 2)
    return full(b"alis", body + struct.pack(">2H", 0xFFFF, 0))


def packed_header(unpacked: int) -> bytes:
    """A film whose header is compressed (QuickTime's cmov) and unpacks to so many bytes."""
    squeeze = zlib.compressobj(9)
    packed = b"".join(squeeze.compress(bytes(1_000_000)) for _ in range(unpacked // 1_000_000))
    packed_film = box(b"cmvd", struct.pack(">I", unpacked), packed + squeeze.flush())
    return box(b"ftyp", b"qt  ", bytes(4)) + box(b"moov", box(b"cmov", box(b"dcom", b"zlib"), packed_film))


def many_scans(count: int, side: int = 64) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    out = io.BytesIO()
    Image.new("L", (side, side), 99).save(out, "JPEG", progressive=True)
    data = out.getvalue()
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * count + data[-2:]


def gif(*parts: bytes, side: int = 8) -> bytes:
    """A GIF of these blocks, with two colours."""
    return b"GIF89a" + struct.pack("<2H3B", side, side, 0x80, 0, 0) + bytes(6) + b"".join(parts) + b";"


def gif_frame(side: int = 8, disposal: int = 0) -> bytes:
    """An image block, shown for 100 ms. Its data draw nothing beyond the first pixel."""
    place = struct.pack("<4HB", 0, 0, side, side, 0)
    return b"!\xf9\x04" + bytes((disposal << 2, 10, 0, 0, 0)) + b"," + place + b"\x02\x02\x4c\x01\x00"


def webp_canvas(width: int, height: int) -> bytes:
    """An animated WebP of one small frame on a canvas of this size."""
    out = io.BytesIO()
    Image.new("RGB", (16, 16)).save(out, "WEBP")
    still = out.getvalue()[12:]

    def chunk(kind: bytes, body: bytes) -> bytes:
        return kind + struct.pack("<I", len(body)) + body

    def small(*numbers: int) -> bytes:
        return b"".join(number.to_bytes(3, "little") for number in numbers)

    body = b"WEBP" + chunk(b"VP8X", b"\x02\0\0\0" + small(width - 1, height - 1)) + chunk(b"ANIM", bytes(6))
    body += chunk(b"ANMF", small(0, 0, 15, 15, 100) + b"\0" + still)
    return b"RIFF" + struct.pack("<I", len(body)) + body
