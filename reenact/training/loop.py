"""The training loop of every stage: time budget, learning rate, averages, log, resuming."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from reenact.errors import WeightsBroken
from reenact.os_errors import reason
from reenact.training.checkpoint import ExponentialMovingAverage

Losses = dict[str, Tensor]


@dataclass(frozen=True)
class RunOptions:
    """Time budget, batch, learning rate and device of a run."""

    minutes: float  # wall-clock budget; the learning rate decays until its end
    batch: int = 8
    rate: float = 2e-4  # Adam's highest learning rate
    average: float = 0.998  # decay of the exponential moving average, per step
    device: str = "cpu"
    warm_up: int = 100  # steps

    @property
    def on_accelerator(self) -> bool:
        """Whether tensors live on a GPU."""
        return self.device != "cpu"


class Run:
    """Optimisation of ``module`` within a time budget: construct, optionally ``resume``, then ``fit``."""

    def __init__(self, module: nn.Module, options: RunOptions) -> None:
        self.module, self.options = module, options
        self.trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.Adam(
            self.trained, options.rate, betas=(0.5, 0.999), fused=options.on_accelerator
        )
        self.average = ExponentialMovingAverage(module, options.average)
        self.steps = 0
        self.samples = 0

    def save(self, path: Path) -> None:
        """Write the state for ``resume``; the file is replaced only when complete."""
        state = {
            "module": self.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.state,
            "average_steps": self.average.steps,
            "steps": self.steps,
            "samples": self.samples,
            "random": torch.get_rng_state(),
            "random_device": torch.cuda.get_rng_state() if self.options.on_accelerator else None,
        }
        temporary = path.with_suffix(".part")
        torch.save(state, temporary)
        temporary.replace(path)

    def resume(self, path: Path) -> None:
        """Continue exactly where ``save`` stopped, with a new time budget.

        Raises:
            WeightsBroken: the file is not the state of such a run.
        """
        try:
            state = torch.load(path, weights_only=True, map_location=self.options.device)
            self.module.load_state_dict(state["module"])
            self.optimizer.load_state_dict(state["optimizer"])
        except Exception as error:  # pickle, torch and zipfile each raise their own
            raise WeightsBroken(f"Training cannot go on from {path.name}: {reason(error)}.") from error
        self.average.state, self.average.steps = state["average"], state["average_steps"]
        self.steps, self.samples = state["steps"], state["samples"]
        torch.set_rng_state(state["random"].cpu())
        if self.options.on_accelerator and state["random_device"] is not None:
            torch.cuda.set_rng_state(state["random_device"].cpu())

    def fit(self, step: Callable[[], Losses], every_minute: Callable[[str], None]) -> None:
        """Minimise ``step()["loss"]`` until the budget is spent.

        ``every_minute`` gets one line of text: progress, speed (samples, and FLOPs of convolutions and matrix
        products), learning rate and each loss.
        """
        start = said = time.monotonic()
        first, samples, means = self.steps, self.samples, None
        counter = FlopCounterMode(display=False)  # counts the first step only: all cost about the same
        while (progress := (time.monotonic() - start) / (self.options.minutes * 60)) < 1:
            rate = self._set_rate(self.steps - first, progress)
            with _counting(counter) if self.steps == first else nullcontext():
                losses = step()
                self._descend(losses["loss"])
            # Read once a minute only: reading a value synchronises with the accelerator.
            now = torch.stack(list(losses.values())).detach()
            means = now if means is None else means.lerp(now, 0.02)
            if (seconds := time.monotonic()) - said >= 60:
                speed = (self.samples - samples) / (seconds - start)
                parts = "  ".join(
                    f"{name} {value:.4f}" for name, value in zip(losses, means.tolist(), strict=True)
                )
                gone = (seconds - start) / 60
                flop = counter.get_total_flops() / self.options.batch * speed
                every_minute(
                    f"{gone:.1f} min  step {self.steps}  {speed:.1f}/s  {flop / 1e9:.1f} GFLOP/s  "
                    f"lr {rate:.1e}  {parts}"
                )
                said = seconds

    def _descend(self, loss: Tensor) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.trained, 5.0)
        self.optimizer.step()
        self.average.update(self.module)
        self.steps += 1
        self.samples += self.options.batch

    def _set_rate(self, steps: int, progress: float) -> float:
        """Linear warm-up by steps, and cosine decay by wall-clock time from the full rate to 2 % of it."""
        cosine = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress))
        rate = self.options.rate * min(1.0, (steps + 1) / self.options.warm_up) * cosine
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        return rate


@contextmanager
def _counting(counter: FlopCounterMode) -> Iterator[None]:
    """Count with ``counter``; compiled networks run eagerly, as compiled code is not counted."""
    with torch.compiler.set_stance("force_eager"), counter:
        yield
