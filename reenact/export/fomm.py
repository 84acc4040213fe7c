"""The published first-order motion model as ONNX graphs with our interface."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from reenact.export.example_inputs import PICTURE, example_picture, example_points
from reenact.export.graphs import to_bytes, to_float
from reenact.export.onnx import (
    BATCH,
    Graph,
    Signature,
    write_graphs,
)
from reenact.fomm.network import Fomm, FommKeypointNetwork, Generator

_SOURCE = ("source", "features", "source_points", "source_jacobians")
_DRIVING = ("points", "jacobians")
SIGNATURES = {
    "keypoints": Signature(("picture",), ("points", "jacobians"), {"picture": {0: BATCH}}),
    "encode": Signature(("source",), ("features",), {}),
    "animate": Signature(_SOURCE + _DRIVING, ("picture",), {name: {0: BATCH} for name in _DRIVING}),
}


class KeypointGraph(nn.Module):
    """``keypoints``: pictures -> learned keypoints."""

    def __init__(self, detector: FommKeypointNetwork) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 256, 256, 3) uint8 -> points (B, K, 2), jacobians (B, K, 2, 2)."""
        points, jacobians = self.detector(to_float(picture))
        return points, jacobians


class EncodeGraph(nn.Module):
    """``encode``: run once for the selfie."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, source: Tensor) -> Tensor:
        """(1, 256, 256, 3) uint8 -> features (1, C, 64, 64)."""
        return self.generator.encode(to_float(source))


class AnimateGraph(nn.Module):
    """``animate``: motion and decoder, for a batch of driving frames and one source."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(
        self,
        source: Tensor,
        features: Tensor,
        source_points: Tensor,
        source_jacobians: Tensor,
        points: Tensor,
        jacobians: Tensor,
    ) -> Tensor:
        """Source tensors have a leading 1, the driving pose is (B, ...). Returns (B, 256, 256, 3) uint8."""
        batch = points.shape[0]

        def repeat(value: Tensor) -> Tensor:
            return value.expand(batch, *value.shape[1:])

        pose = (repeat(source_points), repeat(source_jacobians))
        image = repeat(to_float(source))
        return to_bytes(self.generator.decode(image, repeat(features), pose, (points, jacobians)))


def graphs_of(model: Fomm) -> dict[str, nn.Module]:
    """The graphs by file name. There is no ``compose``: FOMM's pictures are always 256 x 256."""
    graphs: dict[str, nn.Module] = {
        "keypoints": KeypointGraph(model.kp_detector),
        "encode": EncodeGraph(model.generator),
        "animate": AnimateGraph(model.generator),
    }
    return {name: graph.eval() for name, graph in graphs.items()}


def export_fomm(model: Fomm, folder: Path) -> dict[str, float]:
    """Write the graphs and their hashes; returns the largest difference from torch for each.

    Raises:
        WeightsBroken: a graph does not compute what torch computes.
    """
    graphs = {
        name: Graph(module, SIGNATURES[name], example_inputs(model, name, 2), example_inputs(model, name, 3))
        for name, module in graphs_of(model).items()
    }
    return write_graphs(graphs, folder)


def example_inputs(model: Fomm, name: str, batch: int) -> tuple[Tensor, ...]:
    """Seeded inputs for a graph, in the order of its signature."""
    random = torch.Generator().manual_seed(0)
    picture = example_picture(batch if name == "keypoints" else 1, PICTURE, random)
    if name != "animate":
        return (picture,)
    features = model.generator.encode(to_float(picture)).detach()
    count = model.config.num_kp
    return picture, features, *example_points(1, count, random), *example_points(batch, count, random)
