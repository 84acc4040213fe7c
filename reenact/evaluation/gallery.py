"""Side-by-side videos of the evaluated clips, for inspection by eye."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from reenact.media.encode import write_clip
from reenact.types import Clip, Picture

FRAME_RATE = Fraction(25, 2)  # of the clips in faces/ (its README)


@dataclass(frozen=True)
class Video:
    """One mp4 of the report: its columns from left to right, and its path in the report's folder."""

    title: str
    columns: tuple[str, ...]
    path: str


@dataclass
class Gallery:
    """Writes up to ``limit`` videos into ``folder`` during the evaluation; none without a folder."""

    folder: Path | None
    prefix: str
    limit: int
    videos: list[Video] = field(default_factory=list)

    def __call__(self, name: str, driving: list[Picture], made: dict[str, list[Picture]]) -> None:
        """Store one clip: the driving frames, then every method in order."""
        if self.folder is None or len(self.videos) >= self.limit:
            return
        columns = {"driving": driving, **made}
        file = re.sub(r"[^A-Za-z0-9-]+", "-", f"{self.prefix}-{name}") + ".mp4"
        write_side_by_side(columns, self.folder / file)
        self.videos.append(Video(name, tuple(columns), file))


def write_side_by_side(columns: Mapping[str, list[Picture]], path: Path) -> None:
    """Write lists of frames (H, W, 3) uint8 of equal length side by side into an mp4.

    Raises:
        OutputError: the file cannot be written.
    """
    rows = (np.concatenate(frames, axis=1) for frames in zip(*columns.values(), strict=True))
    write_clip(Clip(rows, FRAME_RATE), path)
