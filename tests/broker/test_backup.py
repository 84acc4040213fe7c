"""What the guide tells to type for a backup and its restore, on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from server.database.database import Database

from ..docs.guide import commands
from ..server.migrations.first import POSTGRESQL, check_nothing_is_lost
from .daemons import Postgres

pytestmark = pytest.mark.broker


def test_a_service_that_was_upgraded_is_put_back(own_postgres: Postgres, tmp_path: Path) -> None:
    server = own_postgres.url
    url = server.removesuffix("postgres") + "reenact"

    def run(script: str) -> None:
        environment = os.environ | {"REENACT_DATABASE": url, "SERVER": server}
        subprocess.run(["sh", "-euc", script], cwd=tmp_path, env=environment, check=True, timeout=60)

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE reenact")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(POSTGRESQL.read_text())
    run(commands("Back up", "PostgreSQL"))
    with closing(Database(url, tmp_path)) as newer:
        newer.prepare()
        assert newer.schema() != "0001"
    run(commands("Restore", "PostgreSQL"))
    with closing(Database(url, tmp_path)) as older:
        assert older.schema() == "0001"
        older.prepare()
        check_nothing_is_lost(older)
