from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from reenact.errors import WeightsBroken
from reenact.training.checkpoint import ExponentialMovingAverage, Model, ModelConfig, load_model, save_model

HISTORY = {"animation samples": 12_000, "animation device": "cpu"}


@pytest.fixture
def model(tiny: ModelConfig) -> Model:
    return Model(tiny)


@pytest.fixture
def path(tmp_path: Path, model: Model) -> Path:
    save_model(model, tmp_path / "model.safetensors", HISTORY)
    return tmp_path / "model.safetensors"


def test_a_model_comes_back_with_its_configuration(path: Path, model: Model, tiny: ModelConfig) -> None:
    loaded, history = load_model(path)
    assert loaded.config == tiny
    assert history == HISTORY
    assert loaded.state_dict().keys() == model.state_dict().keys()
    for name, value in model.state_dict().items():
        found = loaded.state_dict()[name]
        assert found.dtype == value.dtype
        torch.testing.assert_close(found, value, rtol=1e-3, atol=1e-6, msg=name)


def test_weights_are_half_precision_on_disk_and_nothing_else_is_left(path: Path) -> None:
    kinds = {tensor.dtype for tensor in load_file(path).values()}
    assert kinds == {torch.float16, torch.int64}  # int64: how many batches each batch norm has seen
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_loaded_model_computes_the_same(path: Path, model: Model) -> None:
    image = torch.rand(1, 3, 64, 64)
    loaded, _ = load_model(path)
    with torch.no_grad():
        expected, found = model.detector.eval()(image), loaded.detector.eval()(image)
    torch.testing.assert_close(found[0], expected[0], atol=5e-3, rtol=0)


def test_weights_whose_head_still_has_alpha_lose_it(tmp_path: Path, model: Model) -> None:
    nn.init.normal_(model.decoder.head.weight)
    state = model.state_dict()
    for name in ("decoder.head.weight", "decoder.head.bias"):
        state[name] = torch.cat([state[name][:12], torch.full_like(state[name][:4], 9), state[name][12:]])
    save_model(model, tmp_path / "older.safetensors", {}, state)
    loaded, _ = load_model(tmp_path / "older.safetensors")
    torch.testing.assert_close(loaded.decoder.head.weight, model.decoder.head.weight, rtol=1e-3, atol=1e-3)


def test_other_tensors_can_be_saved_in_the_models_place(tmp_path: Path, model: Model) -> None:
    zeros = {name: torch.zeros_like(value) for name, value in model.state_dict().items()}
    save_model(model, tmp_path / "zero.safetensors", {}, zeros)
    loaded, _ = load_model(tmp_path / "zero.safetensors")
    assert not any(value.any() for value in loaded.state_dict().values())


def missing(path: Path) -> None:
    path.unlink()


def text(path: Path) -> None:
    path.write_text("no weights")


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def pickled(path: Path) -> None:
    torch.save({"detector": 1}, path)


def without_metadata(path: Path) -> None:
    save_file(load_file(path), path)


def without_one_tensor(path: Path) -> None:
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    del tensors["decoder.head.weight"]
    save_file(tensors, path, metadata)


def without_history(path: Path) -> None:
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    save_file(load_file(path), path, {"config": metadata["config"]})


def with_another_configuration(path: Path) -> None:
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    metadata["config"] = metadata["config"].replace('"width": 4', '"width": 8')
    save_file(load_file(path), path, metadata)


@pytest.mark.parametrize(
    "spoil",
    [
        missing,
        text,
        cut_off,
        pickled,
        without_metadata,
        without_one_tensor,
        without_history,
        with_another_configuration,
    ],
)
def test_a_wrong_file_is_named(path: Path, spoil: Callable[[Path], None]) -> None:
    spoil(path)
    with pytest.raises(WeightsBroken, match=r"model\.safetensors"):
        load_model(path)


def test_the_average_follows_slowly_and_forgets_its_start() -> None:
    module = nn.Linear(1, 1)
    nn.init.zeros_(module.weight)
    average = ExponentialMovingAverage(module, decay=0.9)
    nn.init.ones_(module.weight)
    average.update(module)
    assert average.state["weight"].item() == pytest.approx(1 - 2 / 11)  # young: keeps (1 + 1) / (10 + 1)
    for _ in range(200):
        average.update(module)
    assert average.state["weight"].item() == pytest.approx(1, abs=1e-4)
    nn.init.zeros_(module.weight)
    average.update(module)
    assert average.state["weight"].item() == pytest.approx(0.9, abs=1e-4)  # old: keeps the decay


def test_counters_are_copied_and_not_averaged() -> None:
    module = nn.BatchNorm2d(2)
    average = ExponentialMovingAverage(module, decay=0.9)
    module(torch.rand(2, 2, 4, 4))
    module(torch.rand(2, 2, 4, 4))
    average.update(module)
    assert average.state["num_batches_tracked"] == 2
