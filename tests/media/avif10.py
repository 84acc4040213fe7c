"""Writes an AVIF of 10 bits, which Pillow does not: ``avif10.py PRIMARIES TRANSFER < codes.npy > out.avif``.

A process of its own: where root encodes with SVT-AV1, the encoder makes the calling thread a real-time one
(SCHED_FIFO), and whatever that thread starts from then on takes the processor from everything else.
"""

from __future__ import annotations

import sys
from io import BytesIO

import av
import numpy as np
from numpy.typing import NDArray


def encode(codes: NDArray[np.uint16], primaries: int, transfer: int) -> bytes:
    height, width = codes.shape[:2]
    out = BytesIO()
    with av.open(out, "w", format="avif") as container:
        stream = container.add_stream("libsvtav1", rate=1, options={"crf": "5", "preset": "8"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p10le"
        frame = av.VideoFrame.from_ndarray(codes, format="rgb48le")
        frame = frame.reformat(format="yuv420p10le", dst_colorspace="ITU709", dst_color_range="JPEG")
        for tagged in (stream.codec_context, frame):
            tagged.color_primaries, tagged.color_trc = primaries, transfer
            tagged.colorspace, tagged.color_range = 1, 2
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return out.getvalue()


if __name__ == "__main__":
    sys.stdout.buffer.write(encode(np.load(BytesIO(sys.stdin.buffer.read())), *map(int, sys.argv[1:])))
