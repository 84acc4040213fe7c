"""The command as a part of a shell's line, with real pipes, links, closed streams and signals."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from reenact.cli import main
from reenact.config import MOTIONS
from reenact.gallery import get_template, list_portraits
from reenact.media import open_clip, write_clip
from reenact.motion.motion_file import save_motion
from reenact.types import Clip
from tests.signals import heeded

ROOT = Path(__file__).parents[1]
SELFIE = list_portraits()[0].path
LIST = "python -m reenact templates list"
Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def motions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("motions")
    shutil.copytree(MOTIONS / "nod", folder / "short")
    motion = get_template("nod").motion
    save_motion(replace(motion, keypoints=motion.keypoints[:2]), folder / "short" / "motion.npz")
    return folder


@pytest.fixture
def animate(motions: Path, tmp_path: Path) -> Callable[..., int]:
    """Run ``reenact animate`` with a motion of two frames."""

    def run(selfie: Path | str, out: Path, *options: str) -> int:
        usual = ["-t", "short", "--motions", str(motions), "--paste", "crop", "--quiet"]
        unmarked = ["--no-credentials", "--no-watermark"]
        return main(["animate", str(selfie), *usual, *unmarked, "-o", str(out), *options])

    return run


@pytest.fixture
def pipe() -> Iterator[Callable[[Path], int]]:
    """A file's content in a pipe: the end to read from, filled by a thread as a program would."""
    threads, ends = [], []

    def fill(file: Path) -> int:
        end, other = os.pipe()
        ends.append(end)
        threads.append(Thread(target=_pour, args=(other, file.read_bytes())))
        threads[-1].start()
        return end

    yield fill
    for end in ends:
        os.close(end)
    for thread in threads:
        thread.join()


def _pour(end: int, content: bytes) -> None:
    with os.fdopen(end, "wb") as target:
        target.write(content)


def shell(line: str, **options: object) -> subprocess.CompletedProcess[str]:
    """A line of a shell in which ``python`` is this one."""
    own = str(Path(sys.executable).parent)
    environment = os.environ | {"PATH": own + os.pathsep + os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        env=environment,
        text=True,
        capture_output=True,
        timeout=120,
        **options,  # type: ignore[call-overload, no-any-return]
    )


def test_a_picture_comes_from_a_pipe(
    animate: Callable[..., int], pipe: Callable[[Path], int], tmp_path: Path
) -> None:
    """As bash writes ``<(cat face.jpg)``."""
    assert animate(f"/dev/fd/{pipe(SELFIE)}", tmp_path / "piped.webp") == 0
    assert animate(SELFIE, tmp_path / "named.webp") == 0
    assert (tmp_path / "piped.webp").read_bytes() == (tmp_path / "named.webp").read_bytes()


