"""Fixtures for every test, and what happens to tests that cannot run on this machine."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

OPTIONAL = "optional part missing: "
"""How the reason of a skip begins when a program or package is missing that CI must have."""


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers, the same in every run."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared data that is not in the repository; skips the test where there is none."""
    default = Path(__file__).parents[1].parent / "shared"
    folder = Path(os.environ.get("REENACT_SHARED", default))
    if not folder.is_dir():
        pytest.skip("no shared data")
    return folder


@pytest.fixture(scope="session")
def need() -> Callable[[str, object], None]:
    """``need("chromium", shutil.which("chromium"))`` skips the test when the second value is false.

    Where REENACT_CI is set such a skip fails instead: CI must have every optional part. A whole module
    does the same with ``pytest.importorskip(name, reason="optional part missing: name")``.
    """

    def check(name: str, found: object) -> None:
        if not found:
            pytest.skip(OPTIONAL + name)

    return check


def _cuda_device() -> bool:
    """Whether the NVIDIA driver starts here; asked of the driver, so that no framework is imported."""
    try:
        return bool(ctypes.CDLL("libcuda.so.1").cuInit(0) == 0)
    except OSError:
        return False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests marked gpu where there is none."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked and not _cuda_device():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="no NVIDIA GPU"))


def _fail_missing_part(report: pytest.TestReport | pytest.CollectReport) -> None:
    """In CI, turn a skip for want of an optional part into a failure."""
    if not (os.environ.get("REENACT_CI") and report.skipped and isinstance(report.longrepr, tuple)):
        return
    path, line, reason = report.longrepr
    reason = reason.removeprefix("Skipped: ")
    if reason.startswith(OPTIONAL):
        report.outcome = "failed"
        report.longrepr = f"{path}:{line}: {reason} (CI must have it: see .ci/run)"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Judge the skips inside tests and fixtures."""
    report = yield
    _fail_missing_part(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    """Judge the skips of whole modules."""
    report = yield
    _fail_missing_part(report)
    return report
