from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from reenact.errors import InvalidOption, WeightsBroken
from reenact.training.checkpoint import Model, ModelConfig, load_model, save_model
from reenact.training.run import add_arguments, main

MOMENT = "0.005"  # minutes: a third of a second, and never less than one step


def call(*words: object) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return main(parser.parse_args([str(word) for word in words]))


@pytest.fixture
def start(tmp_path: Path, tiny: ModelConfig) -> Path:
    save_model(Model(tiny), tmp_path / "start.safetensors", {"detector samples": 7})
    return tmp_path / "start.safetensors"


def stage(step: str, pack: Path, out: Path, start: Path, *more: object) -> int:
    common = ("--pack", pack, "--out", out, "--minutes", MOMENT, "--batch", 2, "--device", "cpu")
    return call(step, *common, "--init", start, *more)


def changed(before: Path, after: Path) -> set[str]:
    """Names of the networks whose weights differ."""
    old, new = (load_model(path)[0].state_dict() for path in (before, after))
    return {name.partition(".")[0] for name in old if not torch.equal(old[name], new[name])}


def normalisation(out: Path) -> dict[str, torch.Tensor]:
    """The statistics of batch norm in a run."""
    module = torch.load(out / "state.pt", weights_only=True)["module"]
    return {name: value for name, value in module.items() if name.endswith("running_mean")}


def test_every_step_from_clips_to_weights(
    data: Path, teacher: Path, vgg: Path, dlib: Path, tmp_path: Path, start: Path
) -> None:
    pack, out = tmp_path / "pack", tmp_path / "out"
    assert call("pack", "--data", data, "--pack", pack, "--per-clip", 2) == 0
    assert call("teach", "--pack", pack, "--teacher", teacher) == 0
    assert stage("keypoints", pack, out, start) == 0
    weights = out / "model.safetensors"
    assert changed(start, weights) == {"detector"}
    history = load_model(weights)[1]
    samples = history["detector samples"]
    assert samples >= 2 and samples % 2 == 0

    shutil.copy(weights, tmp_path / "keypoints.safetensors")
    (out / "state.pt").unlink()  # the next stage trains other networks
    assert stage("animation", pack, out, tmp_path / "keypoints.safetensors", "--vgg", vgg) == 0
    assert changed(tmp_path / "keypoints.safetensors", weights) == {"motion", "encoder", "decoder"}
    assert any(value.any() for value in normalisation(out).values())
    history = load_model(weights)[1]
    assert history["detector samples"] == samples
    assert history["animation device"] == "cpu"

    statistics = normalisation(out)
    assert stage("animation", pack, out, weights, "--vgg", vgg, "--identity", dlib, "--resume") == 0
    assert load_model(weights)[1]["animation samples"] > history["animation samples"]
    for name, value in normalisation(out).items():
        assert torch.equal(value, statistics[name]), name  # networks that have some keep them

    assert stage("closeups", pack, tmp_path / "near", weights, "--vgg", vgg) == 0
    assert changed(weights, tmp_path / "near" / "model.safetensors") == {"decoder"}
    assert load_model(tmp_path / "near" / "model.safetensors")[1]["decoder samples"] >= 2


def test_training_starts_where_there_is_neither_pyav_nor_mediapipe() -> None:
    """As on a machine with a GPU that has little more than torch, OpenCV and onnx."""
    script = """
import sys

class Missing:
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in {"av", "imageio", "pillow_heif", "c2pa", "mediapipe", "ncnn"}:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Missing())
from reenact.training.run import main
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_frames_can_be_remade(data: Path, pack_folder: Path, tmp_path: Path) -> None:
    shutil.copy(pack_folder / "clips.json", tmp_path)
    assert call("pack", "--data", data, "--pack", tmp_path, "--frames-only") == 0
    assert (tmp_path / "frames.npy").read_bytes() == (pack_folder / "frames.npy").read_bytes()


def test_no_time_is_no_training(pack_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="minutes"):
        call("keypoints", "--pack", pack_folder, "--out", tmp_path, "--minutes", 0)


def test_weights_that_are_none_are_refused(pack_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.safetensors").write_text("no weights")
    with pytest.raises(WeightsBroken):
        stage("keypoints", pack_folder, tmp_path / "out", tmp_path / "bad.safetensors")


def test_each_minute_is_logged_and_some_are_saved(
    data: Path, pack_folder: Path, vgg: Path, tmp_path: Path, tiny: ModelConfig
) -> None:
    from reenact.training.loop import Run, RunOptions
    from reenact.training.run_folder import RunFolder

    model = Model(tiny)
    run = Run(model.detector, RunOptions(minutes=1))
    grids: list[int] = []

    def grid(path: Path) -> None:
        grids.append(keeper.minutes)
        Image.new("RGB", (4, 4)).save(path)

    keeper = RunFolder(tmp_path, model, {}, run, "detector.", grid)
    saved = []
    for minute in range(1, 8):
        (tmp_path / "state.pt").unlink(missing_ok=True)
        keeper.minute(f"minute {minute}")
        if (tmp_path / "state.pt").exists():
            saved.append(minute)
    assert (tmp_path / "log.txt").read_text().splitlines() == [f"minute {n}" for n in range(1, 8)]
    assert saved == [2, 4, 6]
    assert grids == [1, 6]
