"""``reenact doctor`` and ``reenact bench``."""

from __future__ import annotations

import argparse
from pathlib import Path

from reenact.cli.common import Verbs, add_engine_options, add_quiet, add_verb, say


def register(verbs: Verbs[argparse.ArgumentParser]) -> None:
    """Declare both verbs."""
    verb = add_verb(
        verbs,
        "doctor",
        "check this installation",
        _doctor,
        "Check what is installed, which provider really runs, whether model and templates are whole. The "
        "exit code is 1 when something is broken.",
    )
    add_engine_options(verb)
    verb = add_verb(
        verbs,
        "bench",
        "measure time and memory of the whole path",
        _bench,
        "Animate our first portrait with a motion of 100 frames at 256: once as a new process, models loaded "
        "cold, and once more warm. Prints a summary and writes everything as JSON.",
    )
    verb.add_argument("--frames", type=int, default=100, help="of the motion; default 100")
    verb.add_argument("--out", type=Path, default=Path("benchmarks") / "bench.json", metavar="JSON")
    add_engine_options(verb)
    add_quiet(verb)


def _doctor(arguments: argparse.Namespace) -> int:
    from reenact.doctor import examine, report

    findings = examine(arguments.model, arguments.device, arguments.threads)
    say(report(findings))
    return 1 if any(finding.state == "broken" for finding in findings) else 0


def _bench(arguments: argparse.Namespace) -> int:
    from reenact.bench import measure, write_figures

    figures = measure(arguments.model, arguments.device, arguments.threads, arguments.frames)
    write_figures(figures, arguments.out)
    say(figures.summary(), arguments.quiet)
    say(str(arguments.out), arguments.quiet)
    return 0
