from __future__ import annotations

import argparse
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch import nn

from reenact.engine import Engine
from reenact.errors import InvalidOption, WeightsBroken
from reenact.export import checkpoint
from reenact.export.checkpoint import load_checkpoint, read_config
from reenact.export.fomm import SIGNATURES, example_inputs, graphs_of
from reenact.export.onnx import TOLERANCE, check_parity
from reenact.fomm.network import Fomm, FommConfig
from reenact.generator.renderer import BATCH
from reenact.types import Crop, Face
from tests.fomm import published
from tests.fomm.published import VOX_256, Shapes, small_config


def config_file(folder: Path, **changes: Any) -> Path:
    values = yaml.safe_load(VOX_256)
    for place, value in changes.items():
        *path, name = place.split("__")
        part = values["model_params"]
        for step in path:
            part = part[step]
        part[name] = value
    path = folder / "vox.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def random_state(shapes: Shapes) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    return {
        name: torch.tensor(1)
        if name.endswith("num_batches_tracked")
        else torch.rand(shape, generator=random) * 0.1 + (0.9 if name.endswith("running_var") else 0)
        for name, shape in shapes.items()
    }


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint as large and as old as the published one: names, shapes, file format and company."""
    path = tmp_path_factory.mktemp("official") / "vox-cpk.pth.tar"
    networks = {
        "generator": random_state(published.generator()),
        "kp_detector": random_state(published.detector()),
    }
    rest = {"discriminator": {}, "optimizer_generator": {"state": {}, "param_groups": []}, "epoch": 100}
    torch.save(networks | rest, path, _use_new_zipfile_serialization=False)
    return path


def save(model: Fomm, path: Path) -> Path:
    torch.save({name: network.state_dict() for name, network in model.named_children()}, path)
    return path


def trained(config: FommConfig) -> Fomm:
    """A model whose every part shows in the result, as after training."""
    torch.manual_seed(0)
    model = Fomm(config)
    nn.init.normal_(model.kp_detector.jacobian.weight, std=0.02)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.01, 0.05)  # small signals made large
    nn.init.normal_(model.generator.dense_motion_network.mask.weight, std=0.2)
    return model.eval()


def test_the_published_configuration_is_our_default(tmp_path: Path) -> None:
    assert read_config(config_file(tmp_path)) == FommConfig()


def test_every_published_tensor_has_its_place(official: Path) -> None:
    model = load_checkpoint(official, FommConfig())
    saved = torch.load(official, weights_only=True)
    for name, network in model.named_children():
        state = network.state_dict()
        assert state.keys() == saved[name].keys()
        assert all(
            torch.equal(state[key], saved[name][key])
            for key in state
            if not key.endswith("num_batches_tracked")
        )
    assert not model.training


def test_the_published_model_weighs_228_mib() -> None:
    floats = sum(parameter.numel() for parameter in Fomm().parameters())
    assert round(floats * 4 / 2**20) == 228


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: state.pop("kp.weight"), r"kp\.weight is missing"),
        (lambda state: state.update(extra=torch.zeros(1)), "extra is not known"),
        (lambda state: state.update({"kp.bias": torch.zeros(4)}), r"kp\.bias is \(4,\), not \(3,\)"),
        (lambda state: state.update({"kp.bias": "text"}), r"kp\.bias is \(\), not \(3,\)"),
        (lambda state: state.clear(), "and .* more"),
    ],
)
def test_wrong_tensors_are_named(tmp_path: Path, change, said: str) -> None:
    model = Fomm(small_config())
    states = {name: network.state_dict() for name, network in model.named_children()}
    change(states["kp_detector"])
    torch.save(states, tmp_path / "cpk.pth.tar")
    with pytest.raises(WeightsBroken, match=rf"cpk\.pth\.tar, kp_detector.*{said}"):
        load_checkpoint(tmp_path / "cpk.pth.tar", small_config())


def test_norms_need_no_counters(tmp_path: Path) -> None:
    states = {
        name: {key: value for key, value in network.state_dict().items() if "num_batches" not in key}
        for name, network in Fomm(small_config()).named_children()
    }
    torch.save(states, tmp_path / "cpk.pth.tar")
    load_checkpoint(tmp_path / "cpk.pth.tar", small_config())


class _Trap:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (Path.touch, (Path("sprung"),))  # type: ignore[return-value]


@pytest.mark.parametrize("content", [b"", b"no checkpoint", pickle.dumps([1, 2]), pickle.dumps(_Trap())])
def test_other_files_are_refused_and_run_nothing(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cpk.pth.tar").write_bytes(content)
    with pytest.raises(WeightsBroken, match=r"cpk\.pth\.tar"):
        load_checkpoint(tmp_path / "cpk.pth.tar", small_config())
    assert not (tmp_path / "sprung").exists()


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"generator": _Trap(), "kp_detector": {}}, tmp_path / "cpk.pth.tar")
    with pytest.raises(WeightsBroken, match="safely"):
        load_checkpoint(tmp_path / "cpk.pth.tar", small_config())
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"common_params__estimate_jacobian": False}, "estimate_jacobian is False"),
        ({"kp_detector_params__single_jacobian_map": True}, "single_jacobian_map is True"),
        ({"generator_params__max_features": "many"}, "max_features is 'many'"),
        ({"generator_params__dense_motion_params": None}, "NoneType"),
    ],
)
def test_configurations_of_other_models_are_refused(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(WeightsBroken, match=said):
        read_config(config_file(tmp_path, **changes))


@pytest.mark.parametrize(
    "text", ["", "a: [", "model_params: 3", "model_params: {common_params: {num_kp: 3}}"]
)
def test_other_texts_are_no_configuration(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(WeightsBroken, match=r"a\.yaml"):
        read_config(tmp_path / "a.yaml")
    with pytest.raises(WeightsBroken, match=r"absent\.yaml"):
        read_config(tmp_path / "absent.yaml")


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Fomm, Path]:
    """A narrow model, through the command."""
    folder = tmp_path_factory.mktemp("imported")
    model = trained(small_config())
    sizes = {
        "common_params__num_kp": 3,
        "kp_detector_params": {"block_expansion": 4, "max_features": 8, "num_blocks": 2},
        "generator_params": {
            "block_expansion": 4,
            "max_features": 16,
            "num_bottleneck_blocks": 1,
            "dense_motion_params": {"block_expansion": 4, "max_features": 8, "num_blocks": 2},
        },
    }
    parser = argparse.ArgumentParser()
    checkpoint.add_arguments(parser)
    words = [
        save(model, folder / "cpk.pth.tar"),
        "--config",
        config_file(folder, **sizes),
        "--out",
        folder / "model",
    ]
    assert checkpoint.main(parser.parse_args([str(word) for word in words])) == 0
    return model, folder / "model"


@pytest.mark.slow
@pytest.mark.parametrize("name", SIGNATURES)
@pytest.mark.parametrize("batch", [1, 4])
def test_the_graphs_compute_what_torch_computes(imported: tuple[Fomm, Path], name: str, batch: int) -> None:
    model, folder = imported
    inputs = example_inputs(model, name, batch)
    assert check_parity(graphs_of(model)[name], folder / f"{name}.onnx", inputs) <= max(TOLERANCE.values())


@pytest.mark.slow
def test_the_engine_animates_with_an_imported_model(imported: tuple[Fomm, Path]) -> None:
    model, folder = imported
    engine = Engine(folder, device="cpu")
    engine.warm()
    picture = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    face = Face((0, 0, 256, 256), 1.0, np.full((478, 2), 128, np.float32))
    still = engine.detector.many([(picture, face)] * (BATCH + 1), Crop(0, 0, 256))
    still.points[:, :, 0] += np.linspace(0, 0.2, BATCH + 1, dtype=np.float32)[:, None]
    source = engine.renderer.prepare(picture, picture, still[0])
    frames = list(engine.renderer.render(source, still))
    image = torch.tensor(picture[None]).permute(0, 3, 1, 2) / 255
    pose = (torch.tensor(still.points[:1]), torch.tensor(still.jacobians[:1]))
    moved = (torch.tensor(still.points[-1:]), torch.tensor(still.jacobians[-1:]))
    with torch.no_grad():
        expected = model.generator(image, pose, moved)[0].permute(1, 2, 0).numpy() * 255
    assert len(frames) == BATCH + 1
    assert np.abs(frames[-1] - expected).max() <= 1.5
    assert expected.std() > 20
    assert np.abs(frames[-1].astype(int) - frames[0]).mean() > 3
    with pytest.raises(InvalidOption, match="256"):
        engine.renderer.prepare(picture, np.zeros((512, 512, 3), np.uint8), still[0])
