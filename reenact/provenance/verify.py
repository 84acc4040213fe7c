"""A file -> what can be said about where it comes from, and what cannot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reenact.media import VideoLimits, open_clip
from reenact.provenance.detect import FALSE_ALARM, Mark, find_mark
from reenact.provenance.embed import PUBLIC_KEY
from reenact.types import Picture

Verdict = Literal["made_here", "cannot_tell"]
VIDEO_LIMITS = VideoLimits()


@dataclass(frozen=True)
class Report:
    """What was found in a file."""

    watermark: Mark | None

    @property
    def verdict(self) -> Verdict:
        """``made_here`` when the mark was read. Its absence proves nothing, since marks can be destroyed."""
        return "made_here" if self.watermark else "cannot_tell"


def verify(clip: Path, key: bytes = PUBLIC_KEY, limits: VideoLimits = VIDEO_LIMITS) -> Report:
    """Look for the marks of this program in a clip.

    Args:
        clip: any format that ``open_clip`` reads.
        key: of the watermark.
        limits: of the clip.

    Raises:
        InputError: the clip cannot be read.
    """
    count = open_clip(clip, limits).frame_count

    def frames() -> Iterator[Picture]:
        return open_clip(clip, limits).frames

    return Report(find_mark(frames, key, count))


def sentences(report: Report) -> list[str]:
    """The report in plain words."""
    mark = report.watermark
    if mark is None:
        return [
            "Cannot tell. No watermark of this key was found. That does not show that the clip is real: "
            "it may come from another program or key, or the mark may have been destroyed."
        ]
    return [
        "This clip was made by Reenact: the face in it was moved by a program.",
        f"Watermark {mark.id:016x}: {mark.confidence:.0%} of its bits read rightly, "
        f"{mark.agreeing} of {mark.frames} frames agree. "
        f"A clip without it would be taken for one once in {1 / FALSE_ALARM:.0e} times.",
    ]
