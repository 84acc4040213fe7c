"""Options and output that several verbs share."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from reenact.config import DEFAULT_MODEL
from reenact.errors import Cancelled, InputError, InvalidOption, OutputError, ReenactError, SetupError
from reenact.process import print_error

if TYPE_CHECKING:
    from reenact.engine import Engine

Verbs = argparse._SubParsersAction  # argparse gives these two no public name
Group = argparse._ArgumentGroup
INTERNAL = 1
_CODES: tuple[tuple[type[ReenactError], int], ...] = (
    (InvalidOption, 2),
    (InputError, 3),
    (OutputError, 4),
    (SetupError, 5),
    (Cancelled, 130),
)

Run = Callable[[argparse.Namespace], int]


def add_verb(
    verbs: Verbs[argparse.ArgumentParser], name: str, help: str, run: Run, description: str | None = None
) -> argparse.ArgumentParser:
    """Declare a verb that ``run`` carries out, with the options that all verbs have."""
    verb: argparse.ArgumentParser = verbs.add_parser(
        name, help=help, description=description or f"{help[0].upper()}{help[1:]}."
    )
    verb.set_defaults(run=run)
    verb.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return verb


def add_engine_options(verb: argparse.ArgumentParser) -> None:
    """``--model``, ``--device``, ``--require-gpu``, ``--threads`` and ``--precision``."""
    group = verb.add_argument_group("engine")
    group.add_argument(
        "--model", type=Path, default=DEFAULT_MODEL, metavar="FOLDER", help="folder of another model"
    )
    group.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="cuda fails where CUDA does not run; auto falls back to the CPU",
    )
    group.add_argument(
        "--require-gpu",
        action="store_true",
        help="fail, with the reason, unless the whole model runs on an NVIDIA GPU",
    )
    group.add_argument(
        "--threads", type=positive, metavar="N", help="CPU threads; default: one for each core"
    )
    group.add_argument(
        "--precision",
        choices=("auto", "float32", "float16", "int8"),
        default="auto",
        help="of the animation network; auto: float16 on a GPU, int8 on a CPU with VNNI, else float32",
    )


def add_quiet(verb: argparse.ArgumentParser) -> None:
    """``--quiet``."""
    verb.add_argument("--quiet", action="store_true", help="print nothing but errors")


def open_engine(arguments: argparse.Namespace) -> Engine:
    """The engine that the options name."""
    from reenact.engine import Engine

    return Engine(
        arguments.model,
        device=arguments.device,
        threads=arguments.threads,
        precision=arguments.precision,
        require_gpu=arguments.require_gpu,
    )


def exit_code(error: ReenactError) -> int:
    """The exit code that stands for an error."""
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    return INTERNAL


def report_error(error: ReenactError) -> int:
    """Print an error as one line on stderr; return its exit code."""
    print_error(f"error[{error.code}]: {' '.join(str(error).split())}")
    return exit_code(error)


def positive(text: str) -> int:
    """A number from 1 on, for argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def say(line: str, quiet: bool = False) -> None:
    """Print a result."""
    if not quiet:
        print(line)


@contextmanager
def progress(quiet: bool, unit: str = "frame") -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr; none when quiet, or when stderr is not a terminal."""
    with tqdm(unit=unit, disable=True if quiet else None, leave=False, file=sys.stderr) as bar:

        def watch(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield watch


def show_warnings() -> None:
    """Show the package's warnings as lines on stderr."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
