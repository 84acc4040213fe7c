"""An error of ours is never told as a damaged file.

What breaks is real: PyAV and Pillow are called with an argument they do not take, as when a newer version
took one away.
"""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from reenact.cli import main
from reenact.errors import UnsupportedMedia
from reenact.media import container, formats, mp4, open_clip, picture, read_picture, write_clip
from reenact.media import encode as encoding
from reenact.os_errors import FAULTS
from reenact.provenance.verify import verify
from reenact.types import Clip


@pytest.fixture
def clip(make_video, numbered) -> Path:
    return make_video("clip.mp4", numbered(4), sound="aac")


@pytest.fixture
def pyav_changed(monkeypatch) -> None:
    monkeypatch.setitem(container._TITLES, "taken_away", "replace")


@pytest.mark.usefixtures("pyav_changed")
@pytest.mark.parametrize("read", [open_clip, verify])
def test_a_call_that_pyav_does_not_take(read, clip):
    with pytest.raises(FAULTS):
        read(clip)


@pytest.mark.usefixtures("pyav_changed")
def test_the_command_line_calls_it_internal(clip, capsys):
    assert main(["verify", str(clip)]) == 1
    assert capsys.readouterr().err.startswith("error[internal]")


def test_a_call_that_pillow_does_not_take(tmp_path, monkeypatch):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    monkeypatch.setitem(picture._DECODERS, formats.PNG, partial(PngImageFile, taken_away=1))
    with pytest.raises(FAULTS):
        read_picture(tmp_path / "a.png")


def test_a_fault_while_frames_are_taken(clip, monkeypatch):
    frames = open_clip(clip).frames
    next(frames)
    monkeypatch.setattr("reenact.media.frames.ColorRange", None)
    with pytest.raises(FAULTS):
        list(frames)


def test_a_fault_of_the_sound_is_not_a_track_that_cannot_be_used(clip, tmp_path, monkeypatch):
    source = open_clip(clip)
    monkeypatch.setattr(mp4, "_COPIED", None)
    with pytest.raises(FAULTS):
        write_clip(Clip(source.frames, source.fps, source.frame_count, clip), tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_a_fault_of_an_encoder_is_not_a_file_that_cannot_be_written(numbered, tmp_path, monkeypatch):
    monkeypatch.setattr(encoding, "write_gif", lambda frames, fps, path: np.stack([]))
    with pytest.raises(ValueError, match="at least one array"):
        write_clip(Clip(iter(numbered(2)), Fraction(25), 2), tmp_path / "out.gif")


def test_pictures_that_ffmpeg_has_no_decoder_for_are_no_fault(clip):
    data = clip.read_bytes()
    clip.write_bytes(data.replace(b"avc1", b"zzzz"))
    with av.open(str(clip)) as film:
        assert film.streams.video[0].codec_context is None
    with pytest.raises(UnsupportedMedia):
        open_clip(clip)
