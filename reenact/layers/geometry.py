"""Coordinates, warps and 2x2 matrices, in forms that torch can export to ONNX.

Crop units are [-1, 1] from edge to edge, as in ``grid_sample(align_corners=False)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor
from torch.nn import functional

from reenact.layers.constant import constant

SMALLEST_DETERMINANT = 1e-3


def pixel_grid(like: Tensor) -> Tensor:
    """Centres of the pixels of ``like`` (..., H, W) in crop units: (H, W, 2), x then y."""
    height, width = like.shape[-2:]
    y = (torch.arange(height, device=like.device, dtype=torch.float32) + 0.5) / height * 2 - 1
    x = (torch.arange(width, device=like.device, dtype=torch.float32) + 0.5) / width * 2 - 1
    return torch.stack([x[None].expand(height, width), y[:, None].expand(height, width)], -1)


def gaussians(points: Tensor, grid: Tensor, variance: float) -> Tensor:
    """Gaussians of height 1 around points (B, K, 2) on a grid (H, W, 2): (B, K, H, W).

    Each is the product of one along x and one along y, which saves nearly all exponentials.
    """
    along_x = torch.exp((grid[0, :, 0] - points[..., :1]).square() * (-0.5 / variance))
    along_y = torch.exp((grid[:, 0, 1] - points[..., 1:]).square() * (-0.5 / variance))
    return along_y[..., :, None] * along_x[..., None, :]


def full_precision(like: Tensor) -> AbstractContextManager[object]:
    """Keep matrix products of coordinates in float32 where autocast would use bfloat16.

    Without autocast it does nothing, so that exported graphs are unaffected.
    """
    kind = like.device.type
    return torch.autocast(kind, enabled=False) if torch.is_autocast_enabled(kind) else nullcontext()


def inverse_2x2(matrix: Tensor) -> Tensor:
    """Inverse of (..., 2, 2) in closed form; both torch exporters refuse ``torch.inverse``.

    A determinant nearer to 0 than 1e-3 is replaced by 1e-3, so that the inverse stays bounded.
    """
    signs = constant((1.0, -1.0, -1.0, 1.0), matrix.device).view(2, 2)
    adjugate = matrix.flip(-2, -1).transpose(-2, -1) * signs
    determinant = (matrix[..., 0, :] * adjugate[..., :, 0]).sum(-1)
    safe = torch.where(
        determinant.abs() < SMALLEST_DETERMINANT,
        SMALLEST_DETERMINANT * torch.ones_like(determinant),
        determinant,
    )
    return adjugate / safe[..., None, None]


def multiply_2x2(left: Tensor, right: Tensor) -> Tensor:
    """Matrix product of (..., 2, 2), written out: a batched MatMul this small is slow in ONNX Runtime."""
    return left[..., :1] * right[..., :1, :] + left[..., 1:] * right[..., 1:, :]


def resize(image: Tensor, size: tuple[int, int] | torch.Size) -> Tensor:
    """Bilinear resize of (B, C, H, W) to ``size``; the image itself if it has that size."""
    if tuple(image.shape[2:]) == tuple(size):
        return image
    return functional.interpolate(image, size=size, mode="bilinear", align_corners=False)


def resize_flow(flow: Tensor, size: tuple[int, int] | torch.Size) -> Tensor:
    """Bilinear resize of a flow (B, H, W, 2) in crop units; its values need no rescaling."""
    return resize(flow.permute(0, 3, 1, 2), size).permute(0, 2, 3, 1)


def warp(image: Tensor, flow: Tensor) -> Tensor:
    """Sample an image at ``flow`` (B, h, w, 2) crop units: (B, C, h, w) float.

    Border padding: zeros would leave black holes where the flow points outside.

    Args:
        image: (B, C, H, W), or (1, C, H, W) for a whole batch of flows; float or uint8.
        flow: position in the image of each output pixel.
    """
    return _sampler(image, flow)


@contextmanager
def sampled_by(sampler: Sampler) -> Iterator[None]:
    """Let ``warp`` use another sampler, for instance while a graph is exported for one kind of device."""
    global _sampler
    before, _sampler = _sampler, sampler
    try:
        yield
    finally:
        _sampler = before


def grid_sample(image: Tensor, flow: Tensor) -> Tensor:
    """``warp`` by torch's own operator."""
    image = image.to(flow.dtype).expand(flow.shape[0], *image.shape[1:])
    return functional.grid_sample(image, flow, mode="bilinear", padding_mode="border", align_corners=False)


Sampler = Callable[[Tensor, Tensor], Tensor]
_sampler: Sampler = grid_sample  # no ContextVar: torch.compile cannot trace it
