"""The code values of a picture, as many bits of them as its file holds: Pillow alone gives 8.

Stretched from a curve for light of a thousand candela, 8 bits show as bands in a smooth cheek or sky.
"""

from __future__ import annotations

from io import BytesIO

import av
import numpy as np
from av.video.reformatter import ColorRange, Interpolation
from numpy.typing import NDArray
from PIL import Image
from pillow_heif import HeifFile

from reenact.media import formats
from reenact.media.coding import FFMPEG_OPTIONS
from reenact.media.colour import split_alpha

Codes = NDArray[np.uint8] | NDArray[np.uint16]

_DEMUXERS = {formats.PNG: "png_pipe", formats.AVIF: "mov"}  # of FFmpeg
_SCALING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
_PNG_DEPTH = 24  # where the header tells the bits of a sample
_SPARSE = 16  # one pixel in so many rows and columns is compared
_MAX_DIFFERENCE = 2.0  # levels of 255, on average, between two decoders' views of the same picture


def read_codes(
    found: formats.Format, data: bytes, image: Image.Image
) -> tuple[Codes, int, Image.Image | None]:
    """Code values (H, W, 3), the one that is full, and the alpha channel (mode L) if there is one.

    Args:
        found: the file's format.
        data: the whole file.
        image: the same, opened with Pillow; it need not be loaded, and may be closed here.
    """
    if found is formats.HEIC and image.info["bit_depth"] > 8:
        return _of_heic(data, image.info["bit_depth"])
    deep = None
    if found is formats.AVIF or (found is formats.PNG and data[_PNG_DEPTH] == 16):
        deep = _by_ffmpeg(data, _DEMUXERS[found])
    image.load()
    if deep is not None and _agree(deep, image):
        alpha = split_alpha(image)[1]
        image.close()  # frees 200 MB at 48 megapixels
        return deep, 65535, alpha
    colour, alpha = split_alpha(image)
    return np.asarray(colour.convert("RGB")), 255, alpha


def _of_heic(data: bytes, depth: int) -> tuple[Codes, int, Image.Image | None]:
    file = HeifFile(BytesIO(data), convert_hdr_to_8bit=False, hdr_to_16bit=False)  # type: ignore[no-untyped-call]
    codes, most = np.asarray(file[file.primary_index]), 2**depth - 1
    if codes.ndim == 2:
        return codes[..., None].repeat(3, 2), most, None
    if codes.shape[2] == 3:
        return codes, most, None
    return codes[..., :3], most, Image.fromarray((codes[..., 3] >> (depth - 8)).astype(np.uint8))


def _by_ffmpeg(data: bytes, demuxer: str) -> NDArray[np.uint16] | None:
    """The first picture as (H, W, 3) of 16 bits; None where FFmpeg cannot read it or it has 8 bits."""
    try:
        with av.open(BytesIO(data), "r", format=demuxer, options=FFMPEG_OPTIONS) as container:
            frame = next(container.decode(video=0), None)
            if frame is None or frame.format.components[0].bits <= 8:
                return None
            deep = frame.reformat(
                format="rgb48le", dst_color_range=ColorRange.JPEG, interpolation=_SCALING
            ).to_ndarray()
    except (av.FFmpegError, UnicodeDecodeError):  # a grid of tiles, damage that Pillow bears, odd metadata
        return None
    return np.asarray(deep)


def _agree(deep: NDArray[np.uint16], image: Image.Image) -> bool:
    """Whether both decoders show the same: one may take a tile or an alpha plane for the picture."""
    if deep.shape[1::-1] != image.size:
        return False
    size = [max(1, length // _SPARSE) for length in image.size]
    step = [length // part for length, part in zip(image.size, size, strict=True)]
    box = (0, 0, step[0] * size[0], step[1] * size[1])
    few = split_alpha(image.resize((size[0], size[1]), Image.Resampling.NEAREST, box=box))[0].convert("RGB")
    middle = deep[step[1] // 2 : box[3] : step[1], step[0] // 2 : box[2] : step[0]]
    return float(np.abs(middle / 257 - np.asarray(few, np.float32)).mean()) < _MAX_DIFFERENCE
