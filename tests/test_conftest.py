"""A run of tests says that it broke off, also where other processes do it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_a_process_that_dies_ends_the_run_with_another_status_than_a_test_that_fails(tmp_path: Path) -> None:
    """Else .ci/run would do again what failed, and never what had no turn."""
    pytest.importorskip("xdist", reason="optional part missing: pytest-xdist")
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_handlecrashitem\n")
    (tmp_path / "test_fails.py").write_text("def test_it(): assert False\n")
    assert status(tmp_path) == pytest.ExitCode.TESTS_FAILED
    (tmp_path / "test_dies.py").write_text("import os\ndef test_it(): os._exit(1)\ndef test_later(): pass\n")
    # On a busy machine xdist may notice the loss itself first, and calls it an error of its own.
    assert status(tmp_path) in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR)


def status(folder: Path) -> int:
    """The exit status of the tests in a folder, run in a process beside pytest's own."""
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    alone = {"PYTHONPATH": paths, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "xdist", "-n", "1", "--dist", "loadfile", "--rootdir", "."],
        cwd=folder,
        env=os.environ | alone,
        capture_output=True,
        timeout=120,
    ).returncode
