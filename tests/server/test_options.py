"""Options of an order that show in its result."""

from __future__ import annotations

import io
from pathlib import Path

import av
import pytest

from tests.sounds import with_tone

from .conftest import Client


@pytest.fixture
def sounding(driving: Path, tmp_path: Path) -> bytes:
    """The driving clip with a tone."""
    return with_tone(driving, tmp_path / "sounding.mp4").read_bytes()


@pytest.mark.parametrize(
    ("form", "has_audio"),
    [({}, True), ({"audio": "true"}, True), ({"audio": "false"}, False), ({"format": "gif"}, False)],
)
def test_the_sound_of_the_clip_goes_along_unless_it_is_not_wanted(
    client: Client, sounding: bytes, form: dict[str, str], has_audio: bool
) -> None:
    job = client.order("wait=30", driving=(io.BytesIO(sounding), "me.mp4"), **form).json
    assert job is not None and job["status"] == "succeeded", job
    assert job["result"]["has_audio"] == has_audio
    with av.open(io.BytesIO(client.get(job["result"]["url"]).data)) as result:
        assert bool(result.streams.audio) == has_audio


def test_a_result_of_a_silent_clip_says_so(client: Client, driving: Path) -> None:
    job = client.order("wait=30", driving=(io.BytesIO(driving.read_bytes()), "me.mp4")).json
    assert job is not None and job["result"]["has_audio"] is False


def test_a_mirrored_order_is_another_clip(client: Client) -> None:
    digests = set()
    for mirror in ("false", "true"):
        job = client.order("wait=30", mirror=mirror, paste="crop").json
        assert job is not None and job["status"] == "succeeded", job
        digests.add(job["result"]["sha256"])
    assert len(digests) == 2
