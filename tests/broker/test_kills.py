"""A few rounds of what ``python -m tests.broker.kills`` does a hundred times."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from . import kills

pytestmark = [pytest.mark.broker, pytest.mark.slow]


@pytest.mark.parametrize("mode", ["embedded", "redis"])
def test_nothing_is_lost_doubled_or_broken(
    mode: str, tmp_path: Path, need: Callable[[str, object], None]
) -> None:
    if mode == "redis":
        need("redis-server", shutil.which("redis-server"))
    tally = kills.run(mode, 3, tmp_path, seed=1)
    assert tally.rounds == 3 and len(tally.taken) == 3 * kills.ORDERS
    assert (tally.lost, tally.duplicated, tally.broken) == ([], [], [])
