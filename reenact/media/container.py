"""MP4, MOV, WebM and Matroska through FFmpeg: what is in the file, and its frames as they are decoded."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from numbers import Rational
from pathlib import Path
from typing import Any, cast

import av
from av.audio.stream import AudioStream
from av.codec.context import CodecContext
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from reenact.errors import UnsupportedMedia
from reenact.media import formats

log = logging.getLogger(__name__)

# The demuxer is forced and no protocol is allowed: a playlist renamed to .mp4 can make FFmpeg read nothing
# but the bytes that were sent.
_DEMUXERS = {formats.MP4: "mov", formats.MATROSKA: "matroska"}
# What phones, browsers and editors write. FFmpeg has five hundred decoders, most of them rarely audited.
_VIDEO_CODECS = {"h264", "hevc", "vp8", "vp9", "libdav1d", "av1", "mpeg4", "h263", "mjpeg", "prores"}
_SOUND_CODECS = {
    *("aac", "mp3", "mp3float", "opus", "libopus", "vorbis", "flac", "alac", "ac3", "eac3", "amrnb", "amrwb"),
    *("pcm_u8", "pcm_s8", "pcm_mulaw", "pcm_alaw"),
    *(f"pcm_{kind}{end}" for kind in ("s16", "s24", "s32", "f32", "f64") for end in ("le", "be")),
}
# While it opens a file FFmpeg already decodes a little; max_pixels (8K fits) keeps that from a pixel bomb.
_OPTIONS = {
    "protocol_whitelist": "none",
    "max_pixels": "40000000",
    "codec_whitelist": ",".join(sorted(_VIDEO_CODECS | _SOUND_CODECS)),
}
# Titles that are not UTF-8 are no damage. PyAV handles them itself from version 19 on.
_TITLES: dict[str, Any] = {"metadata_errors": "replace"} if av.__version__.startswith("18.") else {}
_THREADS = 2  # each decoding thread holds frames of its own


@dataclass(frozen=True)
class VideoInfo:
    """What the packets of a video say without decoding. Times are in seconds."""

    size: tuple[int, int]  # coded width, height
    starts: list[float]  # when each frame is shown, ascending
    last: float | None  # how long the last one is shown, if the file says so
    rates: tuple[Fraction | None, ...]  # the header's opinions, best first
    audio: bool


@contextmanager
def open_container(path: Path, found: formats.Format) -> Iterator[InputContainer]:
    """Open a file with the demuxer of its own format, without access to anything else."""
    with (
        path.open("rb") as file,
        av.open(file, "r", format=_DEMUXERS[found], options=_OPTIONS, **_TITLES) as container,
    ):
        yield container


def find_video(container: InputContainer) -> VideoStream | None:
    """The first real video track; a cover picture is not one."""
    cover = Disposition.attached_pic
    return next((s for s in container.streams.video if not s.disposition & cover), None)


def sound_codec(stream: AudioStream) -> tuple[str, bool]:
    """What a track's sound is coded as, and whether that is decoded."""
    context = _codec(stream)
    if context is None:
        return "unknown", False
    return context.codec.canonical_name, context.codec.name in _SOUND_CODECS


def _codec(stream: AudioStream | VideoStream) -> CodecContext | None:
    """None where FFmpeg has no decoder: the header is damaged, or the codec unknown."""
    return cast(CodecContext | None, stream.codec_context)  # the types of PyAV forget the None


def probe_video(path: Path, found: formats.Format, most: int) -> VideoInfo | None:
    """Read the packet times of a file without decoding; None when it has no video track.

    Headers often lack the duration (recordings of browsers) or lie; the packets do not. At most ``most`` + 1
    times are read: a file of one megabyte can announce a million frames.

    Raises UnsupportedMedia when the pictures are of a kind that is not decoded.
    """
    with open_container(path, found) as container:
        stream = find_video(container)
        if stream is None:
            return None
        context = _codec(stream)
        if context is None or context.codec.name not in _VIDEO_CODECS:
            how = context.codec.canonical_name if context else "an unknown codec"
            raise UnsupportedMedia(
                f"The video track uses {how}, which is not supported. Save it as H.264, HEVC, VP9 or AV1."
            )
        times, last = _packet_times(container, stream, most)
        return VideoInfo(
            size=(stream.codec_context.width, stream.codec_context.height),
            starts=times,
            last=last,
            rates=(to_fraction(stream.average_rate), to_fraction(stream.guessed_rate)),
            audio=bool(container.streams.audio),
        )


def to_fraction(ratio: Rational | None) -> Fraction | None:
    """PyAV's ratio, from 19 on one of its own, as Python's; None where the file does not say."""
    return Fraction(int(ratio.numerator), int(ratio.denominator)) if ratio else None


def _packet_times(
    container: InputContainer, stream: VideoStream, most: int
) -> tuple[list[float], float | None]:
    """Sorted times of the frames that are shown, ``most`` + 1 at most, and the last one's duration."""
    unit = float(stream.time_base or 1)
    shown: list[tuple[float, float | None]] = []
    try:
        for packet in container.demux(stream):
            if packet.size and not packet.is_discard:
                time = packet.pts if packet.pts is not None else packet.dts
                length = packet.duration * unit if packet.duration else None
                shown.append((0.0 if time is None else time * unit, length))
            if len(shown) > most:
                break
    except av.FFmpegError as e:
        log.warning("The video is damaged after %d frames: %s", len(shown), e)
    shown.sort(key=lambda pair: pair[0])
    return [time for time, _ in shown], shown[-1][1] if shown else None


def decode_video(path: Path, found: formats.Format, max_pixels: int) -> Iterator[tuple[float, av.VideoFrame]]:
    """Yield (seconds, decoded frame) in the order of showing.

    Packets that cannot be decoded are skipped before the first frame; after it, damage raises
    ``av.FFmpegError``. A frame that announces more than ``max_pixels`` counts as damage.
    """
    with open_container(path, found) as container:
        stream = find_video(container)
        if stream is None:
            return
        stream.codec_context.thread_type = "AUTO"
        stream.codec_context.thread_count = _THREADS
        stream.codec_context.options = {"max_pixels": str(max_pixels)}
        time = 0.0
        shown = False
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                if shown:
                    raise
                continue
            for frame in frames:
                time = time if frame.time is None else frame.time
                shown = True
                yield time, frame
