"""Which format a file really is, told from its first bytes and never from its name."""

from __future__ import annotations

from dataclasses import dataclass

HEAD_BYTES = 64  # enough for every signature below, and for the brands of an ISO file


@dataclass(frozen=True)
class Format:
    """One media format. ``family`` is "picture", "animation", "video" or "audio"; ``label`` is for people."""

    name: str
    label: str
    family: str


JPEG = Format("jpeg", "a JPEG picture", "picture")
PNG = Format("png", "a PNG picture", "picture")
WEBP = Format("webp", "a WebP picture", "animation")
HEIC = Format("heic", "a HEIC picture", "picture")
AVIF = Format("avif", "an AVIF picture", "picture")
GIF = Format("gif", "a GIF", "animation")
MP4 = Format("mp4", "a video (MP4 or MOV)", "video")
MATROSKA = Format("matroska", "a video (WebM or Matroska)", "video")

_SIGNATURES: tuple[tuple[int, bytes, Format], ...] = (
    (0, b"\xff\xd8\xff", JPEG),
    (0, b"\x89PNG\r\n\x1a\n", PNG),
    (0, b"GIF87a", GIF),
    (0, b"GIF89a", GIF),
    (8, b"WEBP", WEBP),
    (0, b"\x1aE\xdf\xa3", MATROSKA),
    # QuickTime files older than the "ftyp" box begin with one of these boxes.
    (4, b"moov", MP4),
    (4, b"mdat", MP4),
    (4, b"wide", MP4),
    (4, b"free", MP4),
    (4, b"skip", MP4),
    # Known only so that the error message can name them.
    (8, b"AVI ", Format("avi", "a video (AVI)", "video")),
    (0, b"\x00\x00\x01\xba", Format("mpeg", "a video (MPEG)", "video")),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Format("asf", "a video (WMV)", "video")),
    (0, b"FLV\x01", Format("flv", "a video (FLV)", "video")),
    (0, b"BM", Format("bmp", "a BMP picture", "picture")),
    (0, b"II*\x00", Format("tiff", "a TIFF picture", "picture")),
    (0, b"MM\x00*", Format("tiff", "a TIFF picture", "picture")),
    (0, b"\xff\x0a", Format("jxl", "a JPEG XL picture", "picture")),
    (4, b"JXL ", Format("jxl", "a JPEG XL picture", "picture")),
    (4, b"jP  ", Format("jp2", "a JPEG 2000 picture", "picture")),
    (0, b"%PDF", Format("pdf", "a PDF document", "document")),
    (8, b"WAVE", Format("wav", "a sound file", "audio")),
    (0, b"ID3", Format("mp3", "a sound file", "audio")),
    (0, b"OggS", Format("ogg", "an Ogg file", "audio")),
)
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"}


def recognise(head: bytes) -> Format | None:
    """The format of a file that begins with ``head`` (at least ``HEAD_BYTES`` of it), or None."""
    if head[4:8] == b"ftyp":
        return _iso_format(head)
    for offset, signature, found in _SIGNATURES:
        if head.startswith(signature, offset):
            # RIFF also holds AVI and WAVE, so its own name must be there as well.
            if offset != 8 or head.startswith(b"RIFF"):
                return found
    return None


def _iso_format(head: bytes) -> Format:
    """Tell AVIF and HEIC from video by the brands of the ``ftyp`` box (ISO/IEC 14496-12, 4.3)."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    major = head[8:12]
    brands = {major, *(head[at : at + 4] for at in range(16, size, 4))}
    still = major in _AVIF_BRANDS | _HEIC_BRANDS
    if still and brands & _AVIF_BRANDS:
        return AVIF
    return HEIC if still else MP4
