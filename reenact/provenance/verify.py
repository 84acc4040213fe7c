"""A file -> what can be said about where it comes from, and what cannot.

file -> manifest (what it says of itself, and whether it was changed) ┐
                                                                      ├-> verdict
frames -> watermark (what is in its pixels) ──────────────────────────┘
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from reenact.errors import DrivingUnreadable, UnsupportedMedia
from reenact.media import VIDEO_LIMITS, PictureLimits, VideoLimits, formats, open_clip, read_picture
from reenact.os_errors import reason
from reenact.provenance.manifest import Manifest, read_manifest
from reenact.types import Picture
from reenact.watermark.detect import DetectedMark, detect_in_sample
from reenact.watermark.embed import PUBLIC_KEY
from reenact.watermark.sampling import Sample

Verdict = Literal["made", "signed", "changed", "cannot_tell"]
VERDICTS: tuple[Verdict, ...] = ("made", "signed", "changed", "cannot_tell")
PICTURE_LIMITS = PictureLimits(max_pixels=16_000_000)
ACCEPTED = "MP4, MOV, WebM, MKV, GIF, WebP, JPEG, PNG, HEIC or AVIF"
_CLIPS = (formats.MP4, formats.MATROSKA, formats.GIF, formats.WEBP)
_PICTURES = (formats.JPEG, formats.PNG, formats.HEIC, formats.AVIF)


@dataclass(frozen=True)
class Report:
    """What was found in a file."""

    watermark: DetectedMark | None
    manifest: Manifest | None = None

    @property
    def verdict(self) -> Verdict:
        """What follows from it.

        ``made``: by this program, since its watermark was read or somebody trusted signed that. ``signed``: a
        manifest holds, so the file is as it was signed, by whomever. ``changed``: a manifest does not hold.
        ``cannot_tell``: there is neither. That proves nothing, since both can be destroyed.
        """
        manifest = self.manifest
        if self.watermark or (manifest and manifest.valid and manifest.trusted and manifest.ours):
            return "made"
        if manifest is None:
            return "cannot_tell"
        return "signed" if manifest.valid else "changed"


def verify(
    clip: Path,
    key: bytes = PUBLIC_KEY,
    limits: VideoLimits = VIDEO_LIMITS,
    anchors: str | None = None,
    other: bytes | None = None,
) -> Report:
    """Look for the marks of this program, and for what others signed, in a clip or picture.

    Args:
        clip: any format that ``open_clip`` or ``read_picture`` reads.
        key: of the watermark.
        limits: of a clip.
        anchors: PEM of the roots whose signatures are believed.
        other: a key that is tried where there is no watermark of the first, without decoding the file again.

    Raises:
        InputError: the file cannot be read.
    """
    sample = Sample(*_opened(clip, limits))  # the decoders that are guarded look at the file first
    mark = detect_in_sample(sample, key)
    if mark is None and other is not None:
        mark = detect_in_sample(sample, other)
    return Report(mark, read_manifest(clip, anchors))


def as_json(report: Report) -> dict[str, Any]:
    """The report as plain values; the id of a watermark as 16 hexadecimal digits."""
    mark, manifest = report.watermark, report.manifest
    return {
        "verdict": report.verdict,
        "manifest": asdict(manifest) | {"made_by_ai": manifest.made_by_ai} if manifest else None,
        "watermark": asdict(mark) | {"id": f"{mark.id:016x}"} if mark else None,
    }


def _opened(file: Path, limits: VideoLimits) -> tuple[Callable[[], Iterator[Picture]], int | None]:
    """What opens the file's frames, again and again, and how many they are."""
    found = _recognised(file)
    if found in _PICTURES:
        picture = read_picture(file, PICTURE_LIMITS)
        return lambda: iter([picture]), 1
    if found not in _CLIPS:
        what = found.label if found else "neither a clip nor a picture"
        raise UnsupportedMedia(f"The file is {what}. Send {ACCEPTED}.")
    return lambda: open_clip(file, limits).frames, open_clip(file, limits).frame_count


def _recognised(file: Path) -> formats.Format | None:
    try:
        with file.open("rb") as content:
            head = content.read(formats.HEAD_BYTES)
    except OSError as e:
        raise DrivingUnreadable(f"The file {file} cannot be opened: {reason(e)}.") from e
    if not head:
        raise DrivingUnreadable("The file is empty (0 bytes). Send it again.")
    return formats.recognise(head)
