"""Things drawn before faces, and the network that learns from them."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

from reenact.blending.network import OcclusionNetwork
from reenact.blending.occlusion import SIZE
from reenact.errors import InvalidOption
from reenact.training.dataset import Pack
from reenact.training.loop import Run, RunOptions
from reenact.training.occluder_canvas import SIZE as DRAWN
from reenact.training.occluders import LOOSE, PLACED, Draw
from reenact.training.occlusion import OcclusionStage
from reenact.training.run import add_arguments, main

CPU = torch.device("cpu")


@pytest.mark.parametrize("draw", [draw for draw, _ in (*LOOSE, *PLACED)], ids=lambda draw: draw.__name__)
def test_everything_that_can_be_in_front_is_drawn(draw: Draw, rng: np.random.Generator) -> None:
    texture = Image.fromarray(rng.integers(0, 256, (20, 20, 3), np.uint8))
    made = [draw(rng, (200, 150, 120), texture).finished(rng) for _ in range(4)]
    for picture in made:
        assert picture.shape == (DRAWN, DRAWN, 4)
        assert 0.002 < (picture[..., 3] > 127).mean() < 0.9
    assert len({picture.tobytes() for picture in made}) == 4


def test_a_batch_has_faces_with_and_without_something_in_front(pack_folder: Path) -> None:
    stage = OcclusionStage(OcclusionNetwork(), Pack(pack_folder), batch=24, device=CPU, sprites=20)
    picture, own, front, weight = stage.draw()
    assert picture.shape == own.shape == (24, 3, SIZE, SIZE)
    assert front.shape == weight.shape == (24, SIZE, SIZE)
    covered = front.mean((1, 2)) > 0
    assert 5 < covered.sum() < 24
    # Where something is in front the two pictures differ more than elsewhere.
    both = covered & (own.mean((1, 2, 3)) > 0.05)
    far = (picture - own).abs().mean(1)[both]
    inside = (front * (weight > 0.5))[both]
    assert (far * inside).sum() / inside.sum() > (far * (1 - inside)).sum() / (1 - inside).sum()


def test_it_learns(pack_folder: Path) -> None:
    network = OcclusionNetwork()
    stage = OcclusionStage(network, Pack(pack_folder), batch=8, device=CPU, sprites=20)
    run = Run(network, RunOptions(minutes=1, rate=2e-3))
    losses = []
    for _ in range(30):
        losses.append(stage())
        run._descend(losses[-1]["loss"])
    assert set(losses[0]) == {"loss", "holes", "missed"}
    first, last = (torch.stack([loss["loss"] for loss in part]).mean() for part in (losses[:3], losses[-3:]))
    assert last < 0.8 * first


def call(*words: object) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return main(parser.parse_args([str(word) for word in words]))


def test_the_command_writes_a_graph(
    pack_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reenact.training.occlusion.SPRITES", 12)
    words = ["occlusion", "--pack", pack_folder, "--out", tmp_path, "--device", "cpu"]
    assert call(*words, "--minutes", "0.01", "--batch", "2") == 0
    session = onnxruntime.InferenceSession(tmp_path / "occlusion.onnx")
    zeros = np.zeros((1, 3, SIZE, SIZE), np.float32)
    (front,) = session.run(None, {"picture": zeros, "own": zeros})
    assert front.shape == (1, SIZE, SIZE)
    with pytest.raises(InvalidOption, match="leave out --init"):
        call(*words, "--minutes", "0.01", "--init", tmp_path / "occlusion.onnx")
