"""Train a landmark network of one part of the face and export its graph: minutes on one core."""

from __future__ import annotations

import argparse
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from reenact.errors import WeightsBroken
from reenact.export.onnx import Graph, Signature, write_graphs
from reenact.face.network import PointNetwork
from reenact.training.loop import Run, RunOptions
from reenact.training.point_stage import PointStage, parts_of

SIGNATURE = Signature(("picture",), ("points",), {})


def train_points(arguments: argparse.Namespace, options: RunOptions) -> None:
    """Write ``state.pt``, ``log.txt`` and, at the end, ``<part>.onnx`` of the averaged weights to OUT."""
    graph, out = arguments.part, arguments.out
    network = load_points(arguments.init, graph) if arguments.init else network_of(graph)
    device = torch.device(options.device)
    stage = PointStage(network, graph, arguments.pack, batch=options.batch, device=device)
    network.to(device)
    if arguments.init:
        restore_batch_norm(network, stage.draw()[0])
    network.train()
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


def load_points(path: Path, graph: str) -> PointNetwork:
    """A part's network from its graph, in which batch norm is folded into the convolutions.

    Raises:
        WeightsBroken: it is another network's graph.
    """
    held = {
        value.name: torch.tensor(numpy_helper.to_array(value)) for value in onnx.load(path).graph.initializer
    }
    network = network_of(graph)
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            before, _, place = name.rpartition(".")
            held[f"{name}.bias"] = held.get(f"{before}.{int(place) - 1}.weight_bias", torch.empty(0))
    try:
        network.load_state_dict({name: held.get(name, value) for name, value in network.state_dict().items()})
    except RuntimeError as error:
        raise WeightsBroken(f"{path.name} is not the network for {graph}: {error}") from error
    return network


def restore_batch_norm(network: PointNetwork, pictures: Tensor) -> None:
    """Restore the batch norm of a loaded network, so that in training it computes what the graph did."""

    def measure(layer: nn.Module, inputs: tuple[Tensor]) -> None:
        assert (
            isinstance(layer, nn.BatchNorm2d)
            and layer.running_mean is not None
            and layer.running_var is not None
        )
        layer.running_mean.copy_(inputs[0].mean((0, 2, 3)))
        layer.running_var.copy_(inputs[0].var((0, 2, 3), correction=0))
        layer.bias.add_(layer.running_mean)
        layer.weight.copy_((layer.running_var + layer.eps).sqrt())

    layers = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    hooks = [layer.register_forward_pre_hook(measure) for layer in layers]
    with torch.no_grad():
        network.eval()(pictures)
    for hook in hooks:
        hook.remove()
