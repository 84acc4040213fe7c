"""Frames -> H.264 in MP4, and a sound track put beside it."""

from __future__ import annotations

import heapq
import logging
import math
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video import VideoStream
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from reenact.media import formats, nvenc
from reenact.media.container import find_video, open_container, sound_codec
from reenact.types import Picture

log = logging.getLogger(__name__)

_BT709 = 1  # the code of BT.709 for primaries, transfer and matrix alike (ITU-T H.273)
_LIMITED = 1  # AVCOL_RANGE_MPEG
# moov before mdat, so that a browser plays while it loads; bitexact leaves out the writer's name and date.
_CONTAINER = {"movflags": "+faststart", "fflags": "+bitexact"}
_SCALING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP
_COPIED = {"aac", "mp3", "opus"}  # players find these in MP4; all others become AAC
_SOUND_RATE = 48000
_TRIES = 50  # packets of a sound track, of which one must be decoded
_PACKETS = 1000  # a second, at most; Opus at its finest has 400


def write_mp4(
    frames: Iterator[Picture], fps: Fraction, path: Path, crf: int, preset: str, on_gpu: bool = False
) -> int:
    """Write frames (H, W, 3) uint8 as H.264 yuv420p, faststart, without sound; return their number.

    ``on_gpu`` takes NVENC in place of libx264; it knows no CRF, so ``crf`` is the quantiser of every frame.

    The rate is kept exactly. Colours are converted with the BT.709 matrix and tagged so. yuv420p needs even
    sides: an odd one gets its last row or column twice.
    """
    count = 0
    clock = 1 / fps
    with av.open(str(path), "w", format="mp4", options=_CONTAINER) as container:
        name, settings = "libx264", {"crf": str(crf), "preset": preset}
        if on_gpu:
            name, settings = nvenc.NAME, nvenc.settings(crf)
        stream = container.add_stream(name, rate=fps, options=settings)
        assert isinstance(stream, VideoStream)
        stream.pix_fmt = "yuv420p"
        codec = stream.codec_context
        # Whole frames at once: PyAV's default cuts each into slices, which cost bits and wait for each other.
        codec.thread_type = "FRAME"
        codec.color_primaries = codec.color_trc = codec.colorspace = _BT709
        codec.color_range = _LIMITED
        for picture in frames:
            frame = _yuv(picture)
            if count == 0:
                stream.width, stream.height = frame.width, frame.height
            frame.pts, frame.time_base = count, clock
            container.mux(stream.encode(frame))
            count += 1
        container.mux(stream.encode())
    return count


def _yuv(picture: Picture) -> av.VideoFrame:
    """RGB -> BT.709 yuv420p of limited range, padded to even sides."""
    height, width = picture.shape[:2]
    if height % 2 or width % 2:
        picture = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24").reformat(
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        interpolation=_SCALING,
    )


def add_sound(video: Path, source: Path, out: Path, seconds: Fraction, after: Fraction = Fraction(0)) -> bool:
    """Write ``video`` with the first usable sound track of ``source`` to ``out``; False when there is none.

    What cannot be used is named in the log.
    AAC, MP3 and Opus are copied as they are, others become AAC. The sound begins ``after`` seconds of the
    source's picture and never outlasts ``seconds``. Sound that breaks off is kept up to there; other damage
    raises whatever FFmpeg raises, and ``video`` stays as it was.
    """
    with source.open("rb") as file:
        found = formats.recognise(file.read(formats.HEAD_BYTES))
    if found not in (formats.MP4, formats.MATROSKA) or (place := _usable_track(source, found)) is None:
        return False
    with (
        open_container(source, found) as sound,
        open_container(video, formats.MP4) as pictures,
        av.open(str(out), "w", format="mp4", options=_CONTAINER) as container,
    ):
        video_stream = container.add_stream_from_template(pictures.streams.video[0])
        packets = _sound_packets(sound, place, container, seconds, after)
        first = next(packets, None)
        if first is None:
            return False
        moved = (_to_stream(packet, video_stream) for packet in pictures.demux(video=0) if packet.size)
        for packet in heapq.merge(moved, chain([first], packets), key=_time):
            container.mux_one(packet)
    return True


