"""The whole evaluation: clips of the shared folder, baselines and methods; three tables in a report."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from reenact.errors import InvalidOption
from reenact.evaluation.baselines import LandmarkWarp, StaticSource
from reenact.evaluation.clips import Pair, frame_count, pair_up, sample_clips
from reenact.evaluation.cross_identity import evaluate_cross_identity
from reenact.evaluation.gallery import Gallery
from reenact.evaluation.hd import evaluate_hd, one_clip_per_person
from reenact.evaluation.judge_set import JudgeSet, open_judges
from reenact.evaluation.methods import Candidate
from reenact.evaluation.options import Options
from reenact.evaluation.reconstruction import Shown, evaluate_reconstruction
from reenact.evaluation.report import Report, write_report
from reenact.os_errors import unwritable
from reenact.types import Picture

STATIC, WARP = "static source", "landmark warp"


Progress = Callable[[int, int], None]
"""Called with (clips and pairs done, total)."""


def run(
    shared: Path,
    methods: Mapping[str, Candidate],
    out: Path | None = None,
    limit: int | None = None,
    options: Options | None = None,
    progress: Progress | None = None,
) -> Report:
    """Evaluate methods and both baselines on the clips of ``shared/faces/val`` and ``faces_hd/val``.

    Args:
        shared: the folder with ``faces/val``, ``evaluation`` and ``training``. If ``faces_hd/val`` exists,
            one ``hd-*`` clip of each person is evaluated at its original size.
        methods: name -> candidate; may be empty. Baselines come first in every table.
        out: folder for report.html, report.json, report.md and the videos; None writes nothing.
        limit: shorthand for ``options.limit``, which it overrides.
        options: see ``Options``.
        progress: called after every clip and pair.

    Raises:
        ExtraMissing: the extra ``evaluate`` is not installed.
        SetupError: a judge's file is missing.
        InvalidOption: there are no clips, or a method breaks its contract.
        OutputError: ``out`` cannot be written to.
    """
    began = time.monotonic()
    options = options or Options()
    options = options if limit is None else replace(options, limit=limit)
    everything = sorted((shared / "faces" / "val").glob("*.mp4"))
    if not everything:
        raise InvalidOption("There are no clips in faces/val of the shared folder; name the right folder.")
    clips, pairs = sample_clips(everything, options.limit, options.seed), choose_pairs(everything, options)
    large = sample_clips(
        one_clip_per_person(list((shared / "faces_hd" / "val").glob("hd-*.mp4"))), options.limit, options.seed
    )
    galleries = [Gallery(_made(out), kind, options.videos) for kind in ("reconstruction", "cross", "hd")]
    shown = _counted(galleries, len(clips) + len(pairs) + len(large), progress)
    with open_judges(shared) as judges:
        entries = _entries(methods, judges)
        remakers = {name: entry.reconstruct for name, entry in entries.items()}
        animators = {name: entry.animate for name, entry in entries.items() if entry.animate is not None}
        table = evaluate_reconstruction(remakers, clips, judges, options, shown[0])
        cross = evaluate_cross_identity(animators, pairs, judges, options, shown[1]) if pairs else None
        hd = evaluate_hd(remakers, large, judges, options, shown[2]) if large else None
    videos = [tuple(gallery.videos) for gallery in galleries]
    report = Report(table, cross, videos[0], videos[1], time.monotonic() - began, hd, videos[2])
    if out is not None:
        write_report(report, out)
    return report


def choose_pairs(clips: Sequence[Path], options: Options) -> list[Pair]:
    """Source and driving pairs: every long enough clip drives once, or ``options.limit`` of them."""
    long_enough = [path for path in clips if frame_count(path) >= options.driving_frames]
    driving = sample_clips(long_enough, options.limit, options.seed)
    return pair_up(clips, driving, options.seed)


def _entries(methods: Mapping[str, Candidate], judges: JudgeSet) -> dict[str, Candidate]:
    """Baselines first, then the methods.

    Raises:
        InvalidOption: a method has a baseline's name.
    """
    baselines = {STATIC: StaticSource().candidate(), WARP: LandmarkWarp(judges.landmarks).candidate()}
    for name in baselines.keys() & methods.keys():
        raise InvalidOption(f"{name!r} is the name of a baseline; give the method another name.")
    return {**baselines, **methods}


def _made(folder: Path | None) -> Path | None:
    """Create the folder if it is missing: an error must come before the long evaluation, not after it."""
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(f"The report in {folder}", error) from error
    return folder


def _counted(galleries: Sequence[Gallery], total: int, progress: Progress | None) -> list[Shown]:
    """Callbacks after each clip of each part: they store its video and report progress."""
    done = 0

    def observer(gallery: Gallery) -> Shown:
        def shown(name: str, driving: list[Picture], made: dict[str, list[Picture]]) -> None:
            nonlocal done
            done += 1
            gallery(name, driving, made)
            if progress:
                progress(done, total)

        return shown

    return [observer(gallery) for gallery in galleries]
