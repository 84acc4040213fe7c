"""MP4, MOV, WebM and Matroska through FFmpeg: what is in the file, and its pictures upright."""

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
import numpy as np
from av.audio.stream import AudioStream
from av.codec.context import CodecContext
from av.container import InputContainer
from av.sidedata.sidedata import SideDataContainer, Type
from av.stream import Disposition
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from av.video.stream import VideoStream

from reenact.errors import UnsupportedMedia
from reenact.media import formats
from reenact.types import Picture

log = logging.getLogger(__name__)

# The demuxer is forced and no protocol is allowed: a playlist renamed to .mp4 can make FFmpeg read nothing
# but the bytes that were sent.
_DEMUXERS = {formats.MP4: "mov", formats.MATROSKA: "matroska"}
# What phones, browsers and editors write. FFmpeg has five hundred decoders, most of them seldom looked at.
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
# Titles in foreign letters are no damage. From 19 on PyAV keeps their bytes by itself.
_TITLES: dict[str, Any] = {"metadata_errors": "replace"} if av.__version__.startswith("18.") else {}
_THREADS = 2  # each decoding thread holds frames of its own
_UNSPECIFIED = 2  # AVCOL_SPC_UNSPECIFIED
_SCALING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
_IDENTITY = (1, 0, 0, 1)


@dataclass(frozen=True)
class VideoFacts:
    """What a video's packets tell without decoding. Times are in seconds."""

    size: tuple[int, int]  # coded width, height
    starts: list[float]  # when each frame is shown, ascending
    last: float | None  # how long the last one is shown, if the file says so
    rates: tuple[Fraction | None, ...]  # the header's opinions, best first
    audio: bool


@dataclass(frozen=True)
class Geometry:
    """How coded pixels become the picture: scaled from ``coded`` to ``size`` (width, height), then turned."""

    coded: tuple[int, int]
    size: tuple[int, int]
    turn: tuple[int, int, int, int] = _IDENTITY  # a, b, c, d of the display matrix, each -1, 0 or 1


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


def sound_kind(stream: AudioStream) -> tuple[str, bool]:
    """What a track's sound is coded as, and whether that is decoded."""
    context = _codec(stream)
    if context is None:
        return "unknown", False
    return context.codec.canonical_name, context.codec.name in _SOUND_CODECS


def _decoder(stream: AudioStream | VideoStream) -> str | None:
    """FFmpeg's decoder; None where it has none, since the header is damaged or the codec unknown."""
    context = _codec(stream)
    return context.codec.name if context else None


def _codec(stream: AudioStream | VideoStream) -> CodecContext | None:
    return cast(CodecContext | None, stream.codec_context)  # the types of PyAV forget the None


def probe_video(path: Path, found: formats.Format, most: int) -> VideoFacts | None:
    """Read the packet times of a file without decoding; None when it has no video track.

    Headers often lack the duration (recordings of browsers) or lie; the packets do not. At most ``most`` + 1
    times are read: a file of one megabyte can announce a million frames.

    Raises UnsupportedMedia when the pictures are of a kind that is not decoded.
    """
    with open_container(path, found) as container:
        stream = find_video(container)
        if stream is None:
            return None
        decoder = _decoder(stream)
        if decoder not in _VIDEO_CODECS:
            how = stream.codec_context.codec.canonical_name if decoder else "nothing that is known"
            raise UnsupportedMedia(
                f"The clip's pictures are coded as {how}. Save it with H.264, HEVC, VP9 or AV1."
            )
        times, last = _packet_times(container, stream, most)
        return VideoFacts(
            size=(stream.codec_context.width, stream.codec_context.height),
            starts=times,
            last=last,
            rates=(_exact(stream.average_rate), _exact(stream.guessed_rate)),
            audio=bool(container.streams.audio),
        )


def _exact(ratio: Rational | None) -> Fraction | None:
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


