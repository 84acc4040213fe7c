"""How long the service takes from its start until /readyz says yes, and how much computing that is.

    python -m tests.server.ready --rounds 5

The first start makes the data folder and is not counted. On a machine that does other things too, the seconds
of computing tell more than those of the clock.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from tests.broker.machines import ROOT, free_port


def start_once(data: Path) -> tuple[float, float]:
    """Seconds until it was ready, and seconds of computing of all its processes until they had stopped."""
    port = free_port()
    environment = os.environ | {"REENACT_DATA": str(data), "REENACT_PORT": str(port)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.monotonic()
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(
        [sys.executable, "-m", "server"], cwd=ROOT, env=environment, stdout=quiet, stderr=quiet
    )
    while not ready(port):
        assert server.poll() is None, "it ended; start it by hand to see why"
        time.sleep(0.02)
    seconds = time.monotonic() - begun
    server.terminate()
    server.wait(60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ready(port: int) -> bool:
    """Whether it says so."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10):
            return True
    except OSError:
        return False


def main() -> None:
    """Start it again and again, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        start_once(Path(folder))
        found = [start_once(Path(folder)) for _ in range(rounds)]
    seconds, computing = zip(*found, strict=True)
    load = os.getloadavg()[0]
    print(f"ready after {statistics.median(seconds):.2f} s, slowest {max(seconds):.2f} s, load {load:.1f}")
    print(f"{statistics.median(computing):.2f} s of computing, the stop included")


if __name__ == "__main__":
    main()
