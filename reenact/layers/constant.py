"""Constants that stay on the device."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor


def constant(values: tuple[int, ...] | tuple[float, ...], device: torch.device) -> Tensor:
    """``values`` as a tensor, to index or to multiply with; it must not be changed.

    A list of numbers would be uploaded at every call, and a GPU would have to finish what it was given
    before. Graphs that are exported get one of their own.
    """
    return _made(values, device) if torch.compiler.is_compiling() else _kept(values, device)


@lru_cache(maxsize=256)
def _kept(values: tuple[int, ...] | tuple[float, ...], device: torch.device) -> Tensor:
    return _made(values, device)


def _made(values: tuple[int, ...] | tuple[float, ...], device: torch.device) -> Tensor:
    kind = torch.float32 if any(isinstance(value, float) for value in values) else torch.long
    return torch.tensor(values, dtype=kind, device=device)
