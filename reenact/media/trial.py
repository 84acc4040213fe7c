"""Whether this installation writes and reads clips, by a trial run."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np

from reenact.media.encode import write_clip
from reenact.media.video import open_clip
from reenact.types import Clip

_SMALL = 10  # levels of 255, mean


def round_trip(kind: str) -> None:
    """Write a small clip as results are written, and read it as uploads are read.

    Raises whatever goes wrong, and RuntimeError where what is read is not what was written.
    """
    frames = np.full((3, 32, 32, 3), 200, np.uint8)
    frames[0, :, :16] = frames[1, :, :20] = frames[2, :, :24] = 60
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"clip.{kind}"
        write_clip(Clip(iter(frames), Fraction(10), len(frames)), path)
        seen = np.stack(list(open_clip(path).frames))
    if seen.shape != frames.shape or np.abs(seen.astype(int) - frames).mean() > _SMALL:
        raise RuntimeError(f"the frames that were read ({seen.shape}) differ from those that were written")
