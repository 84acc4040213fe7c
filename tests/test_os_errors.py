"""What the operating system says, in words for people."""

from __future__ import annotations

import errno
import os
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError

import av
import pytest

from reenact.errors import DiskFull, OutputError
from reenact.os_errors import is_disk_full, reason, unwritable
from tests.disk import Disk


def raised(act: Callable[[], object]) -> Exception:
    with pytest.raises(Exception) as caught:  # whatever it is
        act()
    return caught.value


def test_what_really_happens_is_told_without_numbers_and_paths(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    acts = {
        "no such file": lambda: open(tmp_path / "none"),
        "it is a folder": lambda: open(tmp_path),
        "a part of the path": lambda: open(tmp_path / "file" / "x"),
        "too long": lambda: open(tmp_path / ("x" * 300)),
        "zero byte": lambda: open("a\0b"),
        "no such file or": lambda: av.open(str(tmp_path / "none.mp4")),
    }
    for words, act in acts.items():
        said = reason(raised(act))
        assert words in said
        assert "Errno" not in said and str(tmp_path) not in said and not said.endswith(".")


def test_a_full_disk_is_one_of_its_own(small_disk: Callable[[str], Disk]) -> None:
    disk = small_disk("full")
    disk.fill()
    error = raised(lambda: (disk.folder / "x").write_bytes(bytes(9)))
    assert is_disk_full(error)
    told = unwritable("The file x", error)
    assert isinstance(told, DiskFull) and told.code == "disk_full"
    assert str(told) == "The file x cannot be written: the disk is full; free some space."
    assert is_disk_full(told)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_output_that_does_not_fit_is_no_fault_of_the_program() -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "reenact", "templates", "list"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 4
    said = "A file or the output cannot be written: the disk is full; free some space."
    assert done.stderr == f"error[disk_full]: {said}\n"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (URLError(OSError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))), "Connection refused"),
        (URLError("no host given"), "no host given"),
        (ssl.SSLError(1, "certificate verify failed"), "certificate verify failed"),  # 1 is no errno here
        (TimeoutError("timed out"), "timed out"),
        (MemoryError(), "out of memory; close other programs"),
        (RuntimeError(), "RuntimeError"),
        (ValueError("It is bent."), "It is bent"),
    ],
)
def test_errors_of_other_kinds_keep_their_own_words(error: Exception, said: str) -> None:
    assert reason(error) == said
    assert not is_disk_full(error)
    assert type(unwritable("The file", error)) is OutputError
