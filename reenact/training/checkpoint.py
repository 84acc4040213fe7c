"""Weights on disk: safetensors with their configuration inside, and the average that is exported."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from reenact.errors import WeightsBroken
from reenact.generator.network import Decoder, Encoder, GeneratorConfig
from reenact.keypoints.network import KeypointConfig, KeypointNetwork
from reenact.motion.network import DenseMotion, MotionConfig
from reenact.os_errors import reason


@dataclass(frozen=True)
class ModelConfig:
    """Everything needed to rebuild the networks before their weights are loaded."""

    keypoints: KeypointConfig = field(default_factory=KeypointConfig)
    motion: MotionConfig = field(default_factory=MotionConfig)
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)


class Model(nn.Module):
    """The four networks; attribute names are the prefixes of the parameters."""

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__()
        self.config = config or ModelConfig()
        self.detector = KeypointNetwork(self.config.keypoints)
        self.motion = DenseMotion(self.config.motion)
        self.encoder = Encoder(self.config.generator)
        self.decoder = Decoder(self.config.generator)


def save_model(
    model: Model, path: Path, history: dict[str, Any], tensors: dict[str, Tensor] | None = None
) -> None:
    """Write weights as float16 safetensors with configuration and ``history`` inside.

    Args:
        model: gives the configuration, and the weights where ``tensors`` is None.
        path: the ``.safetensors`` file; replaced only when complete.
        history: JSON values that tell how the weights were trained (samples seen, minutes, device).
        tensors: other values for the model's state, for instance an average.
    """
    state = tensors or model.state_dict()
    half = {
        name: (value.half() if value.is_floating_point() else value).detach().cpu().contiguous()
        for name, value in state.items()
    }
    metadata = {"config": json.dumps(asdict(model.config)), "history": json.dumps(history)}
    temporary = path.with_suffix(".part")
    save_file(half, temporary, metadata)
    temporary.replace(path)


def load_model(path: Path) -> tuple[Model, dict[str, Any]]:
    """Read what ``save_model`` wrote: the model (float32, on the CPU) and its history.

    Raises:
        WeightsBroken: no such file, not safetensors, or tensors that do not fit the configuration inside.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
            history: dict[str, Any] = json.loads(metadata["history"])
            state = _without_alpha({name: file.get_tensor(name) for name in file.keys()})
        model = Model(_config(json.loads(metadata["config"])))
        model.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
    except Exception as error:  # safetensors, json and torch each raise their own
        raise WeightsBroken(f"The weights {path.name} cannot be loaded: {reason(error)}.") from error
    return model, history


def _without_alpha(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state without the four channels, named alpha, that the head of older weights also has."""
    for name in ("decoder.head.weight", "decoder.head.bias"):
        if name in state and len(state[name]) == 18:
            state[name] = torch.cat([state[name][:12], state[name][16:]])
    return state


def _config(values: dict[str, Any]) -> ModelConfig:
    return ModelConfig(
        keypoints=KeypointConfig(**values["keypoints"]),
        motion=MotionConfig(**values["motion"]),
        generator=GeneratorConfig(**values["generator"]),
    )


class ExponentialMovingAverage:
    """Exponential moving average of a module's state; the average is what gets exported."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        """``decay`` per step; lower in the first steps, so that initial weights are forgotten soon."""
        self.decay = decay
        self.steps = 0
        self.state = {name: value.detach().clone() for name, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Move the average one step towards the module's current state."""
        self.steps += 1
        keep = min(self.decay, (1 + self.steps) / (10 + self.steps))
        state = module.state_dict()
        moving = [name for name, value in state.items() if value.is_floating_point()]
        mine, theirs = ([values[name] for name in moving] for values in (self.state, state))
        torch._foreach_lerp_(mine, theirs, 1 - keep)  # one kernel for all tensors
        for name in state.keys() - moving:
            self.state[name].copy_(state[name])
