"""Options of an order that show in its result."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from .conftest import Client


@pytest.fixture
def sounding(driving: Path, tmp_path: Path) -> bytes:
    """The driving clip with a tone."""
    path, rate = tmp_path / "sounding.mp4", 48000
    with av.open(str(driving)) as silent, av.open(str(path), "w") as film:
        picture, tone = film.add_stream_from_template(silent.streams.video[0]), film.add_stream("aac", rate)
        for packet in silent.demux(video=0):
            if packet.dts is not None:
                packet.stream = picture
                film.mux(packet)
        wave = np.sin(np.arange(rate // 2, dtype=np.float32) / 20)[None]
        frame = av.AudioFrame.from_ndarray(wave, "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        film.mux(tone.encode(frame))
        film.mux(tone.encode())
    return path.read_bytes()


@pytest.mark.parametrize(("audio", "tracks"), [(None, 1), ("true", 1), ("false", 0)])
def test_the_sound_of_the_clip_goes_along_unless_it_is_not_wanted(
    client: Client, sounding: bytes, audio: str | None, tracks: int
) -> None:
    job = client.order("wait=30", driving=(io.BytesIO(sounding), "me.mp4"), audio=audio).json
    assert job is not None and job["status"] == "succeeded", job
    with av.open(io.BytesIO(client.get(job["result"]["url"]).data)) as result:
        assert len(result.streams.audio) == tracks


def test_a_mirrored_order_is_another_clip(client: Client) -> None:
    digests = set()
    for mirror in ("false", "true"):
        job = client.order("wait=30", mirror=mirror, paste="crop").json
        assert job is not None and job["status"] == "succeeded", job
        digests.add(job["result"]["sha256"])
    assert len(digests) == 2
