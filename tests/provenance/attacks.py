"""What happens to a result on its way: each change as from the frames that arrive to those that go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from reenact.media import EncodeOptions, open_clip, write_clip
from reenact.types import Clip, Picture

Change = Callable[[list[Picture]], list[Picture]]
FPS = Fraction(25)
SAME = 18  # CRF that adds little of its own, for the changes that are no encoding


@dataclass(frozen=True)
class Attack:
    """One way that a result goes, and the share of 200 results whose mark must be read afterwards."""

    change: Change
    bar: float
    format: str = "mp4"
    crf: int = SAME
    first: str = "mp4"  # the format that the service made


def scaled(share: float) -> Change:
    def change(frames: list[Picture]) -> list[Picture]:
        width, height = (round(length * share / 2) * 2 for length in frames[0].shape[1::-1])
        return [np.asarray(Image.fromarray(frame).resize((width, height))) for frame in frames]

    return change


def cropped(frames: list[Picture]) -> list[Picture]:
    """A tenth off each side."""
    rows, columns = (length // 10 for length in frames[0].shape[:2])
    return [np.ascontiguousarray(frame[rows:-rows, columns:-columns]) for frame in frames]


def lit(factor: float) -> Change:
    return lambda frames: [np.clip(frame * factor, 0, 255).astype(np.uint8) for frame in frames]


def mirrored(frames: list[Picture]) -> list[Picture]:
    return [np.ascontiguousarray(frame[:, ::-1]) for frame in frames]


ATTACKS = {
    "H.264 CRF 23": Attack(list, 0.99, crf=23),
    "H.264 CRF 28": Attack(list, 0.99, crf=28),
    "H.264 CRF 32": Attack(list, 0.95, crf=32),
    "scaled to 0.5": Attack(scaled(0.5), 0.97),
    "a tenth cropped off each side": Attack(cropped, 0.95),
    "gif": Attack(list, 0.95, format="gif", first="gif"),
    "webp": Attack(list, 0.95, format="webp", first="webp"),
    "15 % darker": Attack(lit(0.85), 0.99),
    "15 % brighter": Attack(lit(1.15), 0.99),
    "12 frames only": Attack(lambda frames: frames[:12], 0.95),
}


def send(frames: list[Picture], attack: Attack, folder: Path) -> Path:
    """What arrives: a result as the service writes it, then changed and encoded again.

    A gif or webp is sent on as it is. The folder belongs to one result, which is made only once.
    """
    made = folder / f"made.{attack.first}"
    if not made.exists():
        write(frames, made, EncodeOptions())
    if attack.first != "mp4":
        return made
    changed = attack.change(list(open_clip(made).frames))
    return write(changed, folder / f"sent.{attack.format}", EncodeOptions(crf=attack.crf))


def write(frames: list[Picture], path: Path, options: EncodeOptions) -> Path:
    return write_clip(Clip(iter(frames), FPS, len(frames)), path, options=options).path
