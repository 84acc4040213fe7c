"""The operator's guide says what the code says."""

from __future__ import annotations

import re
from dataclasses import Field, fields
from pathlib import Path

import server.settings
from server.settings import Settings, variable

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
CODE = Path(server.settings.__file__).read_text(encoding="utf-8").splitlines()


def row(field: Field[object]) -> str:
    """The line of the table that a setting must have: its variable, its default and its comment."""
    line = next(line for line in CODE if line.startswith(f"    {field.name}:"))
    default = "bundled" if field.name in ("templates", "portraits") else str(field.default).lower()
    return f"| `{variable(field.name)}` | {default} | {line.split('  # ')[1]} |"


def test_the_table_of_settings_is_that_of_the_code() -> None:
    table = [line for line in GUIDE.partition("## Settings")[2].splitlines() if line.startswith("| `")]
    assert table == [row(field) for field in fields(Settings)]


def test_every_variable_that_the_guide_names_exists() -> None:
    named = set(re.findall(r"REENACT_[A-Z0-9_]*[A-Z0-9]", GUIDE))
    assert named <= {variable(field.name) for field in fields(Settings)}
