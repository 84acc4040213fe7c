"""A clip with a tone beside its picture."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

RATE = 48000


def with_tone(silent: Path, out: Path) -> Path:
    """Write the clip with half a second of a tone, as AAC."""
    with av.open(str(silent)) as clip, av.open(str(out), "w") as film:
        picture, tone = film.add_stream_from_template(clip.streams.video[0]), film.add_stream("aac", RATE)
        for packet in clip.demux(video=0):
            if packet.dts is not None:
                packet.stream = picture
                film.mux(packet)
        wave = np.sin(np.arange(RATE // 2, dtype=np.float32) / 20)[None]
        frame = av.AudioFrame.from_ndarray(wave, "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        film.mux(tone.encode(frame))
        film.mux(tone.encode())
    return out
