"""The command ``reenact swap``, from its arguments to its exit codes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from reenact.cli import main
from reenact.config import development
from reenact.gallery import get_portrait
from reenact.media import open_clip, write_clip
from reenact.provenance.certificate import development_certificate
from reenact.provenance.verify import verify
from reenact.types import Clip, Picture

from .sounds import with_tone

SELFIE = get_portrait("thomas-jefferson").path
SIZE, COUNT, RATE = (256, 240), 4, 25
Output = pytest.CaptureFixture[str]
Swap = Callable[..., int]


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A home of our own, in which a development certificate already lies."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        development_certificate(development())
        yield


@pytest.fixture(scope="module")
def frames() -> list[Picture]:
    """A real face that grows a little."""
    picture = Image.open(get_portrait("eileen-collins").path).convert("RGB")
    boxes = [(60 - 2 * i, 40 - 2 * i, 290 + 2 * i, 255 + 2 * i) for i in range(COUNT)]
    return [np.asarray(picture.crop(box).resize(SIZE)) for box in boxes]


@pytest.fixture(scope="module")
def clip(frames: list[Picture], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a clip with sound."""
    folder = tmp_path_factory.mktemp("clip")
    silent = write_clip(Clip(iter(frames), Fraction(RATE), COUNT), folder / "silent.mp4").path
    return with_tone(silent, folder / "face.mp4")


@pytest.fixture
def swap(clip: Path, tmp_path: Path) -> Swap:
    """Run ``reenact swap``."""

    def run(*arguments: str, selfie: Path = SELFIE, into: Path = clip, out: str = "out.mp4") -> int:
        return main(["swap", str(selfie), str(into), "-o", str(tmp_path / out), "--size", "256", *arguments])

    return run


def the_error(output: Output) -> str:
    """What was said on stderr: one line, no traceback."""
    said = output.readouterr().err
    assert said.startswith("error[") and said.count("\n") == 1, said
    return said


@pytest.mark.parametrize("suffix", ["mp4", "gif", "webp"])
def test_the_clip_keeps_its_size_and_its_frames(
    swap: Swap, clip: Path, tmp_path: Path, capsys: Output, suffix: str
) -> None:
    assert swap("--no-watermark", out=f"out.{suffix}") == 0
    said = capsys.readouterr()
    assert f"out.{suffix}: {SIZE[0]}x{SIZE[1]}, {COUNT} frames, 0.16 s" in said.out
    assert "DEVELOPMENT certificate" in said.out and said.err == ""
    made, given = (list(open_clip(each).frames) for each in (tmp_path / f"out.{suffix}", clip))
    assert len(made) == COUNT
    change = np.abs(made[0].astype(int) - given[0]).mean(2)
    assert change[60:200, 80:180].mean() > 4 * change[:, :24].mean()  # the face, and nothing at the edge


def test_it_is_verified_as_a_swap(swap: Swap, tmp_path: Path, capsys: Output) -> None:
    assert swap("--quiet") == 0
    assert capsys.readouterr() == ("", "")
    report = verify(tmp_path / "out.mp4")
    assert report.manifest and report.manifest.act == "swap"
    assert main(["verify", str(tmp_path / "out.mp4")]) == 0
    assert "put a face into a clip" in capsys.readouterr().out


def test_a_part_of_the_clip_with_every_option(swap: Swap, tmp_path: Path, capsys: Output) -> None:
    options = "--start 0.04 --end 0.12 --likeness 0.5 --face 0 --crf 30 --threads 1 --device cpu --label"
    assert swap(*options.split(), "--no-credentials", "--no-sound") == 0
    assert "2 frames, 0.08 s" in capsys.readouterr().out
    with av.open(str(tmp_path / "out.mp4")) as made:
        assert not made.streams.audio


