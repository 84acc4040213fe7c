"""The clips that are evaluated: decoding them without conversion, and sampling them evenly over people."""

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

    No scaling, cropping or frame-rate conversion: the evaluation compares pixels.

    Raises:
        DrivingUnreadable: the file is not a clip or has no frame.
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
    """Number of frames that the file's header states, without decoding; 0 where it states none.

    Raises:
        DrivingUnreadable: the file is not a clip.
    """
    try:
        with av.open(str(path)) as container:
            return int(container.streams.video[0].frames)
    except (OSError, IndexError, ValueError) as error:
        raise DrivingUnreadable(f"{path.name} cannot be decoded; give a video file.") from error


def person(path: Path) -> str:
    """The person's ID: ``talk-0411-0092.mp4`` -> ``0411`` (faces/README); any other name is its own ID."""
    parts = path.stem.split("-")
    return parts[1] if len(parts) == 3 else path.stem


def sample_clips(paths: Sequence[Path], limit: int | None = None, seed: int = 0) -> list[Path]:
    """The clips, or ``limit`` of them, in round-robin order over people.

    People come in seeded order, one clip of each per round. So a smaller sample is a prefix of a larger one.
    """
    queue = list(_by_person(paths).values())
    random.Random(seed).shuffle(queue)
    rounds = max(map(len, queue), default=0)
    return [clips[turn] for turn in range(rounds) for clips in queue if turn < len(clips)][:limit]


@dataclass(frozen=True)
class Pair:
    """A source clip, of which the first frame is animated, and a driving clip of another person."""

    source: Path
    driving: Path


def pair_up(sources: Sequence[Path], driving: Sequence[Path], seed: int = 0) -> list[Pair]:
    """One source of another person for every driving clip, with each person about equally often.

    A driving clip is skipped where there is no other person.
    """
    clips_of = _by_person(sources)
    queue = list(clips_of)
    random.Random(seed + 1).shuffle(queue)  # a different order from the driving clips
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
    """Clips of each person; both people and clips are sorted by file name."""
    clips_of: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(paths, key=lambda path: path.name):
        clips_of[person(path)].append(path)
    return clips_of
