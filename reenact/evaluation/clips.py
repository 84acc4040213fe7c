"""The clips that are judged: reading them exactly, and choosing some of them fairly."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from reenact.errors import DrivingUnreadable
from reenact.types import Picture


def read_frames(path: Path, limit: int | None = None) -> list[Picture]:
    """Every decoded frame (H, W, 3) uint8 RGB of a clip, in order, or its first ``limit``.

    No scaling, cropping or frame-rate conversion: judging compares pixels.

    Raises:
        DrivingUnreadable: the file is no clip or has no frame.
    """
    frames: list[Picture] = []
    try:
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                if limit is not None and len(frames) == limit:
                    break
                frames.append(frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False))
    except (OSError, IndexError, ValueError) as error:  # av.FFmpegError is one of the first or the last
        raise DrivingUnreadable(f"{path.name} cannot be decoded; give a video file.") from error
    if not frames:
        raise DrivingUnreadable(f"{path.name} has no frame; give a video file.")
    return frames


def frame_count(path: Path) -> int:
    """Number of frames that the file says it has, without decoding them; 0 where it does not say.

    Raises:
        DrivingUnreadable: the file is no clip.
    """
    try:
        with av.open(str(path)) as container:
            return int(container.streams.video[0].frames)
    except (OSError, IndexError, ValueError) as error:
        raise DrivingUnreadable(f"{path.name} cannot be decoded; give a video file.") from error


def person(path: Path) -> str:
    """Who is seen: ``talk-0411-0092.mp4`` -> ``0411`` (faces/README); a file of another form is its own."""
    parts = path.stem.split("-")
    return parts[1] if len(parts) == 3 else path.stem


def sample_clips(paths: Sequence[Path], limit: int | None = None, seed: int = 0) -> list[Path]:
    """The clips, or ``limit`` of them, in an order that soon shows every person.

    Persons come in seeded order, one clip each and round again, so a smaller choice is a part of a larger.
    """
    queue = list(_by_person(paths).values())
    random.Random(seed).shuffle(queue)
    rounds = max(map(len, queue), default=0)
    return [clips[turn] for turn in range(rounds) for clips in queue if turn < len(clips)][:limit]


@dataclass(frozen=True)
class Pair:
    """Who is animated (first frame of ``source``) and who drives; never the same person."""

    source: Path
    driving: Path


def pair_up(sources: Sequence[Path], driving: Sequence[Path], seed: int = 0) -> list[Pair]:
    """One source for every driving clip: another person, all persons about equally often.

    A driving clip is left out where there is no other person.
    """
    clips_of = _by_person(sources)
    queue = list(clips_of)
    random.Random(seed + 1).shuffle(queue)  # another order than the driving clips' own
    pairs: list[Pair] = []
    for drive in driving:
        name = next((name for name in queue if name != person(drive)), None)
        if name is None:
            continue
        queue.remove(name)
        queue.append(name)
        pairs.append(Pair(clips_of[name][len(pairs) % len(clips_of[name])], drive))
    return pairs


def _by_person(paths: Sequence[Path]) -> dict[str, list[Path]]:
    """Clips of each person; persons and their clips in the order of the file names."""
    clips_of: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(paths, key=lambda path: path.name):
        clips_of[person(path)].append(path)
    return clips_of
