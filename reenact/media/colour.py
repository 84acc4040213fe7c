"""Any Pillow image -> 8-bit sRGB: palettes, grey, 16 bit, CMYK, colour profiles, transparency."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

from reenact.types import Picture

_TO_8_BIT = ((np.arange(65536) + 128) // 257).astype(np.uint8)  # a table, as it costs no memory


def to_srgb(image: Image.Image) -> Picture:
    """Convert a loaded image to (H, W, 3) uint8 sRGB; transparent parts are laid over white.

    An embedded ICC profile is applied; one that is broken or of another colour model is ignored, as browsers
    do. Without a profile the values are taken to be sRGB already.
    """
    colour, alpha = split_alpha(image)
    rgb = _apply_profile(colour, image.info.get("icc_profile"))
    if alpha is not None:
        rgb = Image.composite(rgb, Image.new("RGB", rgb.size, "white"), alpha)
    return np.array(rgb)


def split_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """The colour part in mode L, RGB or CMYK, and the alpha channel (mode L) if there is one."""
    if image.mode.startswith("I"):
        return _from_16_bit(image)
    if image.mode in ("La", "RGBa"):  # colour multiplied by alpha
        image = image.convert({"La": "LA", "RGBa": "RGBA"}[image.mode])
    elif image.mode not in ("L", "RGB", "CMYK", "LA", "RGBA") or "transparency" in image.info:
        image = image.convert(_plain_mode(image))
    if image.mode in ("LA", "RGBA"):
        return image.convert(image.mode[:-1]), image.getchannel("A")
    return image, None


def _plain_mode(image: Image.Image) -> str:
    """The mode that keeps all that a palette, two-level or colour-keyed image shows."""
    if image.has_transparency_data:
        return "RGBA"
    return "L" if image.mode in ("1", "L") else "RGB"


def _from_16_bit(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """16-bit grey -> 8-bit grey: 65535 is white, so 257 steps make one."""
    values = np.asarray(image).clip(0, 65535).astype(np.uint16)
    grey = Image.fromarray(_TO_8_BIT[values])
    key = image.info.get("transparency")
    if not isinstance(key, int):
        return grey, None
    return grey, Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8))


def _apply_profile(colour: Image.Image, profile: bytes | None) -> Image.Image:
    """Colour in the embedded profile's space -> RGB in sRGB."""
    if profile:
        try:
            converted = ImageCms.profileToProfile(
                colour,
                ImageCms.ImageCmsProfile(BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
                outputMode="RGB",
                flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
            )
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
            pass  # a picture with a bad profile is still a picture
    return colour if colour.mode == "RGB" else colour.convert("RGB")
