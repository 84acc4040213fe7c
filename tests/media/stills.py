"""Still pictures as cameras, editors and browsers store them, written by hand where no library does."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image

WRITES_AVIF10 = Path(__file__).with_name("avif10.py")
SAVING = {
    "JPEG": {"quality": 98, "subsampling": 0},
    "PNG": {},
    "WEBP": {"lossless": True, "exact": True},
    "HEIF": {"quality": 95, "chroma": 444},
    "AVIF": {"quality": 95, "subsampling": "4:4:4"},
}


def encode(image: Image.Image | np.ndarray, format: str, **extra) -> bytes:
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    out = BytesIO()
    if format == "HEIF":
        heif = pillow_heif.from_pillow(image)
        heif.save(out, **SAVING[format], **extra)
    else:
        image.save(out, format, **SAVING.get(format, {}), **extra)
    return out.getvalue()


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of any kind, also of those that Pillow does not write."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def close(a: np.ndarray, b: np.ndarray, levels: int) -> bool:
    """Same shape, and the same colours except near edges, where lossy formats ring."""
    return a.shape == b.shape and np.percentile(np.abs(a.astype(int) - b), 90) <= levels


SRGB_D50 = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
P3_D50 = np.array([[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]])


def icc_profile(space: bytes, primaries: np.ndarray | None, gamma: float) -> bytes:
    """A minimal ICC 2.1 matrix (or grey) profile (ICC.1:2001-04)."""

    def xyz(values) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    name = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(4 + 4 + 2 + 1 + 67)
    tags = {b"desc": name, b"cprt": b"text\0\0\0\0none\0", b"wtpt": xyz((0.9642, 1, 0.8249))}
    if primaries is None:
        tags[b"kTRC"] = curve
    else:
        tags |= {kind + b"XYZ": xyz(primaries[:, i]) for i, kind in enumerate((b"r", b"g", b"b"))}
        tags |= {kind + b"TRC": curve for kind in (b"r", b"g", b"b")}
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for kind, value in tags.items():
        table += kind + struct.pack(">II", start + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"\0" * 4, 0x02100000, b"mntr", space, b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061) + bytes(48)
    return head + table + body


def to_wide_gamut(srgb: np.ndarray, gamma: float) -> np.ndarray:
    """What a Display-P3 camera with this gamma stores for these sRGB colours."""
    v = srgb / 255
    linear = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    wide = linear @ (np.linalg.inv(P3_D50) @ SRGB_D50).T
    return np.round(wide.clip(0, 1) ** (1 / gamma) * 255).astype(np.uint8)


def linear(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The light of an sRGB picture, in [0, 1]."""
    v = picture / 255
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


# BT.2087, from BT.709's primaries to BT.2020's, and the same to Display P3's.
TO_BT2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
TO_P3 = np.array([[0.8225, 0.1774, 0.0001], [0.0332, 0.9669, 0.0], [0.0171, 0.0724, 0.9107]])


def pq(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """SMPTE ST 2084: light, 1 being SDR white of 203 cd/m2, as signal in [0, 1]."""
    y = np.clip(light * 203 / 10000, 0, 1) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375


def hlg(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """BT.2100: light of the scene, 1 being SDR white, as signal in [0, 1]."""
    e = light * 0.26496
    return np.where(
        e <= 1 / 12, np.sqrt(3 * e), 0.17883277 * np.log(np.maximum(12 * e - 0.28466892, 1e-9)) + 0.55991073
    )


def sixteen(signal: NDArray[np.float64]) -> NDArray[np.uint16]:
    return np.round(np.clip(signal, 0, 1) * 65535).astype(np.uint16)


def png16(codes: NDArray[np.uint16], *chunks: tuple[bytes, bytes]) -> bytes:
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in codes)
    return png(codes.shape[1], codes.shape[0], 16, 2, rows, *chunks)


def avif10(codes: NDArray[np.uint16], primaries: int, transfer: int) -> bytes:
    """An AVIF of 10 bits, (H, W, 3)."""
    sent = BytesIO()
    np.save(sent, codes)
    command = [sys.executable, WRITES_AVIF10, str(primaries), str(transfer)]
    return subprocess.run(command, input=sent.getvalue(), capture_output=True, check=True).stdout


def heic10(codes: NDArray[np.uint16], primaries: int, transfer: int) -> bytes:
    """A HEIC of 10 bits: (H, W) grey, or (H, W, 3 or 4)."""
    mode = "L" if codes.ndim == 2 else "RGBA"[: codes.shape[2]]
    out = BytesIO()
    image = pillow_heif.from_bytes(f"{mode};16", (codes.shape[1], codes.shape[0]), codes.tobytes())
    tags = {"color_primaries": primaries, "transfer_characteristics": transfer, "matrix_coefficients": 9}
    image.save(out, quality=95, full_range_flag=1, **tags)
    return out.getvalue()


def retagged(data: bytes, primaries: int, transfer: int) -> bytes:
    """The same HEIC or AVIF with other code points in its colour box."""
    at = data.index(b"nclx") + 4
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]
