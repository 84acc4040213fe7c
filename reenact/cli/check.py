"""``reenact doctor`` and ``reenact bench``."""

from __future__ import annotations

import argparse
from pathlib import Path

from reenact.cli.common import Verbs, add_engine_options, add_quiet, add_verb, positive, say

PARTS = (
    "whole",
    "stations",
    "swap",
    "rivals",
    "growth",
    "gpu",
)  # of reenact.bench, which would load the engine here


def register(verbs: Verbs[argparse.ArgumentParser]) -> None:
    """Declare both verbs."""
    verb = add_verb(
        verbs,
        "doctor",
        "check this installation",
        _doctor,
        "Check the packages, the provider that runs, the model and the templates. The "
        " exit code is 1 when something is broken.",
    )
    add_engine_options(verb)
    verb = add_verb(
        verbs,
        "bench",
        "measure time and memory of the whole path",
        _bench,
        "Animate the first portrait with a motion of 100 frames. Parts: whole (in a new process, and warm), "
        "stations (each step alone), swap (a face put into a clip: each step, beside animate, memory), "
        "rivals (alternating with the published vox-256; needs the extra train), "
        "growth (more frames, larger sizes, other batches, threads, parallel jobs), gpu (the networks on "
        "an NVIDIA GPU). Prints ratios, and writes all figures as JSON and as a chart. Parts that are not "
        "run keep their figures in the file.",
    )
    verb.add_argument("--frames", type=positive, default=100, help="length of the motion; default 100")
    verb.add_argument("--rounds", type=positive, default=3, help="rounds of each comparison; default 3")
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

    require_regular_file(arguments.out)  # fails before minutes of measuring, not after
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
