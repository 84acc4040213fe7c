from __future__ import annotations

import argparse
import io
import json
import shutil
from contextlib import redirect_stdout
from copy import deepcopy
from dataclasses import dataclass, replace
from hashlib import sha256
from math import prod
from pathlib import Path

import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, numpy_helper
from torch import Tensor, nn

from reenact.engine import Engine
from reenact.errors import WeightsBroken
from reenact.export import half, int8, run, variant_parity
from reenact.export.graphs import graphs_of
from reenact.export.onnx import (
    LARGE,
    SIGNATURES,
    TOLERANCE,
    animate_graph,
    check_parity,
    example_inputs,
    write_graph,
)
from reenact.runtime import ModelFolder
from reenact.training.checkpoint import Model, ModelConfig, load_model, save_model

pytestmark = pytest.mark.slow  # torch takes its time to export, even a tiny model

NAMES = ("keypoints", "encode", "animate", "compose")
TWINS = {"animate_int8": int8, "animate_fp16": half}
FILES = (*NAMES, *TWINS)


@dataclass(frozen=True)
class Exported:
    """A tiny model, where it was exported to, and what the command printed."""

    model: Model
    folder: Path
    printed: str


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, tiny: ModelConfig) -> Exported:
    folder = tmp_path_factory.mktemp("export")
    torch.manual_seed(0)
    model = Model(tiny)
    nn.init.normal_(model.decoder.head.weight, std=0.05)  # an untrained head would hide the decoder
    save_model(model, folder / "weights.safetensors", {})
    parser = argparse.ArgumentParser()
    run.add_arguments(parser)
    arguments = ["--weights", str(folder / "weights.safetensors"), "--out", str(folder / "out")]
    with redirect_stdout(io.StringIO()) as printed:
        assert run.main(parser.parse_args(arguments)) == 0
    loaded, _ = load_model(folder / "weights.safetensors")
    return Exported(loaded, folder / "out", printed.getvalue())


def test_the_folder_has_the_graphs_their_hashes_and_the_weights(exported: Exported) -> None:
    listed = json.loads((exported.folder / "files.json").read_text())
    assert listed.keys() == {f"{name}.onnx" for name in FILES}
    for name, expected in listed.items():
        assert sha256((exported.folder / name).read_bytes()).hexdigest() == expected
    folder = ModelFolder(exported.folder)
    assert all(folder.path(name).is_file() for name in FILES)
    load_model(exported.folder / "model.safetensors")


def test_the_command_tells_how_near_each_graph_is(exported: Exported) -> None:
    lines = dict(line.split(".onnx", 1) for line in exported.printed.splitlines())
    assert set(lines) == set(FILES)
    assert all(float(line.rsplit(None, 1)[1]) <= 1 for line in lines.values())
    assert all("dB against float32" in lines[name] for name in TWINS)


def test_nothing_is_kept_outside_the_graph_files(exported: Exported) -> None:
    found = {path.name for path in exported.folder.iterdir()}
    assert found == {f"{name}.onnx" for name in FILES} | {"files.json", "model.safetensors"}


def test_no_path_of_this_machine_is_in_a_graph(exported: Exported) -> None:
    here = str(Path(run.__file__).parent).encode()
    for name in FILES:
        assert here not in (exported.folder / f"{name}.onnx").read_bytes()


def test_all_convolutions_but_the_last_are_in_bytes(exported: Exported) -> None:
    graph = onnx.load(str(exported.folder / "animate_int8.onnx")).graph
    given = {node.output[0]: node for node in graph.node}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    exact = [node.input[1] for node in convolutions if node.input[1] not in given]
    assert len(convolutions) > 10
    assert len(exact) == len(int8.EXACT)
    assert all(name.endswith(place) for name, place in zip(exact, int8.EXACT, strict=True))


def test_a_twin_that_loses_too_much_is_left_out(
    exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(exported.folder, tmp_path / "model"))
    monkeypatch.setattr(variant_parity, "FRAMES", 2)
    inputs = list(variant_parity.feeds(folder))
    for name, twin in TWINS.items():
        monkeypatch.setattr(twin, "LEAST_PSNR", 99.0)
        assert (folder / f"{name}.onnx").exists()
    assert int8.write_int8(folder, inputs).psnr < 99
    assert half.write_half(exported.model, folder, inputs[:1]).psnr < 99
    assert not [name for name in TWINS if (folder / f"{name}.onnx").exists()]


def test_what_is_a_place_stays_float32(exported: Exported) -> None:
    """Every convolution in float16, no sampling, and nothing on the way from a pose to where it samples."""
    graph = onnx.shape_inference.infer_shapes(onnx.load(str(exported.folder / "animate_fp16.onnx"))).graph
    kinds = {value.name: value.type.tensor_type.elem_type for value in graph.value_info}
    half_made = [n for n in graph.node if kinds.get(n.output[0]) == onnx.TensorProto.FLOAT16]
    made = {node.name for node in half_made}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert len(convolutions) > 10 and {node.name for node in convolutions} <= made
    assert {node.op_type for node in half_made} <= half.BETWEEN | {"Conv", "Cast"}
    samplings = [node for node in graph.node if node.op_type == "GridSample"]
    assert len(samplings) == 4
    makers = {name: node for node in graph.node for name in node.output}
    for sampling in samplings:  # back from where it samples, to the inputs or the nearest convolution
        waiting = [sampling.input[1]]
        while waiting:
            node = makers.get(waiting.pop())
            if node is None or kinds.get(node.input[0]) == onnx.TensorProto.FLOAT16:
                continue  # an input of the graph, or the cast of what a convolution gave
            assert node.name not in made
            waiting += node.input


