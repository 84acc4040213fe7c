from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reenact.bench.whole import run_cold, write_template
from reenact.config import DEFAULT_MODEL
from reenact.errors import SetupError


def test_the_peak_is_that_of_the_measured_process(tmp_path: Path, portrait_file: Path) -> None:
    write_template(tmp_path, DEFAULT_MODEL, 2)
    large = np.ones(1_000_000_000, np.uint8)  # of this process, and freed before the other begins
    del large
    seconds, peak = run_cold(tmp_path, portrait_file, DEFAULT_MODEL, "cpu", 1)
    assert seconds > 0
    assert 100e6 < peak < 900e6


def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="template_not_found"):
        run_cold(tmp_path, tmp_path / "no-selfie.jpg", DEFAULT_MODEL, "cpu", 1)
