"""Write a clip to one complete file, or to none."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain
from pathlib import Path

import numpy as np

from reenact.errors import InvalidOption, OutputError
from reenact.media import nvenc
from reenact.media.gif import write_gif
from reenact.media.mp4 import add_sound, write_mp4
from reenact.media.output import FramesFailed, output_errors, part_file, require_regular_file
from reenact.media.webp import write_webp
from reenact.os_errors import is_disk_full, is_programming_error
from reenact.types import Clip, Picture

log = logging.getLogger(__name__)

FORMATS = ("mp4", "gif", "webp")
ENCODERS = ("x264", "nvenc")
PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
_MAX_SIDE = {"mp4": 16384, "gif": 65535, "webp": 16383}
_MAX_RATE = 1000


@dataclass(frozen=True)
class EncodeOptions:
    """Encoding options. Each option applies to one format only."""

    crf: int = 16  # mp4: 0 (lossless) .. 51; 16 is hard to tell from the original
    # mp4: one of PRESETS. At crf 16 it makes files as large as "fast" at 18, in half the time.
    preset: str = "veryfast"
    encoder: str = "x264"  # mp4: x264, or nvenc on an NVIDIA GPU, which falls back to x264
    sound: bool = True  # mp4: keep the sound track of clip.audio
    webp_quality: int = 80  # webp: 0 .. 100
    webp_effort: int = 2  # webp: 0 (fast) .. 6 (small)

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name, value, top in (
            ("crf", self.crf, 51),
            ("webp_quality", self.webp_quality, 100),
            ("webp_effort", self.webp_effort, 6),
        ):
            if not 0 <= value <= top:
                raise InvalidOption(f"{name} is {value}; it must be from 0 to {top}.")
        if self.preset not in PRESETS:
            raise InvalidOption(f"preset is {self.preset!r}; it must be one of {', '.join(PRESETS)}.")
        if self.encoder not in ENCODERS:
            raise InvalidOption(f"encoder is {self.encoder!r}; it must be one of {', '.join(ENCODERS)}.")


@dataclass(frozen=True)
class EncodedFile:
    """A written file. Size and frames are those of the file: mp4 sides are even, gif has at most 50 fps."""

    path: Path
    format: str  # "mp4", "gif" or "webp"
    width: int  # pixels
    height: int
    frames: int
    fps: Fraction
    bytes: int
    sound: bool  # whether a sound track is in the file


ENCODE_OPTIONS = EncodeOptions()
SignFile = Callable[[Path, Path], None]  # writes the second file from the encoded first one


def write_clip(
    clip: Clip,
    out: Path,
    *,
    format: str | None = None,
    options: EncodeOptions = ENCODE_OPTIONS,
    sign_file: SignFile | None = None,
) -> EncodedFile:
    """Write a clip as mp4, gif or webp; the format is ``out``'s suffix unless ``format`` names it.

    The frames, (H, W, 3) uint8 RGB of one size, are taken one by one; memory does not grow with the clip. The
    file appears under its name only when it is whole, and nothing else is left behind, whatever ``frames``
    raises; that exception is passed on. A sound track that cannot be used is left out with a warning in the
    log. GIF and WebP loop forever. No metadata of the source is kept. ``sign_file`` is called last,
    before the file appears. A symbolic link is followed.

    Raises InvalidOption (unknown format, rate or option out of range) and OutputError (folder missing, not
    writable, disk full, no frames, frames of different sizes).
    """
    try:
        kind = check_output(out, format)
        fps = _rate(clip.fps)
        place = Path(os.path.realpath(out))
        with part_file(place) as part, output_errors(out):
            written = replace(_write(clip, fps, kind, part, place, options), path=out)
            if sign_file is not None:
                written = replace(written, bytes=_apply_signature(part, place, sign_file))
            os.replace(part, place)
            return written
    finally:
        close = getattr(clip.frames, "close", None)
        if close is not None:
            close()


def check_output(out: Path, format: str | None = None) -> str:
    """The format that ``write_clip`` would write there.

    Raises InvalidOption (unknown format) and OutputError (a folder or a device, links in a circle).
    """
    require_regular_file(out)
    return _format(out, format)


def _write(
    clip: Clip, fps: Fraction, kind: str, part: Path, out: Path, options: EncodeOptions
) -> EncodedFile:
    """Encode the clip into ``part``."""
    frames = _same_size(clip.frames)
    first = next(frames, None)
    if first is None:
        raise OutputError("There are no frames to write.")
    height, width = first.shape[:2]
    if max(height, width) > _MAX_SIDE[kind]:
        raise OutputError(
            f"{width} x {height} is too large for {kind}; a side may have {_MAX_SIDE[kind]} pixels."
        )
    frames = chain([first], frames)
    sound = False
    if kind == "gif":
        count, fps = write_gif(frames, fps, part)
    elif kind == "webp":
        count = write_webp(frames, fps, part, options.webp_quality, options.webp_effort)
    else:
        on_gpu = options.encoder == "nvenc" and _nvenc_works()
        count = write_mp4(frames, fps, part, options.crf, options.preset, on_gpu)
        height, width = height + height % 2, width + width % 2
        sound = options.sound and _mux_sound(part, clip, count / fps, out)
    return EncodedFile(out, kind, width, height, count, fps, part.stat().st_size, sound)


def _nvenc_works() -> bool:
    reason = nvenc.unavailable_reason()
    if reason:
        log.warning("NVENC does not work here, so libx264 encodes: %s", reason)
    return not reason


def _apply_signature(part: Path, out: Path, sign_file: SignFile) -> int:
    """Replace ``part`` by its signed copy; returns the size in bytes."""
    with part_file(out) as sealed:
        sign_file(part, sealed)
        os.replace(sealed, part)
    return part.stat().st_size


def _mux_sound(part: Path, clip: Clip, seconds: Fraction, out: Path) -> bool:
    """Replace ``part`` by the same video with sound, if the sound can be used."""
    if clip.audio is None:
        return False
    with part_file(out) as muxed:
        try:
            if add_sound(part, clip.audio, muxed, seconds, clip.audio_start):
                os.replace(muxed, part)
                return True
        except Exception as e:  # a bad sound track must not lose the video
            if is_disk_full(e) or is_programming_error(e):
                raise
            log.warning("The sound track cannot be used and is left out: %s", e)
    return False


def _format(out: Path, asked: str | None) -> str:
    """The format asked for, or the one that the file's suffix means."""
    kind = (asked if asked is not None else out.suffix.removeprefix(".")).lower()
    if kind not in FORMATS:
        what = f"format {asked!r}" if asked is not None else f"suffix {out.suffix!r} of {out.name!r}"
        raise InvalidOption(f"Unknown {what}; use one of {', '.join(FORMATS)}.")
    return kind


def _rate(fps: Fraction) -> Fraction:
    """Frames per second as a fraction that containers can store."""
    if not 0 < fps <= _MAX_RATE:
        raise InvalidOption(f"{fps} frames per second cannot be written; use more than 0, up to {_MAX_RATE}.")
    return Fraction(fps).limit_denominator(100_000) or Fraction(1, 100_000)


def _same_size(frames: Iterator[Picture]) -> Iterator[Picture]:
    """Pass frames on, holding them to (H, W, 3) uint8 and to the first one's size."""
    size: tuple[int, ...] | None = None
    while True:
        try:
            frame = next(frames, None)
        except Exception as e:
            raise FramesFailed(e) from e
        if frame is None:
            return
        size = size or frame.shape
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or not frame.size:
            raise OutputError(f"A frame is {frame.shape} {frame.dtype}; it must be (H, W, 3) uint8.")
        if frame.shape != size:
            raise OutputError(f"A frame is {frame.shape}, the first one was {size}; all must have one size.")
        yield np.ascontiguousarray(frame)
