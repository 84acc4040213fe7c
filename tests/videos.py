"""Clips of every kind, made with PyAV."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray


def write_video(
    path: Path,
    frames: Sequence[NDArray[np.uint8]],
    *,
    rate: Fraction | int = 25,
    codec: str = "libx264",
    times: Sequence[int] | None = None,  # of each frame, in ms
    degrees: float = 0,
    hflip: bool = False,
    aspect: Fraction | None = None,
    sound: str | Sequence[str] | None = None,  # of one track, or of several
    sound_seconds: float = 1.0,
    silent_until: float = 0.0,
) -> Path:
    """A file with a video track and, if asked, a tone beside it."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv444p" if codec == "libx264" else "yuv420p"
        clock = Fraction(1, 1000) if times else 1 / Fraction(rate)
        stream.codec_context.time_base = clock
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if degrees or hflip:
            stream.set_display_rotation(degrees, hflip)
        strict = {"strict": "experimental"}  # FFmpeg's own Vorbis encoder asks for it
        kinds = [sound] if isinstance(sound, str) else sound or []
        tracks = [container.add_stream(kind, rate=48000, layout="stereo", options=strict) for kind in kinds]
        for i, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = (times[i] if times else i), clock
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        for track in tracks:
            _tone(container, track, sound_seconds, silent_until)
    return path


def _tone(container, track, seconds: float, silent_until: float) -> None:
    """A 440 Hz tone, with silence first."""
    time = np.arange(round(seconds * 48000)) / 48000
    wave = np.where(time >= silent_until, 0.5 * np.sin(2 * np.pi * 440 * time), 0).astype(np.float32)
    fifo = av.AudioFifo()
    frame = av.AudioFrame.from_ndarray(np.stack([wave, wave]), "fltp", "stereo")
    frame.sample_rate, frame.pts, frame.time_base = 48000, 0, Fraction(1, 48000)
    resampler = av.AudioResampler(track.format.name, "stereo", 48000)
    for part in resampler.resample(frame):
        fifo.write(part)
    for part in fifo.read_many(track.frame_size or 1024, partial=True):
        container.mux(track.encode(part))
    container.mux(track.encode())
