from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from reenact.errors import WeightsBroken
from reenact.training import loop
from reenact.training.loop import Losses, Run, RunOptions

OPTIONS = RunOptions(minutes=5, batch=16, rate=0.02, warm_up=10)


def regression(seed: int = 0) -> tuple[nn.Module, Callable[[], Losses]]:
    """A module that must learn y = 2 x0 - x1, and its step; every step draws new samples."""
    torch.manual_seed(seed)
    module = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Linear(8, 1))

    def step() -> Losses:
        x = torch.randn(16, 2)
        loss = (module(x)[:, 0] - (2 * x[:, 0] - x[:, 1])).square().mean()
        return {"loss": loss}

    return module, step


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """clock(seconds): from now on each look at the clock finds so many seconds gone."""
    now, pace = [0.0], [1.0]

    def monotonic() -> float:
        now[0] += pace[0]
        return now[0]

    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=monotonic))
    return lambda seconds: pace.__setitem__(0, seconds)


def test_the_loss_falls(clock: Callable[[float], None]) -> None:
    module, step = regression()
    before = step()["loss"].item()
    clock(0.5)  # two looks a step: 300 steps in 5 minutes
    run = Run(module, OPTIONS)
    run.fit(step, lambda line: None)
    assert step()["loss"].item() < 0.2 * before
    assert run.steps == pytest.approx(300, abs=3)
    assert run.samples == 16 * run.steps


def test_one_line_a_minute_tells_how_it_goes(clock: Callable[[float], None]) -> None:
    module, step = regression()
    lines: list[str] = []
    clock(1.0)
    Run(module, OPTIONS).fit(step, lines.append)
    assert [line.partition(" min")[0] for line in lines] == ["1.0", "2.0", "3.0", "4.0", "5.0"]
    assert all(word in lines[0] for word in ("1.0 min", "step", "/s", "GFLOP/s", "lr", "loss"))


def test_the_budget_ends_the_run() -> None:
    module, step = regression()
    run = Run(module, RunOptions(minutes=0.2 / 60))
    run.fit(step, lambda line: None)
    assert run.steps > 0


@pytest.mark.parametrize(
    ("steps", "progress", "share"),
    [
        (0, 0.0, 0.1),
        (4, 0.0, 0.5),
        (9, 0.0, 1.0),
        (500, 0.0, 1.0),
        (500, 0.5, 0.51),
        (500, 1.0, 0.02),
        (0, 1.0, 0.002),
    ],
)
def test_the_rate_warms_up_by_steps_and_falls_by_time(steps: int, progress: float, share: float) -> None:
    run = Run(nn.Linear(1, 1), OPTIONS)
    assert run._set_rate(steps, progress) == pytest.approx(OPTIONS.rate * share)
    assert run.optimizer.param_groups[0]["lr"] == pytest.approx(OPTIONS.rate * share)


def train(run: Run, step: Callable[[], Losses], steps: int) -> None:
    """So many steps at a constant rate; ``fit`` sets it by the clock."""
    for _ in range(steps):
        run._descend(step()["loss"])


def test_a_resumed_run_goes_on_exactly(tmp_path: Path) -> None:
    module, step = regression()
    whole = Run(module, OPTIONS)
    train(whole, step, 12)

    module, step = regression()
    first = Run(module, OPTIONS)
    train(first, step, 5)
    first.save(tmp_path / "state.pt")
    train(first, step, 2)  # what comes after the save is lost

    module, step = regression(seed=7)  # another start and other random numbers
    second = Run(module, OPTIONS)
    second.resume(tmp_path / "state.pt")
    train(second, step, 7)

    assert (second.steps, second.samples) == (whole.steps, whole.samples) == (12, 12 * 16)
    for name, value in whole.module.state_dict().items():
        assert torch.equal(second.module.state_dict()[name], value), name
        assert torch.equal(second.average.state[name], whole.average.state[name]), name
    assert torch.equal(torch.rand(3), _after(whole, 12))


def _after(run: Run, steps: int) -> torch.Tensor:
    """The random numbers that follow ``steps`` steps from the first seed."""
    _, step = regression()
    for _ in range(steps):
        step()
    return torch.rand(3)


def test_only_the_whole_state_is_left(tmp_path: Path) -> None:
    Run(nn.Linear(1, 1), OPTIONS).save(tmp_path / "state.pt")
    assert [file.name for file in tmp_path.iterdir()] == ["state.pt"]


def test_a_state_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    Run(nn.Linear(1, 1), OPTIONS).save(path)
    with pytest.raises(WeightsBroken, match=r"state\.pt"):
        Run(nn.Linear(2, 1), OPTIONS).resume(path)
    path.write_text("no state")
    with pytest.raises(WeightsBroken, match=r"state\.pt"):
        Run(nn.Linear(1, 1), OPTIONS).resume(path)


def test_frozen_parameters_are_left_alone() -> None:
    module, step = regression()
    module[0].requires_grad_(False)
    before = module[0].weight.clone()
    train(Run(module, OPTIONS), step, 3)
    assert torch.equal(module[0].weight, before)


def test_the_arithmetic_of_a_step_is_counted(clock: Callable[[float], None]) -> None:
    module = nn.Linear(4000, 4000, bias=False)
    lines: list[str] = []
    clock(2)  # two looks a step: one in four seconds
    run = Run(module, RunOptions(minutes=1.1, batch=16))
    run.fit(lambda: {"loss": module(torch.ones(16, 4000)).mean()}, lines.append)
    # The product and its derivative by the weights, 2 * 16 * 4000 * 4000 each: 1.024 in four seconds.
    assert " 0.3 GFLOP/s " in lines[0]