def test_float16_holds_all_inputs_and_outputs_as_they_were(exported: Exported) -> None:
    paths = (exported.folder / f"{name}.onnx" for name in ("animate", "animate_fp16"))
    exact, other = (onnx.load(str(path)).graph for path in paths)
    for mine, theirs in ((exact.input, other.input), (exact.output, other.output)):
        assert [(v.name, v.type.tensor_type.elem_type) for v in mine] == [
            (v.name, v.type.tensor_type.elem_type) for v in theirs
        ]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_those_of_the_signature(exported: Exported, name: str) -> None:
    session = onnxruntime.InferenceSession(str(exported.folder / f"{name}.onnx"))
    assert tuple(tensor.name for tensor in session.get_inputs()) == SIGNATURES[name].inputs
    assert tuple(tensor.name for tensor in session.get_outputs()) == SIGNATURES[name].outputs


@pytest.mark.parametrize(
    ("name", "batch", "side"),
    [
        ("keypoints", 1, 0),
        ("keypoints", 5, 0),
        ("encode", 1, 0),
        ("animate", 1, 0),
        ("animate", 5, 0),
        ("compose", 1, 300),
        ("compose", 4, 256),
        ("compose", 2, 640),
    ],
)
def test_any_batch_and_any_side_give_what_torch_gives(
    exported: Exported, name: str, batch: int, side: int
) -> None:
    inputs = example_inputs(exported.model, name, batch=batch, side=side)
    path = exported.folder / f"{name}.onnx"
    assert check_parity(graphs_of(exported.model)[name], path, inputs) <= max(TOLERANCE.values())


def test_examples_exercise_the_graphs(exported: Exported) -> None:
    """Parity on inputs that saturate or vanish would prove nothing."""
    graphs = graphs_of(exported.model)
    with torch.no_grad():
        picture, rest, kept, flow = graphs["animate"](
            *example_inputs(exported.model, "animate", batch=2, side=0)
        )
        composed = graphs["compose"](*example_inputs(exported.model, "compose", batch=1, side=256))
    assert picture.dtype == torch.uint8
    assert picture.shape == (2, 256, 256, 3)
    assert picture.float().std() > 20
    assert rest.shape == (2, 3, 256, 256)
    assert kept.shape == (2, 1, 64, 64) and 0 <= kept.min() < 0.9 < kept.max() <= 1
    assert flow.std() > 0.2
    assert composed.shape == (1, 256, 256, 3)


@pytest.mark.parametrize(("name", "layer"), [("keypoints", "heatmaps"), ("animate", "head")])
def test_a_tampered_graph_fails(exported: Exported, tmp_path: Path, name: str, layer: str) -> None:
    graph = onnx.load(str(exported.folder / f"{name}.onnx"))
    (weight,) = [tensor for tensor in graph.graph.initializer if f"{layer}.weight" in tensor.name]
    array = numpy_helper.to_array(weight)
    weight.CopyFrom(numpy_helper.from_array((array * 1.2).astype(array.dtype), weight.name))
    onnx.save(graph, str(tmp_path / f"{name}.onnx"))
    inputs = example_inputs(exported.model, name, batch=2, side=0)
    with pytest.raises(WeightsBroken, match=rf"{name}\.onnx differs from torch"):
        check_parity(graphs_of(exported.model)[name], tmp_path / f"{name}.onnx", inputs)


def test_large_weights_are_stored_in_half_the_bytes(exported: Exported) -> None:
    for name, kind in (("animate", TensorProto.FLOAT16), ("keypoints", TensorProto.FLOAT)):
        graph = onnx.load(str(exported.folder / f"{name}.onnx")).graph
        kinds = {tensor.data_type for tensor in graph.initializer if prod(tensor.dims) >= LARGE}
        assert kinds == {kind}, name


def test_weights_that_float16_cannot_hold_are_refused(exported: Exported, tmp_path: Path) -> None:
    graph = animate_graph(exported.model)
    huge = deepcopy(graph.module)
    with torch.no_grad():
        convolution = huge.get_parameter("decoder.mix_coarse.0.weight")
        convolution *= 1e6
        huge.get_buffer("decoder.mix_coarse.1.running_var").mul_(1e-12)  # the product is larger still
    with pytest.raises(WeightsBroken, match=r"animate\.onnx differs from torch"):
        write_graph(replace(graph, module=huge), tmp_path / "animate.onnx")


class _Halved(nn.Module):
    """A graph whose first output has another shape."""

    def __init__(self, graph: nn.Module) -> None:
        super().__init__()
        self.graph = graph

    def forward(self, source: Tensor) -> tuple[Tensor, Tensor]:
        fine, coarse = self.graph(source)
        return fine[:, :, ::2], coarse


def test_a_graph_of_other_shapes_fails(exported: Exported) -> None:
    module, inputs = (
        _Halved(graphs_of(exported.model)["encode"]),
        example_inputs(exported.model, "encode", batch=1, side=0),
    )
    with pytest.raises(WeightsBroken, match=r"encode\.onnx gives"):
        check_parity(module, exported.folder / "encode.onnx", inputs)


def test_the_engine_runs_what_was_exported(exported: Exported) -> None:
    engine = Engine(exported.folder, device="cpu")
    engine.warm()
    assert engine.model == json.loads((exported.folder / "files.json").read_text())["keypoints.onnx"]


def test_missing_weights_are_named(tmp_path: Path) -> None:
    arguments = argparse.Namespace(weights=tmp_path / "absent.safetensors", out=tmp_path)
    with pytest.raises(WeightsBroken, match=r"absent\.safetensors"):
        run.main(arguments)
