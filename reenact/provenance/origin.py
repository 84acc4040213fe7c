"""What a clip was made of, and how."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reenact.types import Effect

Role = Literal["portrait", "driving", "clip"]


@dataclass(frozen=True)
class SourceFile:
    """A file that a clip was made of. Neither its pixels nor its name come into the manifest."""

    role: Role  # clip: what a face was put into, and so the parent of the result
    file: bytes | Path


@dataclass(frozen=True)
class Origin:
    """What a manifest says about how a clip was made."""

    model: str  # SHA-256 of the model's files.json
    template: str | None  # id of the motion; None where it came from a clip
    inputs: tuple[SourceFile, ...]
    act: Effect = "animate"
