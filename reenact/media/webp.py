"""Frames -> an animated WebP that loops forever."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from reenact.types import Picture

_CLOCK = Fraction(1, 1000)  # WebP counts milliseconds
_SCALING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP


def write_webp(frames: Iterator[Picture], fps: Fraction, path: Path, quality: int, effort: int) -> int:
    """Write frames (H, W, 3) uint8; return their number.

    libwebp runs behind FFmpeg because Pillow's writer wants all frames at once; here only the compressed file
    is held until it is whole.
    """
    count = 0
    options = {"quality": str(quality), "compression_level": str(effort), "lossless": "0"}
    with av.open(str(path), "w", format="webp", options={"loop": "0"}) as container:
        stream = container.add_stream("libwebp_anim", rate=fps, options=options)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = _CLOCK
        for picture in frames:
            if count == 0:
                stream.height, stream.width = picture.shape[:2]
            frame = _yuv(picture)
            frame.time_base = _CLOCK
            # The start is rounded, not the length, so that the roundings never add up.
            frame.pts = round(count * 1000 / fps)
            frame.duration = round((count + 1) * 1000 / fps) - frame.pts
            container.mux(stream.encode(frame))
            count += 1
        container.mux(stream.encode())
    return count


def _yuv(picture: Picture) -> av.VideoFrame:
    """RGB -> BT.601 of limited range, which all lossy WebP is.

    libwebp could convert by itself, but what it allocates for that leaves the heap in holes: 0.2 MB more for
    every frame of 256 x 256.
    """
    return av.VideoFrame.from_ndarray(picture, "rgb24").reformat(
        format="yuv420p",
        dst_colorspace=Colorspace.ITU601,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        interpolation=_SCALING,
    )
