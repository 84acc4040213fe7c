"""``reenact export``: weights -> four ONNX graphs, checked against torch, and two variants of ``animate``."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from reenact.config import DEFAULT_MODEL
from reenact.export import half, int8
from reenact.export.onnx import export_model
from reenact.export.variant_parity import PrecisionLoss, feeds
from reenact.runtime.weights import write_hashes
from reenact.training.checkpoint import load_model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--weights", type=Path, default=DEFAULT_MODEL / "model.safetensors")
    parser.add_argument("--out", type=Path, default=DEFAULT_MODEL, help="model folder to write")


def main(arguments: argparse.Namespace) -> int:
    """Write the graphs beside a copy of the weights; returns the exit code."""
    model, _ = load_model(arguments.weights)
    differences = export_model(model, arguments.out)
    kept = arguments.out / "model.safetensors"
    if arguments.weights.resolve() != kept.resolve():
        shutil.copyfile(arguments.weights, kept)
    for name, difference in differences.items():
        sys.stdout.write(f"{name}.onnx  largest difference from torch {difference:.2g}\n")
    inputs = list(feeds(arguments.out))
    _tell(int8.NAME, int8.write_int8(arguments.out, inputs), int8.LEAST_PSNR)
    _tell(half.NAME, half.write_half(model, arguments.out, inputs[::3]), half.LEAST_PSNR)
    write_hashes(arguments.out)
    return 0


def _tell(name: str, loss: PrecisionLoss, least: float) -> None:
    kept = "" if loss.psnr >= least else "left out: "
    sys.stdout.write(f"{name}.onnx  {kept}{loss.psnr:.1f} dB against float32, flow off by {loss.flow:.2g}\n")
