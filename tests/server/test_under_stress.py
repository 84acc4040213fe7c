"""A little of what ``contract``, ``mutants`` and ``load`` do at length."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broker.machines import Server

from . import load, mutants


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with load.serving(REENACT_QUEUE_LENGTH="3") as server:
        yield server


@pytest.mark.slow
def test_the_document_says_all_that_comes(server: Server) -> None:
    pytest.importorskip("schemathesis", reason="optional part missing: schemathesis")
    from . import contract

    tally = contract.run(server, 80)
    assert tally.failures == []
    assert tally.operations.total() >= 80
    assert tally.statuses[200] and tally.statuses[202] and tally.statuses[422]


@pytest.mark.slow
def test_many_clients_at_once_get_what_they_ask_for_or_are_told_when_to_come_back(server: Server) -> None:
    found = load.crowd(server, clients=12, seconds=2)
    assert found.strange == []
    assert found.answers[202] and found.answers[429] and found.succeeded


@pytest.mark.slow
def test_memory_is_measured_job_by_job(server: Server) -> None:
    slope, memory = load.row(server, jobs=6, warm=2)
    assert len(memory) == 6 and abs(slope) < 50  # MB; a job that kept its frames and its engine


@pytest.mark.slow
def test_damaged_files_do_no_harm(tmp_path: Path) -> None:
    tally = mutants.run(24, tmp_path)
    assert tally.failures == []
    refused = [kind for kind in tally.statuses if " 4" in kind]
    assert len(refused) > 5 and tally.statuses["jpeg: 200 succeeded"]
