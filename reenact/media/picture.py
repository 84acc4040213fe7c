"""An uploaded selfie -> one upright sRGB picture.

bytes -> format from the first bytes -> size from the header -> decode -> tagged and HDR colours -> EXIF
orientation -> ICC profile, transparency
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from threading import Lock

from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile
from pillow_heif import HeifImageFile

from reenact.errors import ImageTooLarge, ImageUnreadable, ReenactError, UnsupportedMedia
from reenact.media import formats
from reenact.media.codes import read_codes
from reenact.media.coding import Coding, read_coding
from reenact.media.colour import to_srgb
from reenact.media.orientation import upright
from reenact.media.tone import tone_map
from reenact.os_errors import is_programming_error, reason
from reenact.types import Picture


@dataclass(frozen=True)
class PictureLimits:
    """Limits of a picture, checked before any pixel is decoded."""

    max_bytes: int = 20_000_000  # of the file
    max_pixels: int = 50_000_000  # width times height
    max_side: int = 20_000  # pixels of the longer side
    max_scans: int = 200  # passes over a JPEG's pixels; encoders make ten or so


PICTURE_LIMITS = PictureLimits()
ACCEPTED = "JPEG, PNG, WebP, HEIC or AVIF"

# The decoders are called directly. Image.open would try other formats, and its bomb check knows one limit
# for the whole process; ours come with the call.
_DECODERS: dict[formats.Format, Callable[[BytesIO], Image.Image]] = {
    formats.JPEG: JpegImageFile,
    formats.PNG: PngImageFile,
    formats.WEBP: WebPImageFile,
    formats.HEIC: HeifImageFile,
    formats.AVIF: AvifImageFile,
}

_SCAN, _END = b"\xff\xda", b"\xff\xd9"
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")  # those that end coded data and begin a segment

_WARNINGS = Lock()  # Python's warning filters belong to the whole process


def read_picture(source: bytes | Path, limits: PictureLimits = PICTURE_LIMITS) -> Picture:
    """Read a still picture: (H, W, 3) uint8, sRGB, upright, transparent parts over white.

    ``source`` is a file's content or its path. JPEG, PNG, WebP, HEIC and AVIF are told by their bytes; of an
    animation the first frame is taken.

    Raises UnsupportedMedia (another format), ImageUnreadable (damaged, cut off, empty or not there) and
    ImageTooLarge (more than ``limits`` allow, or than fits in memory).
    """
    data = _content(source, limits)
    with _picture_errors(), _open(found := _found(data), data) as image:
        _check_size(image.size, limits)
        _check_scans(data, limits)
        return to_srgb(upright(_loaded(found, data, image)))


def check_picture(source: bytes | Path, limits: PictureLimits = PICTURE_LIMITS) -> tuple[int, int]:
    """Refuse what ``read_picture`` refuses by format, bytes and header, without decoding a pixel.

    Returns width and height as stored, before the EXIF orientation. Raises what ``read_picture`` raises.
    """
    data = _content(source, limits)
    with _picture_errors(), _open(_found(data), data) as image:
        _check_size(image.size, limits)
        _check_scans(data, limits)
        return image.size


@contextmanager
def _picture_errors() -> Iterator[None]:
    """Turn the decoders' errors into ours."""
    try:
        yield
    except ReenactError:
        raise
    except MemoryError as e:
        raise ImageTooLarge("The picture does not fit in memory. Send a smaller one.") from e
    except Exception as e:  # the decoders raise nearly everything: OSError, SyntaxError, struct.error, ...
        if is_programming_error(e):
            raise
        raise ImageUnreadable(
            "The picture is damaged or incomplete. Save or export it again and send that file."
        ) from e