def test_a_template_with_a_clip_is_named_by_its_id(swap: Swap, tmp_path: Path, capsys: Output) -> None:
    assert swap("--end", "0.08", "--no-credentials", into=Path("queen")) == 0
    assert "2 frames, 0.08 s" in capsys.readouterr().out
    assert swap(into=Path("nod"), out="other.mp4") == 2
    assert the_error(capsys).startswith("error[invalid_option]")
    assert swap(into=Path("nob"), out="other.mp4") == 3
    assert the_error(capsys).startswith("error[template_not_found]")
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_the_sound_goes_along(swap: Swap, tmp_path: Path) -> None:
    assert swap("--quiet", "--no-credentials") == 0
    with av.open(str(tmp_path / "out.mp4")) as made:
        assert len(made.streams.audio) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--face", "1"], 3, "error[face_index_out_of_range]"),
        (["--likeness", "1.5"], 2, "error[invalid_option]: likeness"),
        (["--likeness", "nan"], 2, "error[invalid_option]: likeness"),
        (["--start", "-1"], 2, "error[invalid_option]: start is a number of seconds"),
        (["--start", "nan"], 2, "error[invalid_option]: start is a number of seconds"),
        (["--end", "inf"], 2, "error[invalid_option]: end is a number of seconds"),
        (["--start", "2", "--end", "1"], 2, "error[invalid_option]: end (1 s) must be later"),
        (["--start", "5"], 2, "error[invalid_option]: start and end leave nothing"),
        (["--crf", "99"], 2, "error[invalid_option]"),
        (["--out", "out.txt"], 2, "error[invalid_option]"),
        (["--out", "no/such/folder/out.mp4"], 4, "error[output_unwritable]"),
        (["--model", "no-model"], 5, "error[weights_broken]"),
        (["--certificate", __file__], 2, "error[invalid_option]: Give --certificate and"),
    ],
)
def test_what_cannot_be_done_gets_one_line_and_a_code(
    swap: Swap, tmp_path: Path, capsys: Output, arguments: list[str], code: int, says: str
) -> None:
    assert swap(*arguments) == code
    assert the_error(capsys).startswith(says)
    assert list(tmp_path.iterdir()) == []


def test_a_clip_that_cannot_be_used_is_called_a_clip(
    swap: Swap, frames: list[Picture], tmp_path: Path, capsys: Output
) -> None:
    def of(name: str, pictures: list[Picture]) -> Path:
        return write_clip(Clip(iter(pictures), Fraction(RATE), len(pictures)), tmp_path / name).path

    small = [np.asarray(Image.fromarray(each).resize((48, 44))) for each in frames]
    small = [np.pad(each, ((90, 90), (100, 100), (0, 0)), mode="edge") for each in small]
    for into, code, word in (
        (of("empty.mp4", [np.full((64, 64, 3), 90, np.uint8)] * 3), "no_face_found", "in the clip"),
        (of("small.mp4", small), "face_too_small", "in the clip"),
        (Path(__file__), "unsupported_media", "The clip is"),
        (tmp_path / "none.mp4", "template_not_found", "no clip"),
    ):
        assert swap(into=into) == 3
        said = the_error(capsys)
        assert said.startswith(f"error[{code}]") and word in said
    assert swap(selfie=tmp_path / "none.jpg") == 3
    assert the_error(capsys).startswith("error[image_unreadable]")


def test_what_it_is_made_of_is_not_written_over(
    swap: Swap, clip: Path, tmp_path: Path, capsys: Output
) -> None:
    shutil.copy(clip, tmp_path / "clip.mp4")
    before = (tmp_path / "clip.mp4").read_bytes()
    assert swap(into=tmp_path / "clip.mp4", out="clip.mp4") == 2
    assert "overwritten" in the_error(capsys)
    assert (tmp_path / "clip.mp4").read_bytes() == before


def test_the_clip_may_come_from_a_pipe(swap: Swap, clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.webp"
    command = [sys.executable, "-m", "reenact", "swap", str(SELFIE), "-", "-o", str(out), "--size", "256"]
    done = subprocess.run(
        command, input=clip.read_bytes(), env=dict(os.environ), capture_output=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert [frame.shape for frame in open_clip(out).frames] == [(SIZE[1], SIZE[0], 3)] * COUNT


def test_whose_face_is_replaced_is_named(swap: Swap, clip: Path, tmp_path: Path, capsys: Output) -> None:
    friend = get_portrait("pocahontas").path
    assert swap("--cast", f"0={friend}", "--quiet") == 0
    assert len(list(open_clip(tmp_path / "out.mp4").frames)) == COUNT
    capsys.readouterr()
    assert swap("--cast", "1", out="no.mp4") != 0
    assert "one person was found" in the_error(capsys)
    assert swap("--cast", "0", "--cast", f"0={friend}", out="no.mp4") != 0
    assert "twice" in the_error(capsys)
    assert not (tmp_path / "no.mp4").exists()


@pytest.mark.parametrize("cast", ["me", "0=", "=friend.jpg", "-1"])
def test_a_cast_is_a_number_and_a_picture(swap: Swap, cast: str, capsys: Output) -> None:
    with pytest.raises(SystemExit):
        swap(f"--cast={cast}")
    assert "NUMBER=PICTURE" in capsys.readouterr().err
