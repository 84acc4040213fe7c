"""Bilinear sampling as gathers: replaces ``warp`` in graphs for ONNX Runtime on CPUs.

ONNX Runtime's GridSample computes position and weights again for each channel. Here they are computed once
per pixel, and the channels of a pixel, contiguous in a table, are fetched together. The source is one picture
for the whole batch, so its table is built once.
"""

from __future__ import annotations

import torch
from torch import Tensor

FEW = 8  # channels below which the four neighbours are fetched together


def gather(image: Tensor, flow: Tensor) -> Tensor:
    """``warp`` of one image for all flows.

    Args:
        image: (1, C, H, W); H and W at least 2.
        flow: (B, h, w, 2) crop units.

    Returns:
        (B, C, h, w) float, the border repeated outside.
    """
    channels, height, width = image.shape[1:]
    x, y = (
        (plane * (length / 2) + (length - 1) / 2).clamp(0, length - 1).flatten()
        for plane, length in zip(flow.permute(0, 3, 1, 2).unbind(1), (width, height), strict=True)
    )
    # Beyond the last pixel its neighbour is the table's margin, a copy of it.
    left, top = x.floor(), y.floor()
    place = (top * width + left).int()
    across, down = x - left, y - top
    if channels < FEW:
        found = _planar(image, place, across, down)
        return found.reshape(channels, -1, *flow.shape[1:3]).transpose(0, 1)
    found = _by_rows(image, place, across[:, None], down[:, None])
    return found.reshape(-1, *flow.shape[1:3], channels).permute(0, 3, 1, 2)


def _planar(image: Tensor, place: Tensor, across: Tensor, down: Tensor) -> Tensor:
    """(C, P): one fetch for the four neighbours of a pixel, then arithmetic on whole planes."""
    near = torch.cat(_neighbours(image), 1)[0].flatten(1).t()
    corners = near.index_select(0, place).t().chunk(4)  # split before the conversion, as bytes for uint8
    upper_left, upper_right, lower_left, lower_right = (corner.float() for corner in corners)
    upper = upper_left + (upper_right - upper_left) * across
    lower = lower_left + (lower_right - lower_left) * across
    return upper + (lower - upper) * down


def _by_rows(image: Tensor, place: Tensor, across: Tensor, down: Tensor) -> Tensor:
    """(P, C): one fetch for all channels of each neighbour."""
    upper_left, upper_right, lower_left, lower_right = (
        near[0].flatten(1).t().index_select(0, place) for near in _neighbours(image)
    )
    upper = upper_left + (upper_right - upper_left) * across
    lower = lower_left + (lower_right - lower_left) * across
    return upper + (lower - upper) * down


def _neighbours(image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The image, and it shifted by one pixel to the left, up, and both; the border is repeated."""
    right = torch.cat([image[..., 1:], image[..., -1:]], -1)
    return (
        image,
        right,
        torch.cat([image[..., 1:, :], image[..., -1:, :]], -2),
        torch.cat([right[..., 1:, :], right[..., -1:, :]], -2),
    )
