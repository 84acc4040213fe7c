"""What a swap needs as a job: a first look at its clip, and progress over all of its work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from reenact.engine import Engine
from reenact.errors import NoFaceFound
from reenact.face.shots import frame_features
from reenact.footage import refuse_unusable
from reenact.media import Span, open_clip
from reenact.runtime import close
from reenact.types import Picture, ProgressCallback

STILLS = 16  # pictures of a clip that are looked at before it is tracked
TRACKING = 0.25  # share of a swap's time in which its clip is tracked, by measurement
_PASSES = 2  # how often it is read for that


def check_clip(
    engine: Engine, clip: Path, span: Span, folder: Path, watch: ProgressCallback
) -> tuple[Path, ...]:
    """Look at some pictures of a clip and store them as JPEG in ``folder``, for those who check them.

    Raises:
        NoFaceFound, FaceTooSmall, FaceTurnedAway: none of them shows a face that can be replaced.
        InputError: the clip cannot be used.
    """
    stored, features = [], []
    for number, still in enumerate(_stills(clip, span, watch)):
        largest = max(engine.finder.find(still), key=lambda face: face.height, default=None)
        features.append(frame_features(still, largest) if largest else None)
        stored.append(folder / f"still-{number:02}.jpg")
        Image.fromarray(still).save(stored[-1], quality=95)
    if not any(features):
        raise NoFaceFound(
            f"No face was found in {len(features)} pictures spread over the clip. Use a clip that shows a "
            "face from the front, or the part that does, by start and end."
        )
    refuse_unusable(features)
    return tuple(stored)


def count_tracking(watch: ProgressCallback) -> ProgressCallback:
    """Progress of tracking and rendering as one, in frames; while it tracks, each frame is told as 0 done."""
    tracked = 0

    def report(done: int, total: int) -> None:
        nonlocal tracked
        tracked += not done
        share = TRACKING if done else TRACKING * min(1.0, tracked / max(1, _PASSES * total))
        watch(round(share * total + (1 - TRACKING) * done), total)

    return report


def _stills(clip: Path, span: Span, watch: ProgressCallback) -> Iterator[Picture]:
    """At most so many frames, evenly spread over the part of the clip that is used."""
    opened = open_clip(clip, span=span)
    total = opened.frame_count or 1
    wanted = set(np.linspace(0, total - 1, STILLS).round().astype(int).tolist())
    try:
        for index, frame in enumerate(opened.frames):
            watch(0, total)
            if index in wanted:
                yield frame
    finally:
        close(opened.frames)
