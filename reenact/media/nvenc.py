"""Whether this machine encodes H.264 on an NVIDIA GPU, by a trial run."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

import av

NAME = "h264_nvenc"
SIDE = 256  # pixels of the frames that are tried
FRAMES = 2
QUANTISER = 16


def settings(quantiser: int) -> dict[str, str]:
    """The encoder's options: the same quantiser for every frame, 0 (lossless) .. 51."""
    return {"rc": "constqp", "qp": str(quantiser)}


@lru_cache(maxsize=1)
def unavailable_reason() -> str:
    """Why NVENC does not work here; empty where it encoded two frames."""
    try:
        codec = av.CodecContext.create(NAME, "w")
        assert isinstance(codec, av.VideoCodecContext)
        codec.width = codec.height = SIDE
        codec.options = settings(QUANTISER)
        codec.pix_fmt, codec.time_base = "yuv420p", Fraction(1, 25)
        packets = []
        for index in range(FRAMES):
            frame = av.VideoFrame(SIDE, SIDE, "yuv420p")
            frame.pts = index
            packets += codec.encode(frame)
        packets += codec.encode(None)
    except (av.FFmpegError, ValueError) as error:  # ValueError: FFmpeg was built without it
        return f"{NAME} does not start ({getattr(error, 'strerror', None) or error})"
    return "" if len(packets) == FRAMES else f"{NAME} gave {len(packets)} of {FRAMES} frames"
