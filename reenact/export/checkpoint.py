"""``reenact import-checkpoint``: a published FOMM checkpoint -> a model folder.

Code inside the checkpoint is never run (``weights_only=True``), and only the two networks are read.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
import yaml
from torch import Tensor, nn

from reenact.errors import WeightsBroken
from reenact.export.fomm import export_fomm
from reenact.fomm.network import Fomm, FommConfig
from reenact.os_errors import is_programming_error, reason

_T = TypeVar("_T")
# Settings of a configuration for which our networks support only one value.
_FIXED = {"num_channels": 3, "estimate_jacobian": True, "estimate_occlusion_map": True}
_NAMED = 6  # most tensors that an error lists


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("checkpoint", type=Path, help="for instance vox-cpk.pth.tar or vox-adv-cpk.pth.tar")
    parser.add_argument(
        "--config", type=Path, required=True, metavar="YAML", help="for instance vox-256.yaml"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="model folder to write")


def main(arguments: argparse.Namespace) -> int:
    """Write the graphs; returns the exit code."""
    model = load_checkpoint(arguments.checkpoint, read_config(arguments.config))
    for name, difference in export_fomm(model, arguments.out).items():
        sys.stdout.write(f"{name}.onnx  largest difference from torch {difference:.2g}\n")
    return 0


def read_config(path: Path) -> FommConfig:
    """Read ``model_params`` of a published ``vox-256.yaml``.

    Raises:
        WeightsBroken: the file is missing, is no configuration, or is one of another kind of model.
    """
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))["model_params"]
        parts = {name: found[name] for name in ("kp_detector_params", "generator_params")}
        return _fill(FommConfig, {**found["common_params"], **parts})
    except KeyError as error:
        raise WeightsBroken(f"{path.name} has no {error}; a first-order motion model needs it.") from error
    except (OSError, ValueError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise WeightsBroken(
            f"{path.name} does not describe a first-order motion model: {reason(error)}."
        ) from error


def load_checkpoint(path: Path, config: FommConfig) -> Fomm:
    """Read the networks of a published checkpoint.

    Raises:
        WeightsBroken: the file is missing, is no checkpoint, or has tensors that do not fit; it names them.
    """
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch, pickle, zipfile and tarfile raise many unrelated types here
        if is_programming_error(error):
            raise
        raise WeightsBroken(
            f"{path.name} is no checkpoint that can be read safely: {reason(error)}."
        ) from error
    model = Fomm(config)
    for name, network in model.named_children():
        state = found.get(name) if isinstance(found, Mapping) else None
        if not isinstance(state, Mapping):
            raise WeightsBroken(
                f"{path.name} has no {name}; it is no checkpoint of a first-order motion model."
            )
        _load(network, state, f"{path.name}, {name}")
    return model.eval()


def _fill(kind: type[_T], values: Mapping[str, Any]) -> _T:
    """Settings from a mapping; a setting without a field must have the only value that we support."""
    assert is_dataclass(kind)
    known = {part.name: part for part in fields(kind)}
    taken: dict[str, Any] = {}
    for name, value in values.items():
        if name in known:
            taken[name] = _value(name, value, known[name])
        elif name not in _FIXED or value != _FIXED[name]:
            raise ValueError(f"{name} is {value!r}, which is not supported")
    made: _T = kind(**taken)
    return made


def _value(name: str, value: Any, part: Any) -> Any:
    if isinstance(part.default_factory, type):
        return _fill(part.default_factory, value)
    if isinstance(value, bool) or not isinstance(value, (int, type(part.default))) or value <= 0:
        raise ValueError(f"{name} is {value!r}; it must be a positive {type(part.default).__name__}")
    return value


def _load(network: nn.Module, found: Mapping[str, Any], where: str) -> None:
    """Load a state dict; the error for an unsuitable one lists all problems."""
    wanted = {name: value for name, value in network.state_dict().items() if not _is_counter(name)}
    wrong = [f"{name} is missing" for name in wanted if name not in found]
    wrong += [f"{name} is not known" for name in found if name not in wanted and not _is_counter(name)]
    for name in wanted:
        if name in found and _shape(found[name]) != wanted[name].shape:
            wrong.append(f"{name} is {_shape(found[name])}, not {tuple(wanted[name].shape)}")
    if wrong:
        more = f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
        raise WeightsBroken(f"{where} does not fit the configuration: {'; '.join(wrong[:_NAMED])}{more}.")
    network.load_state_dict({name: found[name] for name in wanted}, strict=False)


def _is_counter(name: str) -> bool:
    """Whether it is the batch counter of a batch norm, which old checkpoints lack."""
    return name.endswith("num_batches_tracked")


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(value.shape) if isinstance(value, Tensor) else ()
