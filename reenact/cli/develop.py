"""``reenact evaluate``, ``train``, ``export`` and ``import-checkpoint``: for those who make models."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from fractions import Fraction
from importlib import import_module
from itertools import repeat
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from reenact.cli.common import (
    Verbs,
    add_engine_options,
    add_quiet,
    add_verb,
    open_engine,
    positive,
    progress,
    say,
)
from reenact.errors import ExtraMissing, NoFaceFound

if TYPE_CHECKING:
    from reenact.engine import Engine
    from reenact.types import Face, Keypoints, Picture

SHARED = Path("..") / "shared"
JUDGED_FPS = Fraction(25, 2)  # of the clips in shared/faces
_TORCH_VERBS = {
    "train": ("reenact.training.run", "train a model"),
    "export": ("reenact.export.run", "write a trained model as ONNX graphs"),
    "import-checkpoint": (
        "reenact.export.checkpoint",
        "turn a published FOMM checkpoint into a model folder",
    ),
}


def register(verbs: Verbs[argparse.ArgumentParser], wanted: str) -> None:
    """Declare the verbs. Of those that need torch only the ``wanted`` one is loaded.

    Raises:
        ExtraMissing: the wanted verb needs packages that are not installed.
    """
    verb = add_verb(verbs, "evaluate", "evaluate a model and two baselines", _evaluate)
    verb.add_argument(
        "--data",
        type=Path,
        default=SHARED,
        metavar="FOLDER",
        help=f"folder of the test clips; default {SHARED}",
    )
    verb.add_argument(
        "--out", type=Path, metavar="FOLDER", help="write the report there; default: only print the tables"
    )
    verb.add_argument("--limit", type=positive, metavar="N", help="number of clips and pairs; default: all")
    verb.add_argument(
        "--frames", type=positive, metavar="N", help="evaluate only the first N frames of each clip"
    )
    verb.add_argument(
        "--swap", action="store_true", help="evaluate faces put into clips, instead of all else"
    )
    verb.add_argument("--pairs", type=positive, metavar="N", help="with --swap: number of pairs; default: 12")
    add_engine_options(verb)
    add_quiet(verb)
    for name, (module, help) in _TORCH_VERBS.items():
        if name == wanted:
            loaded = _load(module)
            loaded.add_arguments(add_verb(verbs, name, help, loaded.main))
        else:
            verbs.add_parser(name, help=help)


def _load(module: str) -> ModuleType:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("reenact"):
            raise
        raise ExtraMissing(
            f"The package {error.name} is not installed. Install the extra: pip install 'reenact[train]'."
        ) from error


def _evaluate(arguments: argparse.Namespace) -> int:
    from reenact.evaluation import Candidate, Options, run

    if arguments.swap:
        return _evaluate_swap(arguments)
    engine = open_engine(arguments)
    candidate = Candidate(
        lambda frames: reconstruct_frames(engine, frames),
        lambda source, frames: animate_frames(engine, source, frames),
    )
    with progress(arguments.quiet, unit="clip") as watch:
        report = run(
            arguments.data,
            {"reenact": candidate},
            arguments.out,
            arguments.limit,
            Options(frames=arguments.frames),
            watch,
        )
    say(report.markdown(), arguments.quiet)
    return 0


def _evaluate_swap(arguments: argparse.Namespace) -> int:
    from reenact.cli.swapped import swap_frames
    from reenact.evaluation import Options, run_swap

    engine, options = open_engine(arguments), Options(frames=arguments.frames)
    methods = {"reenact": lambda selfie, clip: swap_frames(engine, selfie, clip)}
    with progress(arguments.quiet, unit="pair") as watch:
        report = run_swap(arguments.data, methods, arguments.out, arguments.pairs or 12, options, watch)
    say(report.markdown(), arguments.quiet)
    return 0


def reconstruct_frames(engine: Engine, frames: list[Picture]) -> Iterator[Picture]:
    """Rebuild a square clip from its first frame, in memory; the contract of ``reenact reconstruct``.

    Larger clips than 256x256 are rebuilt in their own size, which must be one that the model paints.
    A clip in which our finder sees no face stays still, and is judged like that.
    """
    from reenact.subject import Subject
    from reenact.types import Crop

    try:
        motion, face = _keypoints(engine, frames)
    except NoFaceFound:
        return repeat(frames[0], len(frames))
    source = engine.renderer.prepare(_native(frames[0]), frames[0], motion[0])
    return Subject(engine, source, face, Crop(0, 0, len(frames[0]))).render(motion)


def animate_frames(engine: Engine, source: Picture, frames: list[Picture]) -> Iterator[Picture]:
    """Move a 256x256 picture like a 256x256 clip of another person: relative motion, no crop, no paste.

    Where our finder sees no face the picture stays still, and is judged like that.
    """
    from reenact.motion.transfer import TransferOptions, transfer
    from reenact.subject import Subject
    from reenact.types import Crop

    try:
        (still, face), (motion, _) = _keypoints(engine, [source]), _keypoints(engine, frames)
    except NoFaceFound:
        return repeat(source, len(frames))
    driven = transfer(still[0], motion, TransferOptions(), JUDGED_FPS)
    prepared = engine.renderer.prepare(source, source, still[0])
    return Subject(engine, prepared, face, Crop(0, 0, len(source))).render(driven)


def _keypoints(engine: Engine, frames: list[Picture]) -> tuple[Keypoints, Face | None]:
    """Keypoints of square frames, and the face of the first."""
    import numpy as np

    from reenact.tracking import fill_missing_faces
    from reenact.types import Crop

    faces = list(engine.finder.follow(frames))
    nearest = fill_missing_faces(np.array([face is not None for face in faces]))
    whole = Crop(0, 0, len(frames[0]))
    known = ((_native(frames[index]), face) for index in nearest if (face := faces[index]))
    return engine.detector.many(known, whole), faces[0]


def _native(picture: Picture) -> Picture:
    """A square picture as the networks see it."""
    from reenact.face.align import extract_crop
    from reenact.generator.renderer import NATIVE_SIZE
    from reenact.types import Crop

    side = len(picture)
    return picture if side == NATIVE_SIZE else extract_crop(picture, Crop(0, 0, side), NATIVE_SIZE)
