"""The published vox-256 as a process that is told how many frames to make; for ``reenact bench``.

Weights are random; what a network costs does not depend on them. Two ways:

eager   torch, as the published demo does it: keypoints and the whole generator, encoder among it, for every
        frame, one at a time. Networks alone: its demo also reads, resizes and writes, which is not counted.
graphs  our ONNX graphs of the same networks: the source encoded once, frames by batches.

A line ``eager 8`` on standard input makes 8 frames; the answer is a line of JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import torch

from reenact.bench.cpu_time import measure_time
from reenact.engine import Engine
from reenact.export.example_inputs import PICTURE, example_picture
from reenact.export.fomm import export_fomm
from reenact.fomm.network import Fomm
from reenact.types import Keypoints

Work = Callable[[int], object]


def eager(model: Fomm, threads: int, device: str) -> Work:
    """The loop of the published demo."""
    torch.set_num_threads(threads)
    model = model.to(device)
    source, clip = (torch.rand(count, 3, PICTURE, PICTURE, device=device) for count in (1, 4))

    def work(frames: int) -> None:
        with torch.inference_mode():
            still = model.kp_detector(source)
            for index in range(frames):
                driving = model.kp_detector(clip[index % len(clip)][None])
                picture = model.generator(source, still, driving)
                (255 * picture[0].permute(1, 2, 0)).to(torch.uint8).cpu().numpy()

    return work


def graphs(model: Fomm, threads: int, folder: Path) -> Work:
    """The same networks in our engine."""
    with redirect_stdout(sys.stderr):  # torch's exporter prints
        export_fomm(model, folder)
    engine = Engine(folder, device="cpu", threads=threads)
    clip = example_picture(4, PICTURE, torch.Generator().manual_seed(0)).numpy()

    def work(frames: int) -> None:
        pictures = clip[np.arange(frames) % len(clip)]
        poses = [engine.detector.learned(picture) for picture in pictures]
        points, jacobians = (np.concatenate(parts) for parts in zip(*poses, strict=True))
        driving = Keypoints(points, jacobians, np.zeros((frames, 0, 2), np.float32))
        source = engine.renderer.prepare(clip[0], clip[0], driving[0])
        list(engine.renderer.render(source, driving))

    return work


def main() -> int:
    """Answer lines until there are none; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m reenact.export.reference_model", description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"), help="of eager alone")
    arguments = parser.parse_args()
    threads, device = arguments.threads, arguments.device
    if device == "cuda" and not torch.cuda.is_available():
        parser.exit(1, "the installed torch has no CUDA\n")
    torch.manual_seed(0)
    model = Fomm().eval()
    with tempfile.TemporaryDirectory(prefix="reenact-rivals-") as folder:
        make = {
            "eager": partial(eager, model, threads, device),
            "graphs": partial(graphs, model, threads, Path(folder)),
        }
        ways: dict[str, Work] = {}  # created at first use, since writing graphs is slow
        for line in sys.stdin:
            name, count = line.split()
            if name not in ways:
                ways[name] = make[name]()
            spent = measure_time(partial(ways[name], int(count)), int(count))
            sys.stdout.write(json.dumps(asdict(spent)) + "\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
