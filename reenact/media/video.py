"""An uploaded driving clip -> upright RGB frames at a constant rate.

format from the first bytes -> times from the packets -> limits -> decode -> upright -> constant rate
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, islice
from pathlib import Path
from typing import TypeVar

from reenact.errors import DrivingTooLong, DrivingUnreadable, ReenactError, UnsupportedMedia
from reenact.media import formats
from reenact.media.animation import decode_animation, probe_animation
from reenact.media.container import decode_video, probe_video
from reenact.media.frames import Geometry, geometry, to_picture
from reenact.media.span import WHOLE, Span
from reenact.media.timing import Timeline, plan_timeline, resample
from reenact.os_errors import is_programming_error, reason
from reenact.types import Clip, Picture

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class VideoLimits:
    """Limits of a driving clip, checked before the first frame is returned."""

    max_bytes: int = 100_000_000  # of the file
    max_seconds: float = 60.0  # how long it plays
    max_frames: int = 3600  # at the rate that comes out
    max_side: int = 1920  # pixels of the longer side
    max_rate: Fraction = Fraction(60)  # frames per second; faster clips are thinned to this


_TRIMMED = 10  # times what a clip may have, for one of which only a part is used
_MAX_SOURCE_FRAMES_PER_OUTPUT = 4  # frames in the file for one that comes out; phones record 240 a second
VIDEO_LIMITS = VideoLimits()
ACCEPTED = "MP4, MOV, WebM, MKV, GIF or animated WebP"


def open_clip(path: Path, limits: VideoLimits = VIDEO_LIMITS, span: Span = WHOLE) -> Clip:
    """Open a moving picture: its ``frames`` are (H, W, 3) uint8 RGB, upright, square pixels, all of one size.

    A clip with a constant rate up to ``limits.max_rate`` yields exactly the frames of the file. Others are
    resampled to a constant rate, each frame the nearest in time. ``frame_count`` holds for an undamaged file.
    When the file is damaged later on, the frames before the damage are used and a warning is logged, since a
    cut-off upload still has a motion worth showing. One frame is decoded before this returns, the rest as
    they are taken, and memory does not grow with the clip. ``audio`` is ``path`` when there is sound. The
    limits hold for the part in ``span``.

    Raises UnsupportedMedia (another format), DrivingUnreadable (damaged from the start, empty, without video,
    not there) DrivingTooLong (more than ``limits`` allow) and InvalidOption (nothing lies in ``span``).
    """
    found = _recognise(path, limits)
    try:
        if found in (formats.GIF, formats.WEBP):
            return _open_animation(path, found, limits, span)
        return _open_video(path, found, limits, span)
    except ReenactError:
        raise
    except Exception as e:  # FFmpeg and Pillow raise nearly everything on damaged files
        if is_programming_error(e):
            raise
        raise _unreadable() from e


def has_sound(path: Path, limits: VideoLimits = VIDEO_LIMITS) -> bool:
    """Whether a clip has a sound track; a file that is no clip has none."""
    try:
        clip = open_clip(path, limits)
    except ReenactError:
        return False
    close = getattr(clip.frames, "close", None)
    if close:
        close()
    return clip.audio is not None


def _recognise(path: Path, limits: VideoLimits) -> formats.Format:
    """The clip's format; refuses what is missing, empty, too big or not a moving picture."""
    try:
        if path.is_dir():
            raise DrivingUnreadable(f"{path} is a folder. Give a clip file.")
        if not path.is_file():
            raise DrivingUnreadable(
                f"{path} is not a regular file. Copy it to one."
                if path.exists()
                else f"There is no clip {path}."
            )
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(formats.HEAD_BYTES)
    except (OSError, ValueError) as e:
        raise DrivingUnreadable(f"The clip {path} cannot be opened: {reason(e)}.") from e
    if not head:
        raise DrivingUnreadable("The clip is empty (0 bytes). Send it again.")
    found = formats.recognise(head)
    if found not in (formats.MP4, formats.MATROSKA, formats.GIF, formats.WEBP):
        what = found.label if found else "not a video"
        raise UnsupportedMedia(f"The clip is {what}. Send one as {ACCEPTED}.")
    if size > limits.max_bytes:
        raise DrivingTooLong(
            f"The clip has {size / 1e6:.0f} MB; at most {limits.max_bytes / 1e6:g} MB are accepted."
        )
    return found


