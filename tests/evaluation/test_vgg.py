from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reenact.errors import SetupError
from reenact.evaluation.vgg import BLOCKS, REMEMBERED, VggJudge

pytest.importorskip("onnx", reason="optional part missing: onnx")
CHANNELS = {1: 4, 2: 5, 3: 6, 4: 7}


@pytest.fixture
def arrays(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The layers of VGG-19 with few channels."""
    layers: dict[str, np.ndarray] = {}
    channels = 3
    for block, count in BLOCKS:
        for number in range(1, count + 1):
            name = f"block{block}_conv{number}"
            layers[f"{name}/kernel"] = rng.normal(0, 0.2, (3, 3, channels, CHANNELS[block])).astype(
                np.float16
            )
            layers[f"{name}/bias"] = rng.normal(0, 0.2, CHANNELS[block]).astype(np.float16)
            channels = CHANNELS[block]
    return layers


@pytest.fixture
def judge(arrays: dict[str, np.ndarray], tmp_path: Path) -> VggJudge:
    np.savez(tmp_path / "vgg.npz", **arrays)
    return VggJudge(tmp_path / "vgg.npz")


def test_taps_are_unit_vectors_at_four_sizes(judge: VggJudge, rng: np.random.Generator) -> None:
    taps = judge.taps(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8))
    assert [tap.shape for tap in taps] == [(4, 64, 64), (5, 32, 32), (6, 16, 16), (7, 8, 8)]
    for tap in taps:
        lengths = np.linalg.norm(tap, axis=0)
        assert np.logical_or(np.isclose(lengths, 1, atol=1e-5), lengths == 0).all()


def test_first_tap_is_the_convolution_of_bgr_less_the_mean(
    judge: VggJudge, arrays: dict[str, np.ndarray], rng: np.random.Generator
) -> None:
    picture = rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)
    window = picture[4:7, 8:11, ::-1].astype(np.float64) - [103.939, 116.779, 123.68]
    kernel, bias = (arrays[f"block1_conv1/{part}"].astype(np.float64) for part in ("kernel", "bias"))
    raw = np.maximum((window[..., None] * kernel).sum((0, 1, 2)) + bias, 0)
    assert judge.taps(picture)[0][:, 5, 9] == pytest.approx(raw / max(np.linalg.norm(raw), 1e-8), abs=1e-4)


def test_distance_is_zero_only_for_equal_pictures(judge: VggJudge, rng: np.random.Generator) -> None:
    picture = rng.integers(60, 180, (32, 32, 3), dtype=np.uint8)
    noisy = [picture + rng.integers(0, n, picture.shape, dtype=np.uint8) for n in (5, 60)]
    assert judge(picture, picture) == 0
    assert 0 < judge(noisy[0], picture) < judge(noisy[1], picture) < 4
    assert judge(noisy[0], picture) == pytest.approx(judge(picture, noisy[0]))


def test_memory_is_small(judge: VggJudge, rng: np.random.Generator) -> None:
    for picture in rng.integers(0, 255, (8, 16, 16, 3), dtype=np.uint8):
        judge.taps(picture)
    assert len(judge._seen) == REMEMBERED


def test_a_file_without_the_layers_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", something=np.zeros(3))
    for name in ("other.npz", "missing.npz"):
        with pytest.raises(SetupError, match=name):
            VggJudge(tmp_path / name)
