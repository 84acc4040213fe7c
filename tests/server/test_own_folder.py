"""The local folder of one process, seen from others."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.storage.own import ProcessFolder

from .test_process import ROOT

HOLD = """
import sys
from pathlib import Path
from server.storage.own import ProcessFolder
own = ProcessFolder(Path(sys.argv[1]))
(own.path / "selfie").write_bytes(b"face")
print(own.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that holds a selfie, and its folder."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def test_what_a_killed_process_left_goes_and_what_a_living_one_holds_stays(
    other: tuple[subprocess.Popen[str], Path], tmp_path: Path
) -> None:
    process, folder = other
    mine = ProcessFolder(tmp_path)
    (mine.path / "clip").write_bytes(b"mine")
    mine.delete_abandoned()
    assert (folder / "selfie").exists() and folder != mine.path
    process.kill()
    process.wait()
    assert (folder / "selfie").exists()
    mine.delete_abandoned()
    assert {each.name for each in tmp_path.iterdir()} == {mine.path.name, f"{mine.path.name}.lock"}
    assert (mine.path / "clip").exists()


def test_a_process_that_ends_by_itself_leaves_nothing(
    other: tuple[subprocess.Popen[str], Path], tmp_path: Path
) -> None:
    process, _ = other
    process.communicate("")
    assert list(tmp_path.iterdir()) == []
