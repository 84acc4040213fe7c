"""Limits that several processes keep together, on one PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from server.database.database import Database
from server.jobs import Job, JobRepository, Order

from .machines import ROOT

pytestmark = pytest.mark.broker
PROCESSES, THREADS, ORDERS = 3, 6, 3
# Each process sends orders of one owner from several threads, and says how many were taken.
SEND = """
import secrets, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from server.database.database import open_database
from server.errors import TryLater
from server.jobs import Job, Order, JobRepository
from server.jobs.admission import Admission

url, folder, threads, orders, limit, owner_limit = sys.argv[1:]
database = open_database(url, Path(folder))
records = JobRepository(database)
admission = Admission(records, int(limit), int(owner_limit), 1)

def send(_):
    id = secrets.token_hex(8)
    try:
        records.insert(
            Job(id, Order(id), "queued", 0.0, 1, owner="mine"),
            None,
            lambda c, _: admission.check("mine", "animate", c),
        )
    except TryLater as e:
        return e.code
    return "taken"

sys.stdin.readline()  # all at once
with ThreadPoolExecutor(int(threads)) as pool:
    print(*pool.map(send, range(int(threads) * int(orders))))
"""


def send(url: str, folder: Path, limit: int, owner_limit: int) -> list[str]:
    """What many orders, sent by several processes at once, were answered."""
    words = map(str, (url, folder, THREADS, ORDERS, limit, owner_limit))
    command = [sys.executable, "-c", SEND, *words]
    senders = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(PROCESSES)
    ]
    for each in senders:
        assert each.stdin
        each.stdin.write("go\n")
        each.stdin.flush()
    return [answer for each in senders for answer in each.communicate(timeout=120)[0].split()]


@pytest.mark.parametrize(
    ("limit", "owner_limit", "code"), [(100, 5, "quota_exceeded"), (7, 100, "queue_full")]
)
def test_no_more_orders_are_taken_than_may_be(
    postgres: str, tmp_path: Path, limit: int, owner_limit: int, code: str
) -> None:
    answers = send(postgres, tmp_path, limit, owner_limit)
    assert len(answers) == PROCESSES * THREADS * ORDERS
    assert answers.count("taken") == min(limit, owner_limit)
    assert set(answers) == {"taken", code}


CLAIM = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from server.database.database import open_database
from server.jobs import JobRepository

records = JobRepository(open_database(sys.argv[1], Path(sys.argv[2])))
with ThreadPoolExecutor(6) as pool:
    print(sum(claim is not None for claim in pool.map(lambda _: records.claim(60, at_once=3), range(24))))
"""


def test_no_more_jobs_of_an_owner_run_than_may(postgres: str, tmp_path: Path) -> None:
    database = Database(postgres, tmp_path)
    database.prepare()
    for nth in range(20):
        JobRepository(database).insert(Job(str(nth), Order(str(nth)), "queued", 0.0, 1, owner="mine"), None)
    database.close()
    command = [sys.executable, "-c", CLAIM, postgres, str(tmp_path)]
    workers = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)
    ]
    assert sum(int(each.communicate(timeout=120)[0]) for each in workers) == 3
