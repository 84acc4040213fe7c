"""Fixtures for every test, and what happens to tests that cannot run on this machine."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.disk import Disk

if TYPE_CHECKING:
    from reenact.engine import Engine
    from reenact.training.checkpoint import ModelConfig

ROOT = Path(__file__).parents[1]

# Before torch is imported: on tensors as small as those of tests, threads cost more than they give.
os.environ.setdefault("OMP_NUM_THREADS", "1")

OPTIONAL = "optional part missing: "
"""How the reason of a skip begins when a program or package is missing that CI must have."""

TORCH = find_spec("torch") is not None
NO_TORCH = "no-torch"
"""Value of REENACT_CI for a run that is to lack torch, and nothing else."""

NEED_TORCH = (OPTIONAL + "torch", OPTIONAL + "face-alignment")

collect_ignore = [] if TORCH else ["training"]  # its conftest.py fails, which no hook here is asked about


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
def engine() -> Engine:
    """The shipped model, opened once, on the CPU."""
    from reenact.engine import Engine

    return Engine(device="cpu")


@pytest.fixture(scope="session")
def portrait_file() -> Path:
    """A shipped photo of one face, seen from the front."""
    return ROOT / "templates_media" / "portraits" / "eileen-collins.jpg"


@pytest.fixture(scope="session")
def portrait(portrait_file: Path) -> NDArray[np.uint8]:
    """The same as (H, W, 3) uint8, at most 512 pixels a side, so that finding its face is quick."""
    with Image.open(portrait_file) as image:
        image.thumbnail((512, 512))
        picture = np.asarray(image.convert("RGB"))
    picture.flags.writeable = False
    return picture


@pytest.fixture(scope="session")
def face_crop(engine: Engine, portrait: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The portrait's face as the networks see it: (256, 256, 3) uint8."""
    from reenact.face.align import align, choose, extract_crop

    return extract_crop(portrait, align(choose(engine.finder.find(portrait))), 256)


@pytest.fixture(scope="session")
def tiny() -> ModelConfig:
    """Networks so small that training and export take a moment; 3 keypoints."""
    from reenact.generator.network import GeneratorConfig
    from reenact.keypoints.network import KeypointConfig
    from reenact.landmarks import COUNT
    from reenact.motion.network import MotionConfig
    from reenact.training.checkpoint import ModelConfig

    return ModelConfig(
        KeypointConfig(keypoints=3, width=4, levels=2, widest=8),
        MotionConfig(keypoints=3, landmarks=COUNT, width=4, levels=2, widest=8, condition=4),
        GeneratorConfig(landmarks=COUNT, condition=4, fine=4, coarse=8, blocks=1, code=4),
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Disk]]:
    """``small_disk("name")`` mounts 8 MB at that name in ``tmp_path``; skips where that is not allowed."""
    mounted: list[Path] = []

    def mount(name: str) -> Disk:
        folder = tmp_path / name
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
        if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("only root may mount a disk to fill")
        mounted.append(folder)
        return Disk(folder)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


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
    if reason in NEED_TORCH and os.environ["REENACT_CI"] == NO_TORCH:
        return
    if reason.startswith(OPTIONAL):
        report.outcome = "failed"
        report.longrepr = f"{path}:{line}: {reason} (CI must have it: see .ci/run)"


def _skip_without_torch(report: pytest.TestReport | pytest.CollectReport, wanted: bool) -> None:
    """Turn what ended for want of torch into a skip, where torch is not installed."""
    if report.failed and wanted and not TORCH:
        report.outcome = "skipped"
        report.longrepr = (report.fspath, 0, f"Skipped: {OPTIONAL}torch")


def _wants_torch(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and error.name == "torch":
            return True
        error = error.__cause__ or error.__context__
    return False


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Iterator[None]:
    """Judge the skips inside tests and fixtures."""
    report = yield
    _skip_without_torch(report, _wants_torch(call.excinfo.value if call.excinfo else None))
    _fail_missing_part(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    """Judge the skips of whole modules."""
    report = yield
    _skip_without_torch(
        report, "No module named 'torch'" in str(report.longrepr)
    )  # pytest keeps the text alone
    _fail_missing_part(report)
    return report


@pytest.hookimpl(optionalhook=True)  # it is pytest-xdist that calls it
def pytest_handlecrashitem(crashitem: str) -> None:
    """End the run when one of its processes died, or hung, in a test: its other tests would not be done."""
    pytest.exit(f"the process that ran {crashitem} is gone", returncode=pytest.ExitCode.INTERRUPTED)
