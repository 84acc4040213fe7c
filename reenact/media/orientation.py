"""The EXIF orientation: how a stored picture is turned to be seen upright."""

from __future__ import annotations

import struct

from PIL import Image

# EXIF 2.32, tag 0x0112: what to do with the stored rows and columns to see the picture upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright(image: Image.Image) -> Image.Image:
    """Apply the EXIF orientation. A picture from pillow_heif is turned already, its tag reset."""
    turn = _UPRIGHT.get(_orientation(image.info.get("exif") or b""))
    return image if turn is None else _with_info(image.transpose(turn), image)


def _with_info(turned: Image.Image, image: Image.Image) -> Image.Image:
    """Keep profile and transparency: they are read from ``info`` later."""
    turned.info = image.info
    return turned


def _orientation(exif: bytes) -> int:
    """The orientation 1..8 in an EXIF block; 1 when there is none or the block is broken.

    Read by hand because Pillow's reader warns about, or fails on, the many damaged blocks that exist.
    """
    tiff = exif.removeprefix(b"Exif\x00\x00")
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        (directory,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, directory)
        for entry in range(directory + 2, directory + 2 + 12 * count, 12):
            tag, _, _, value = struct.unpack_from(order + "HHIH", tiff, entry)
            if tag == 0x0112:
                return int(value)
    except struct.error:
        pass
    return 1
