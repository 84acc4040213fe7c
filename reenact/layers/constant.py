"""Constants that stay on the device."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor


def constant(values: tuple[int, ...] | tuple[float, ...], device: torch.device) -> Tensor:
    """``values`` as a cached tensor, to index or multiply with; it must not be modified.

    A list of numbers would be uploaded at every call, which synchronises with the GPU. Exported graphs get
    their own copy.
    """
    kind = torch.float32 if any(isinstance(value, float) for value in values) else torch.long
    make = _made if torch.compiler.is_compiling() else _kept
    return make(values, kind, device)


def _made(values: tuple[int, ...] | tuple[float, ...], kind: torch.dtype, device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=kind, device=device)


_kept = lru_cache(maxsize=256)(_made)  # the dtype is part of the key: (0, 1) equals (0.0, 1.0)
