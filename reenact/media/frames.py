"""Decoded frames of a video as pictures: upright, of square pixels, all of one size."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.sidedata.sidedata import SideDataContainer, Type
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from reenact.media import formats
from reenact.media.container import decode_video, find_video, open_container, to_fraction
from reenact.types import Picture

_UNSPECIFIED = 2  # AVCOL_SPC_UNSPECIFIED
_SCALING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
_IDENTITY = (1, 0, 0, 1)


@dataclass(frozen=True)
class Geometry:
    """How coded pixels become the picture: scaled from ``coded`` to ``size`` (width, height), then turned."""

    coded: tuple[int, int]
    size: tuple[int, int]
    turn: tuple[int, int, int, int] = _IDENTITY  # a, b, c, d of the display matrix, each -1, 0 or 1


def geometry(path: Path, found: formats.Format, max_pixels: int) -> Geometry | None:
    """Decode the first frame and learn how all are to be shown; None when there is no frame."""
    frames = decode_video(path, found, max_pixels)
    try:
        first = next(frames, None)
    finally:
        frames.close()  # type: ignore[attr-defined]
    if first is None:
        return None
    with open_container(path, found) as container:
        stream = find_video(container)
        aspect = to_fraction(stream.sample_aspect_ratio) if stream else None
    coded = first[1].width, first[1].height
    return Geometry(coded, _square_pixels(first[1], aspect), _display_turn(first[1]))


def _square_pixels(frame: av.VideoFrame, aspect: Fraction | None) -> tuple[int, int]:
    """Width and height after stretching oblong pixels the way that loses none of them."""
    if not aspect or not Fraction(1, 4) <= aspect <= 4:  # beyond that the header is wrong
        return frame.width, frame.height
    if aspect >= 1:
        return round(frame.width * aspect), frame.height
    return frame.width, round(frame.height / aspect)


def _display_turn(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    """The display matrix (ISO/IEC 14496-12, 6.2.2) as quarter turns and mirrors; others are left alone."""
    try:
        data = cast(SideDataContainer, frame.side_data)[Type.DISPLAYMATRIX]
    except KeyError:
        return _IDENTITY
    matrix = np.frombuffer(bytes(data), np.int32).astype(np.float64) / 65536
    a, b, c, d = (round(float(matrix[i])) for i in (0, 1, 3, 4))
    straight = abs(a) == abs(d) == 1 and b == c == 0
    across = abs(b) == abs(c) == 1 and a == d == 0
    return (a, b, c, d) if straight or across else _IDENTITY


def to_picture(frame: av.VideoFrame, shape: Geometry) -> Picture:
    """A decoded frame -> (H, W, 3) uint8 RGB, square pixels, upright, contiguous.

    Browsers change a video's size while it runs. Such a frame is scaled into the size of the first one, with
    black bars where its shape is another.

    Colours follow the file's own tags; without tags, HD is BT.709 and smaller video BT.601, as players do.
    """
    width, height = _fit_size(frame, shape)
    untagged_hd = frame.colorspace == _UNSPECIFIED and (frame.width >= 1280 or frame.height >= 720)
    picture = frame.reformat(
        width,
        height,
        "rgb24",
        src_colorspace=Colorspace.ITU709 if untagged_hd else None,
        dst_color_range=ColorRange.JPEG,
        interpolation=_SCALING,
    ).to_ndarray()
    return np.ascontiguousarray(_orient(_letterbox(picture, shape.size), shape.turn), dtype=np.uint8)


def _fit_size(frame: av.VideoFrame, shape: Geometry) -> tuple[int, int]:
    """Width and height at which a frame fits into the picture's size, of whatever size it is itself."""
    if (frame.width, frame.height) == shape.coded:
        return shape.size
    own = (frame.width * shape.size[0] / shape.coded[0], frame.height * shape.size[1] / shape.coded[1])
    scale = min(shape.size[0] / own[0], shape.size[1] / own[1])
    return max(1, round(own[0] * scale)), max(1, round(own[1] * scale))


def _letterbox(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture in the middle of a black one of ``size`` (width, height); itself where it has that size."""
    across, down = size[0] - picture.shape[1], size[1] - picture.shape[0]
    if not across and not down:
        return picture
    return np.pad(picture, ((down // 2, down - down // 2), (across // 2, across - across // 2), (0, 0)))


def _orient(picture: np.ndarray, turn: tuple[int, int, int, int]) -> np.ndarray:
    """Move the pixel (x, y) to (a x + c y, b x + d y)."""
    a, b, c, d = turn
    if b:
        picture = picture.transpose(1, 0, 2)
    if min(a, c) < 0:
        picture = picture[:, ::-1]
    if min(b, d) < 0:
        picture = picture[::-1]
    return picture
