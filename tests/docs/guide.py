"""The commands of the operating guide, so that tests run what operators are told to type."""

from __future__ import annotations

import re
from pathlib import Path

GUIDE = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")


def commands(section: str, intro: str) -> str:
    """The lines of the block after an introduction in bold, as a script; what systemd is told is left out."""
    _, _, text = GUIDE.partition(f"\n## {section}\n")
    _, found, rest = text.partition(f"\n**{intro}")
    assert found, (section, intro)
    block = re.search(r"```console\n(.*?)```", rest, flags=re.DOTALL)
    assert block
    lines = [line[2:] for line in block[1].splitlines() if line[:2] in ("# ", "$ ")]
    return "\n".join(line for line in lines if not line.startswith("systemctl"))
