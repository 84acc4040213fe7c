"""Training a network of one part of the face from nothing to its graph: minutes on one core."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from reenact.export.onnx import Graph, Signature, write_graphs
from reenact.face.network import PointNetwork
from reenact.training.loop import Run, RunOptions
from reenact.training.point_stage import PointStage, parts_of

SIGNATURE = Signature(("picture",), ("points",), {})


def train_points(arguments: argparse.Namespace, options: RunOptions) -> None:
    """Write ``state.pt``, ``log.txt`` and, at the end, ``<part>.onnx`` of the averaged weights to OUT."""
    graph, out = arguments.part, arguments.out
    network = network_of(graph)
    device = torch.device(options.device)
    stage = PointStage(network, graph, arguments.pack, batch=options.batch, device=device)
    network.to(device).train()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
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
    export_points(network, graph, out)


def network_of(graph: str) -> PointNetwork:
    """An untrained network for a part."""
    part = parts_of(graph)[0]
    return PointNetwork(len(part.points), part.size)


def export_points(network: PointNetwork, graph: str, folder: Path) -> float:
    """Write ``<graph>.onnx`` and its hash; returns the largest difference from torch.

    Raises:
        WeightsBroken: the graph does not compute what torch computes.
    """
    network.eval().cpu()
    random, size = torch.Generator().manual_seed(0), parts_of(graph)[0].size
    traced, checked = (torch.rand(1, 3, size, size, generator=random) for _ in range(2))
    return write_graphs({graph: Graph(network, SIGNATURE, (traced,), (checked,))}, folder)[graph]
