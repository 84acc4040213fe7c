"""The output folder of a training run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from reenact.training.checkpoint import Model, save_model
from reenact.training.loop import Run

SAVE_EVERY = 2  # minutes of training


GRID_EVERY = 5


class RunFolder:
    """Writes the log, the weights and the pictures of a run into one folder."""

    def __init__(
        self,
        out: Path,
        model: Model,
        history: dict[str, Any],
        run: Run,
        prefix: str,
        grid: Callable[[Path], None] | None = None,
    ) -> None:
        """``prefix`` names the trained part inside the model's state; ``grid`` writes a picture."""
        self.out, self.model, self.history, self.run = out, model, history, run
        self.prefix, self.grid, self.minutes = prefix, grid, 0

    def minute(self, line: str) -> None:
        """Log one line, and save every few minutes."""
        with (self.out / "log.txt").open("a") as log:
            log.write(line + "\n")
        self.minutes += 1
        if self.minutes % SAVE_EVERY == 0:
            self.save()
        if self.grid and self.minutes % GRID_EVERY == 1:
            self.grid(self.out / "grid.jpg")

    def save(self) -> None:
        """Write weights (averaged) and state."""
        self.run.save(self.out / "state.pt")
        averaged = {self.prefix + name: value for name, value in self.run.average.state.items()}
        part = self.prefix.rstrip(".") or "animation"
        history = {
            **self.history,
            f"{part} samples": self.run.samples,
            f"{part} device": self.run.options.device,
        }
        save_model(
            self.model, self.out / "model.safetensors", history, {**self.model.state_dict(), **averaged}
        )