def test_a_picture_comes_from_standard_input(
    animate: Callable[..., int],
    pipe: Callable[[Path], int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Output,
) -> None:
    with os.fdopen(os.dup(pipe(SELFIE))) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        assert animate("-", tmp_path / "out.webp") == 0
        assert animate("-", tmp_path / "again.webp") == 3  # all of it is read
    assert animate("-", tmp_path / "out.webp", "-t", "-") == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("error[invalid_option]")


def test_clips_come_from_pipes(pipe: Callable[[Path], int], tmp_path: Path, capsys: Output) -> None:
    clip = get_template("nod").preview
    assert clip is not None
    for verb in (["verify"], ["reconstruct"]):
        rest = [str(tmp_path / "out.mp4")] if verb == ["reconstruct"] else []
        assert main([*verb, f"/dev/fd/{pipe(clip)}", *rest]) == 0, capsys.readouterr().err
    out = ["-o", str(tmp_path / "driven.mp4"), "--no-credentials", "--quiet"]
    assert main(["animate", str(SELFIE), "-t", f"/dev/fd/{pipe(clip)}", *out]) == 0
    assert open_clip(tmp_path / "driven.mp4").frame_count == open_clip(clip).frame_count


def test_a_link_is_written_through(animate: Callable[..., int], tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "target.webp", tmp_path / "link.webp"
    link.symlink_to(Path("elsewhere") / "target.webp")
    for old in (None, b"old"):  # a link that leads nowhere yet, and one to a file
        if old:
            target.write_bytes(old)
        assert animate(SELFIE, link) == 0
        assert link.is_symlink() and target.read_bytes() != old
        assert [each.name for each in target.parent.iterdir()] == ["target.webp"]


def test_a_built_motion_is_written_through_its_link(tmp_path: Path) -> None:
    motion = get_template("nod").motion
    (tmp_path / "motion.npz").symlink_to(tmp_path / "target.npz")
    save_motion(motion, tmp_path / "motion.npz")
    assert (tmp_path / "motion.npz").is_symlink() and (tmp_path / "target.npz").is_file()
    assert len(list(tmp_path.iterdir())) == 2


def test_what_no_file_may_replace_stays(animate: Callable[..., int], tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "null.mp4").symlink_to("/dev/null")
    (tmp_path / "circle.mp4").symlink_to("circle.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    before = sorted(tmp_path.iterdir())
    for name, says in {
        "folder": "is a folder",
        "folder.mp4": "is a folder",
        "null.mp4": "device",
        "circle.mp4": "circle",
        "pipe.mp4": "pipe",
    }.items():
        for command in (animate, lambda clip, out: main(["reconstruct", str(clip), str(out)])):
            assert command("not-even-looked-at.jpg", tmp_path / name) == 4
            said = capsys.readouterr().err
            assert said.startswith("error[output_unwritable]") and says in said
    assert sorted(tmp_path.iterdir()) == before and Path("/dev/null").is_char_device()


def test_figures_do_not_go_into_a_folder(tmp_path: Path, capsys: Output) -> None:
    assert main(["bench", "--out", str(tmp_path)]) == 4
    assert "is a folder" in capsys.readouterr().err


def test_an_input_that_is_a_folder_is_told_as_such(tmp_path: Path, capsys: Output) -> None:
    for words in (["reconstruct", str(tmp_path), "x.mp4"], ["verify", str(tmp_path)]):
        assert main(words) == 3
        assert "folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (f"{LIST} >&-", 0),
        (f"{LIST} | head -1", 0),
        ("python -m reenact --help | true", 0),
        ("python -m reenact --help >&-", 0),
        ("python -m reenact verify none.mp4 >&-", 3),
        ("python -m reenact verify none.mp4 2>&-", 3),
        ("python -m reenact verify none.mp4 <&- >&- 2>&-", 3),
        ("python -m reenact verify - <&-", 3),
        ("python -m server --help | true", 0),
        ("python -m server doctor nonsense >&- 2>&-", 2),
        ("REENACT_DEVICE=abacus python -m server doctor | cat", 1),
        ("REENACT_DEVICE=abacus python -m server doctor >&-", 1),
    ],
)
def test_closed_streams_and_readers_that_left(line: str, status: int, tmp_path: Path) -> None:
    done = shell(line, cwd=tmp_path)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr and "internal" not in done.stderr and "Exception" not in done.stderr


def test_a_result_does_not_mix_with_what_was_to_be_printed(motions: Path, tmp_path: Path) -> None:
    """With standard output closed, the next file that is opened would get its number."""
    line = f"python -m reenact animate {SELFIE} -t short --motions {motions} --no-credentials -o out.mp4"
    done = shell(f"{line} >&-", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(list(open_clip(tmp_path / "out.mp4").frames)) == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    out, copies = tmp_path / "out", tmp_path / "copies"
    out.mkdir(), copies.mkdir()
    words = ["animate", "-", "-t", "laugh", "--size", "512", "--no-credentials", "-o", str(out / "out.mp4")]
    with SELFIE.open("rb") as selfie, heeded(number):
        process = subprocess.Popen(
            [sys.executable, "-m", "reenact", *words],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(copies)},
        )
        assert process.stdin and process.stderr
        process.stdin.write(selfie.read())
        process.stdin.close()
    deadline = time.monotonic() + 60
    while not any(out.iterdir()):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    assert any(copies.iterdir())
    process.send_signal(number)
    assert process.wait(60) == 128 + number
    assert process.stderr.read() == b""
    process.stderr.close()
    assert not any(out.iterdir()) and not any(copies.iterdir())


def test_nohup_is_respected(tmp_path: Path) -> None:
    code = (
        "import os, signal; from reenact.process import terminate_on_signals\n"
        "with terminate_on_signals(): os.kill(os.getpid(), signal.SIGHUP)\n"
        "print('still here')"
    )
    assert shell(f'nohup python -c "{code}"', cwd=tmp_path).stdout == "still here\n"


def test_a_result_has_the_name_that_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "link.gif").symlink_to(tmp_path / "target.gif")
    frames = (np.full((16, 16, 3), 40 * i, np.uint8) for i in range(3))
    assert write_clip(Clip(frames, Fraction(25), 3), tmp_path / "link.gif").path == tmp_path / "link.gif"