def geometry(path: Path, found: formats.Format, max_pixels: int) -> Geometry | None:
    """Decode the first frame and learn how all are to be shown; None when there is no frame."""
    frames = decode_video(path, found, max_pixels)
    try:
        first = next(frames, None)
    finally:
        frames.close()  # type: ignore[attr-defined]
    if first is None:
        return None
    with open_container(path, found) as container:
        stream = find_video(container)
        aspect = _exact(stream.sample_aspect_ratio) if stream else None
    coded = first[1].width, first[1].height
    return Geometry(coded, _square_pixels(first[1], aspect), _display_turn(first[1]))


def _square_pixels(frame: av.VideoFrame, aspect: Fraction | None) -> tuple[int, int]:
    """Width and height after stretching oblong pixels the way that loses none of them."""
    if not aspect or not Fraction(1, 4) <= aspect <= 4:  # beyond that the header is wrong
        return frame.width, frame.height
    if aspect >= 1:
        return round(frame.width * aspect), frame.height
    return frame.width, round(frame.height / aspect)


def _display_turn(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    """The display matrix (ISO/IEC 14496-12, 6.2.2) as quarter turns and mirrors; others are left alone."""
    try:
        data = cast(SideDataContainer, frame.side_data)[Type.DISPLAYMATRIX]
    except KeyError:
        return _IDENTITY
    matrix = np.frombuffer(bytes(data), np.int32).astype(np.float64) / 65536
    a, b, c, d = (round(float(matrix[i])) for i in (0, 1, 3, 4))
    straight = abs(a) == abs(d) == 1 and b == c == 0
    across = abs(b) == abs(c) == 1 and a == d == 0
    return (a, b, c, d) if straight or across else _IDENTITY


def to_picture(frame: av.VideoFrame, shape: Geometry) -> Picture:
    """A decoded frame -> (H, W, 3) uint8 RGB, square pixels, upright, contiguous.

    Browsers change a video's size while it runs. Such a frame is scaled into the size of the first one, with
    black bars where its shape is another.

    Colours follow the file's own tags; without tags, HD is BT.709 and smaller video BT.601, as players do.
    """
    width, height = _fitted(frame, shape)
    untagged_hd = frame.colorspace == _UNSPECIFIED and (frame.width >= 1280 or frame.height >= 720)
    picture = frame.reformat(
        width,
        height,
        "rgb24",
        src_colorspace=Colorspace.ITU709 if untagged_hd else None,
        dst_color_range=ColorRange.JPEG,
        interpolation=_SCALING,
    ).to_ndarray()
    return np.ascontiguousarray(_turned(_barred(picture, shape.size), shape.turn), dtype=np.uint8)


def _fitted(frame: av.VideoFrame, shape: Geometry) -> tuple[int, int]:
    """Width and height at which a frame fits into the picture's size, of whatever size it is itself."""
    if (frame.width, frame.height) == shape.coded:
        return shape.size
    own = (frame.width * shape.size[0] / shape.coded[0], frame.height * shape.size[1] / shape.coded[1])
    scale = min(shape.size[0] / own[0], shape.size[1] / own[1])
    return max(1, round(own[0] * scale)), max(1, round(own[1] * scale))


def _barred(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture in the middle of a black one of ``size`` (width, height); itself where it has that size."""
    across, down = size[0] - picture.shape[1], size[1] - picture.shape[0]
    if not across and not down:
        return picture
    return np.pad(picture, ((down // 2, down - down // 2), (across // 2, across - across // 2), (0, 0)))


def _turned(picture: np.ndarray, turn: tuple[int, int, int, int]) -> np.ndarray:
    """Move the pixel (x, y) to (a x + c y, b x + d y)."""
    a, b, c, d = turn
    if b:
        picture = picture.transpose(1, 0, 2)
    if min(a, c) < 0:
        picture = picture[:, ::-1]
    if min(b, d) < 0:
        picture = picture[::-1]
    return picture
