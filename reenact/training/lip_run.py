"""Training the lip network from nothing to its graph: minutes on one core."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from reenact.export.onnx import Graph, Signature, write_graphs
from reenact.face.mesh import MOUTH
from reenact.face.network import SIZE, LipNetwork
from reenact.training.lip_stage import LipStage
from reenact.training.loop import Run, RunOptions

SIGNATURE = Signature(("picture",), ("points",), {})


def train_lips(arguments: argparse.Namespace, options: RunOptions) -> None:
    """Write ``state.pt``, ``log.txt`` and, at the end, ``lips.onnx`` of the averaged weights to OUT."""
    network, out = LipNetwork(len(MOUTH)), arguments.out
    stage = LipStage(network, arguments.pack, batch=options.batch, device=torch.device(options.device))
    network.to(options.device).train()
    run, state = Run(network, options), out / "state.pt"
    if arguments.resume and state.is_file():
        run.resume(state)

    def minute(line: str) -> None:
        with (out / "log.txt").open("a") as log:
            log.write(line + "\n")
        run.save(state)

    run.fit(stage, minute)
    run.save(state)
    network.load_state_dict(run.average.state)
    export_lips(network, out)


def export_lips(network: LipNetwork, folder: Path) -> float:
    """Write ``lips.onnx`` and its hash; returns the largest difference from torch.

    Raises:
        WeightsBroken: the graph does not compute what torch computes.
    """
    network.eval().cpu()
    random = torch.Generator().manual_seed(0)
    traced, checked = (torch.rand(1, 3, SIZE, SIZE, generator=random) for _ in range(2))
    return write_graphs({"lips": Graph(network, SIGNATURE, (traced,), (checked,))}, folder)["lips"]