def _to_stream(packet: Packet[Any], stream: Stream) -> Packet[Any]:
    """The packet, now belonging to an output stream."""
    packet.stream = stream
    return packet


def _time(packet: Packet[Any]) -> float:
    """When a packet is needed, in seconds."""
    return float((packet.dts or 0) * packet.time_base)


def _usable_track(source: Path, found: formats.Format) -> int | None:
    """The place of the first sound track that can be decoded; the log says what is lost."""
    with open_container(source, found) as container:
        kinds = [sound_codec(track) for track in container.streams.audio]
    place = next((n for n, (_, known) in enumerate(kinds) if known and _can_decode(source, found, n)), None)
    lost = ", ".join(name for name, _ in kinds[:place])
    if place is None and lost:
        log.warning("The clip's sound cannot be decoded and is left out; it is coded as: %s.", lost)
    elif lost:
        log.warning("Sound track %d is taken; those before it cannot be decoded: %s.", 1 + (place or 0), lost)
    return place


def _can_decode(source: Path, found: formats.Format, place: int) -> bool:
    """Whether a sound track yields a sample within its first packets."""
    with open_container(source, found) as container:
        try:
            for packet in islice(container.demux(container.streams.audio[place]), _TRIES):
                with suppress(av.FFmpegError):
                    if packet.decode():
                        return True
        except av.FFmpegError as e:
            log.debug("Sound track %d cannot be read: %s", place, e)
    return False


def _sound_packets(
    sound: InputContainer, place: int, container: OutputContainer, seconds: Fraction, after: Fraction
) -> Iterator[Packet[Any]]:
    """Sound packets from so long ``after`` the start of the picture on, ending before ``seconds``."""
    track = sound.streams.audio[place]
    picture = find_video(sound)
    start = Fraction(0)
    if picture is not None and picture.start_time is not None and picture.time_base is not None:
        start = picture.start_time * picture.time_base
    start += after
    copied = track.codec.canonical_name in _COPIED
    packets = _copied(track, container, start) if copied else _as_aac(track, container, start)
    try:
        for packet in islice(packets, math.ceil(seconds * _PACKETS)):
            if ((packet.pts or 0) + (packet.duration or 0)) * packet.time_base > seconds:
                return
            yield packet
    except (av.FFmpegError, ValueError) as e:
        log.warning("The sound track breaks off: %s", e)


def _copied(track: AudioStream, container: OutputContainer, start: Fraction) -> Iterator[Packet[Any]]:
    """The track's own packets, counted from ``start``."""
    stream = container.add_stream_from_template(track)
    for packet in track.container.demux(track):  # type: ignore[attr-defined]
        if packet.pts is None or not packet.size:
            continue
        shift = round(start / packet.time_base)
        packet.pts -= shift
        packet.dts = packet.pts
        if packet.pts + (packet.duration or 0) > 0:
            yield _to_stream(packet, stream)


def _as_aac(track: AudioStream, container: OutputContainer, start: Fraction) -> Iterator[Packet[Any]]:
    """The track decoded and encoded again as AAC, counted from ``start``."""
    layout = "mono" if track.codec_context.layout.nb_channels == 1 else "stereo"
    stream = container.add_stream("aac", rate=_SOUND_RATE, layout=layout)
    resampler = av.AudioResampler("fltp", layout, _SOUND_RATE, frame_size=1024)
    samples: int | None = None
    for frame in track.container.decode(track):  # type: ignore[attr-defined]
        if frame.time is not None and frame.time + frame.samples / frame.sample_rate <= start:
            continue
        if samples is None:
            samples = round(((frame.time or 0.0) - float(start)) * _SOUND_RATE)
        for part in resampler.resample(frame):
            part.pts, part.time_base = samples, Fraction(1, _SOUND_RATE)
            samples += part.samples
            yield from stream.encode(part)
    yield from stream.encode()
