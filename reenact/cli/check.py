"""``reenact doctor`` and ``reenact bench``."""

from __future__ import annotations

import argparse
from pathlib import Path

from reenact.cli.common import Verbs, add_engine_options, add_quiet, add_verb, positive, say

PARTS = ("whole", "stations", "rivals", "growth", "gpu")  # of reenact.bench, which would load the engine here


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
        "Animate our first portrait with a motion of 100 frames: as a new process and warm (whole), station "
        "by station (stations), by turns with the published vox-256 (rivals, needs the extra train), with "
        "more frames, larger sizes, other batches, threads and jobs at once (growth), and motion and decoder "
        "on an NVIDIA GPU (gpu). Prints ratios, writes everything as JSON, and draws it. A part that is not "
        "asked for keeps the figures that the file has.",
    )
    verb.add_argument("--frames", type=positive, default=100, help="of the motion; default 100")
    verb.add_argument("--rounds", type=positive, default=3, help="turns of each in a comparison; default 3")
    verb.add_argument("--part", action="append", choices=PARTS, help="can be repeated; default: all")
    verb.add_argument("--out", type=Path, default=Path("benchmarks") / "bench.json", metavar="JSON")
    add_engine_options(verb)
    add_quiet(verb)


def _doctor(arguments: argparse.Namespace) -> int:
    from reenact.doctor import examine, report

    findings = examine(
        arguments.model, arguments.device, arguments.threads, require_gpu=arguments.require_gpu
    )
    say(report(findings))
    return 1 if any(finding.state == "broken" for finding in findings) else 0


def _bench(arguments: argparse.Namespace) -> int:
    from reenact.bench import run
    from reenact.media.output import require_regular_file

    require_regular_file(arguments.out)  # before minutes of measuring, and not after them
    lines = run(
        [name for name in PARTS if name in (arguments.part or PARTS)],
        arguments.out,
        model=arguments.model,
        device=arguments.device,
        threads=arguments.threads,
        frames=arguments.frames,
        rounds=arguments.rounds,
    )
    for line in lines:
        say(line, arguments.quiet)
    return 0
