"""The evaluation of swaps: pairs of held-out people at two sizes, a report and sheets of pictures."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from reenact.errors import InvalidOption
from reenact.evaluation.clips import Pair, pair_up, read_frames, sample_clips
from reenact.evaluation.evaluate import Progress
from reenact.evaluation.hd import one_clip_per_person
from reenact.evaluation.judge_set import open_judges
from reenact.evaluation.methods import SwapMethod
from reenact.evaluation.options import Options
from reenact.evaluation.report import page_of, text_of, write_report
from reenact.evaluation.swap import evaluate_swap, frontal_selfies
from reenact.evaluation.table import Table
from reenact.media import EncodeOptions, write_clip
from reenact.os_errors import unwritable
from reenact.types import Clip, Picture

SIDES = (256, 512)
PAIRS = 12
FPS = Fraction(25)  # of the clips in faces_hd
MOMENTS, TILE = (0.1, 0.4, 0.7, 0.95), 256  # positions in a clip that the sheet shows; pixels of a picture


@dataclass(frozen=True)
class SwapReport:
    """A table for each size of the clips, and the sheets of pictures in the same folder."""

    tables: tuple[Table, ...]
    sheets: tuple[str, ...]
    seconds: float  # duration of the evaluation

    def markdown(self) -> str:
        """Tables and notes; Markdown that also reads as plain text."""
        return text_of(self.tables)

    def as_dict(self) -> dict[str, Any]:
        """Everything but the pictures, for JSON, with the metrics of every pair."""
        return {"swap": [table.as_dict() for table in self.tables], "seconds": round(self.seconds, 1)}

    def page(self) -> str:
        """The HTML page; its sheets are in the same folder."""
        return page_of([(table, ()) for table in self.tables], self.sheets)


def run_swap(
    shared: Path,
    methods: Mapping[str, SwapMethod],
    out: Path | None = None,
    pairs: int = PAIRS,
    options: Options | None = None,
    progress: Progress | None = None,
) -> SwapReport:
    """Evaluate swap methods on people of ``shared/faces_hd/val``, at 256 and at 512 pixels.

    Args:
        shared: the folder with ``faces_hd/val`` and ``evaluation``.
        methods: name -> method.
        out: folder for report.html, report.json, report.md and the sheets; None writes nothing.
        pairs: number of pairs; each person's first clip is used once, so there may be fewer.
        options: number of frames of a clip, and the seed of the pairing.
        progress: called after every pair.

    Raises:
        ExtraMissing: the extra ``evaluate`` is not installed.
        SetupError: a judge's file is missing.
        InvalidOption: there are no clips.
        OutputError: ``out`` cannot be written to.
    """
    began, options = time.monotonic(), options or Options()
    clips = one_clip_per_person(list((shared / "faces_hd" / "val").glob("hd-*.mp4")))
    if not clips:
        raise InvalidOption("There are no clips in faces_hd/val of the shared folder; name the right folder.")
    tables, sheets = [], []
    with open_judges(shared) as judges, tempfile.TemporaryDirectory(prefix="reenact-swap-") as name:
        selfies = frontal_selfies(clips, judges)
        chosen = pair_up(selfies, sample_clips(clips, pairs, options.seed), options.seed)
        for number, side in enumerate(SIDES):
            sheet = _Sheet(len(chosen) * number, len(chosen) * len(SIDES), progress)
            small = [_resized_pair(pair, side, options.frames, Path(name)) for pair in chosen]
            tables.append(evaluate_swap(methods, small, judges, sheet))
            if out is not None:
                sheets.append(sheet.write(out, side))
    report = SwapReport(tuple(tables), tuple(sheets), time.monotonic() - began)
    if out is not None:
        write_report(report, out)
    return report


def _resized_pair(pair: Pair, side: int, frames: int | None, folder: Path) -> Pair:
    """Clips of ``side`` pixels. All metrics use these, so that their encoding has no effect."""
    source = _resized(pair.source, side, 1, folder / f"selfies-{side}")
    return Pair(source, _resized(pair.driving, side, frames, folder / f"clips-{side}"))


def _resized(clip: Path, side: int, frames: int | None, folder: Path) -> Path:
    path = folder / f"{clip.stem}.mp4"
    folder.mkdir(exist_ok=True)
    pictures = read_frames(clip, frames)
    small = (_of_side(picture, side) for picture in pictures)
    write_clip(Clip(small, FPS, len(pictures)), path, options=EncodeOptions(crf=4))
    return path


def _of_side(picture: Picture, side: int) -> Picture:
    return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.LANCZOS))


@dataclass
class _Sheet:
    """Collects a row of pictures for each pair: the selfie, then the clip and each method in turn."""

    done: int
    total: int
    progress: Progress | None
    rows: list[Picture] = field(default_factory=list)

    def __call__(self, name: str, clip: list[Picture], made: Mapping[str, Sequence[Picture]]) -> None:
        """Add some frames of an evaluated pair."""
        selfies, *results = made.values()
        tiles = [selfies[0]]
        for moment in MOMENTS:
            index = min(int(moment * len(clip)), len(clip) - 1)
            tiles += [clip[index], *(frames[index] for frames in results)]
        side = max(TILE, len(clip[0]) // 2)
        self.rows.append(np.concatenate([_of_side(tile, side) for tile in tiles], 1))
        self.done += 1
        if self.progress:
            self.progress(self.done, self.total)

    def write(self, folder: Path, side: int) -> str:
        """Write the sheet; returns its file name."""
        name = f"swap-{side}.jpg"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.concatenate(self.rows)).save(folder / name, quality=92)
        except OSError as error:
            raise unwritable(f"The sheet {name} in {folder}", error) from error
        return name