def _open_animation(path: Path, found: formats.Format, limits: VideoLimits, span: Span) -> Clip:
    """A GIF or WebP as a clip."""
    most = _most(limits, span)
    size, delays = probe_animation(path, found, most)
    if not delays:
        raise _unreadable()
    _check_count(len(delays), most)
    starts = [0.0, *(milliseconds / 1000 for milliseconds in accumulate(delays[:-1]))]
    steady = Fraction(1000, delays[0]) if len(set(delays)) == 1 else None
    timeline = plan_timeline(starts, delays[-1] / 1000, (steady,), limits.max_rate)
    _check_limits(timeline, size, limits, span)
    next(decode_animation(path, found, 1))  # damage in the first frame shows here
    pictures = decode_animation(path, found, len(delays))
    return _clip(zip(starts, pictures, strict=False), timeline, None, span)


def _open_video(path: Path, found: formats.Format, limits: VideoLimits, span: Span) -> Clip:
    """An MP4 or Matroska file as a clip."""
    most = _most(limits, span)
    info = probe_video(path, found, most)
    if info is None:
        raise DrivingUnreadable("The file has no video track, only sound. Send a clip that shows a face.")
    if not info.starts:
        raise _unreadable()
    _check_count(len(info.starts), most)
    timeline = plan_timeline(info.starts, info.last, info.rates, limits.max_rate)
    _check_limits(timeline, info.size, limits, span)
    shape = geometry(path, found, limits.max_side**2)
    if shape is None:
        raise _unreadable()
    _check_limits(timeline, shape.size, limits, span)
    return _clip(_pictures(path, found, shape, limits), timeline, path if info.audio else None, span)


def _pictures(
    path: Path, found: formats.Format, shape: Geometry, limits: VideoLimits
) -> Iterator[tuple[float, Picture]]:
    """Yield (seconds, picture) of every decoded frame."""
    for time, frame in decode_video(path, found, limits.max_side**2):
        yield time, to_picture(frame, shape)


def _clip(timed: Iterator[tuple[float, Picture]], timeline: Timeline, audio: Path | None, span: Span) -> Clip:
    """Put frames on their timeline; there can never be more of them than it announces."""
    usable = _until_damage(timed)
    frames: Iterator[Picture]
    if timeline.uniform:
        frames = islice((picture for _, picture in usable), timeline.count)
    else:
        frames = resample(usable, timeline.rate, timeline.count)
    if span == WHOLE:
        return Clip(frames, timeline.rate, timeline.count, audio)
    first, last = span.frames(timeline)
    part = _at_least_one(islice(frames, first, last))
    return Clip(part, timeline.rate, last - first, audio, first / timeline.rate)


def _until_damage(frames: Iterator[T]) -> Iterator[T]:
    """Pass frames on; end at damage, or raise DrivingUnreadable when there was none before it."""
    count = 0
    try:
        for frame in frames:
            yield frame
            count += 1
    except Exception as e:  # only the decoder's: what the taker of frames raises does not arrive here
        if is_programming_error(e):
            raise
        if not count:
            raise _unreadable() from e
        log.warning("The clip is damaged; its first %d frames are used: %s", count, e)


def _at_least_one(frames: Iterator[Picture]) -> Iterator[Picture]:
    """Pass frames on; raise DrivingUnreadable where damage before ``start`` leaves none."""
    some = False
    for frame in frames:
        some = True
        yield frame
    if not some:
        raise DrivingUnreadable(
            "The clip is damaged before the part that start and end name. Name an earlier part, or export "
            "the clip again and send that file."
        )


def _check_count(count: int, most: int) -> None:
    """Raise DrivingTooLong when the file has more frames than are read, at whatever rate."""
    if count > most:
        raise DrivingTooLong(f"The clip has more than {most} frames. Cut it shorter.")


def _most(limits: VideoLimits, span: Span) -> int:
    """Frames that are read of a file, of which not all are used."""
    return _MAX_SOURCE_FRAMES_PER_OUTPUT * limits.max_frames * (1 if span == WHOLE else _TRIMMED)


def _check_limits(timeline: Timeline, size: tuple[int, int], limits: VideoLimits, span: Span) -> None:
    """Raise DrivingTooLong for too many seconds, frames or pixels."""
    first, last = span.frames(timeline)
    count, seconds = last - first, float((last - first) / timeline.rate)
    if seconds > limits.max_seconds:
        raise DrivingTooLong(
            f"The clip lasts {seconds:.1f} s; at most {limits.max_seconds:g} s are accepted. Cut it shorter."
        )
    if count > limits.max_frames:
        raise DrivingTooLong(
            f"The clip has {count} frames; at most {limits.max_frames} are accepted. Cut it shorter."
        )
    if max(size) > limits.max_side:
        raise DrivingTooLong(
            f"The clip has {size[0]} x {size[1]} pixels; at most {limits.max_side} on a side are accepted. "
            "Send a smaller copy."
        )


def _unreadable() -> DrivingUnreadable:
    """The error for a damaged clip."""
    return DrivingUnreadable(
        "The clip is damaged or has no picture in it. Save or export it again and send that file."
    )