def _content(source: bytes | Path, limits: PictureLimits) -> bytes:
    """The file's bytes, never more than ``limits`` allow."""
    if isinstance(source, bytes):
        _check_bytes(len(source), limits)
        return source
    try:
        if source.is_dir():
            raise ImageUnreadable(f"{source} is a folder. Give a picture file.")
        if not source.is_file():
            if source.exists():
                raise ImageUnreadable(f"{source} is not a regular file. Copy it to one.")
            raise ImageUnreadable(f"There is no picture file {source}.")
        _check_bytes(source.stat().st_size, limits)
        with source.open("rb") as file:
            data = file.read(limits.max_bytes + 1)
    except (OSError, ValueError) as e:
        raise ImageUnreadable(f"The picture {source} cannot be opened: {reason(e)}.") from e
    _check_bytes(len(data), limits)
    return data


def _check_bytes(size: int, limits: PictureLimits) -> None:
    """Raise ImageTooLarge when the file itself is too big."""
    if size > limits.max_bytes:
        raise ImageTooLarge(
            f"The picture has {size / 1e6:.1f} MB; at most {limits.max_bytes / 1e6:g} MB are accepted."
        )


def _check_size(size: tuple[int, int], limits: PictureLimits) -> None:
    """Raise ImageTooLarge when the header announces too many pixels."""
    width, height = size
    if width * height > limits.max_pixels or max(size) > limits.max_side:
        raise ImageTooLarge(
            f"The picture has {width} x {height} pixels; at most {limits.max_pixels / 1e6:g} million and "
            f"{limits.max_side} on a side are accepted. Send a smaller copy."
        )


def _check_scans(data: bytes, limits: PictureLimits) -> None:
    """Raise ImageUnreadable when a JPEG paints its pixels absurdly often.

    A scan of sixty bytes can cost a pass over all pixels, so that a small file would keep a core busy for
    hours (libjpeg-turbo, "Two issues with the JPEG standard", 2.2).
    """
    if data.startswith(b"\xff\xd8") and data.count(_SCAN) > limits.max_scans < _scans(data, limits.max_scans):
        raise ImageUnreadable("The JPEG has too many scans. Save it again as a baseline JPEG.")


def _scans(data: bytes, most: int) -> int:
    """The scans of a JPEG (ITU-T T.81, B.1.1) up to ``most`` + 1, without those of thumbnails in it."""
    count, at = 0, 2
    while count <= most and (found := _MARKER.search(data, at)) and found[0] != _END:
        count += found[0] == _SCAN
        at = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
    return count


def _found(data: bytes) -> formats.Format:
    """The format of these bytes; everything not on the list is refused with a hint what to send."""
    if not data:
        raise ImageUnreadable("The picture file is empty (0 bytes). Send it again.")
    found = formats.recognise(data[: formats.HEAD_BYTES])
    if found in _DECODERS:
        return found
    if found is None:
        raise UnsupportedMedia(f"The file is not a picture. Send a photo as {ACCEPTED}.")
    if found.family == "video":
        raise UnsupportedMedia(f"The file is {found.label}, not a picture. Send a photo as {ACCEPTED}.")
    raise UnsupportedMedia(f"The file is {found.label}; that is not accepted. Send a photo as {ACCEPTED}.")


def _open(found: formats.Format, data: bytes) -> Image.Image:
    """Read the header only. Pillow warns about damage in parts that we do not use, as EXIF resolution."""
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _DECODERS[found](BytesIO(data))


def _loaded(found: formats.Format, data: bytes, image: Image.Image) -> Image.Image:
    """Decode the pixels; colours that are neither sRGB nor told by an ICC profile alone become sRGB here."""
    coding = read_coding(found, data, image.info)
    if coding is None or coding == Coding():
        image.load()
        if coding:
            image.info.pop("icc_profile", None)
        return image
    codes, most, alpha = read_codes(found, data, image)
    shown = Image.fromarray(tone_map(codes, most, coding))
    if alpha:
        shown.putalpha(alpha)
    shown.info = {"exif": image.info.get("exif")}
    return shown
