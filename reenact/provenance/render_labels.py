"""How the labels that ship were drawn: ``python -m reenact.provenance.render_labels Latin.ttf Arabic.ttf``.

Run again only when a word or language changes. Serving then needs no font and no shaping of Arabic. The
shipped ones are set in Noto Sans Bold and Noto Sans Arabic Bold (SIL Open Font License, which leaves what is
written with a font to its writer).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, features

from reenact.errors import ExtraMissing
from reenact.provenance.label import LABELS, Language

WORDS: dict[Language, str] = {
    "en": "Made with AI",
    "nl": "Gemaakt met AI",
    "ar": "صُنع بالذكاء الاصطناعي",
}
_HEIGHT = 96  # pixels; larger than the largest result needs
_LETTERS = 60  # pixels of the font's size
_SIDE = 40  # pixels between the words and the pill's ends
_OPACITY = 165  # of the pill behind the words, of 255
_FINER = 4  # times that the pill is drawn larger, for a smooth edge


def draw(words: str, font: Path, from_right: bool) -> Image.Image:
    """White words on a dark, half transparent pill: mode LA, 96 pixels high.

    Raises:
        ExtraMissing: this Pillow was built without the library that shapes Arabic.
    """
    if not features.check("raqm"):
        raise ExtraMissing("This Pillow cannot shape Arabic; install one with raqm, as its wheels have.")
    letters = ImageFont.truetype(str(font), _LETTERS, layout_engine=ImageFont.Layout.RAQM)
    direction = "rtl" if from_right else "ltr"
    left, top, right, bottom = letters.getbbox(words, direction=direction)
    size = (round(right - left) + 2 * _SIDE, _HEIGHT)
    written = Image.new("L", size)
    place = (_SIDE - left, (_HEIGHT - (bottom - top)) / 2 - top)
    ImageDraw.Draw(written).text(place, words, 255, letters, direction=direction)
    dark, white = (Image.new("RGB", size, level) for level in ("black", "white"))
    dark.putalpha(_pill(size))
    white.putalpha(written)
    return Image.alpha_composite(dark, white).convert("LA")


def _pill(size: tuple[int, int]) -> Image.Image:
    """The opacity behind the words."""
    large = Image.new("L", (size[0] * _FINER, size[1] * _FINER))
    box = (0, 0, large.width - 1, large.height - 1)
    ImageDraw.Draw(large).rounded_rectangle(box, large.height / 2, _OPACITY)
    return large.resize(size, Image.Resampling.BOX)


def main() -> None:
    """Draw every label anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("latin", type=Path)
    parser.add_argument("arabic", type=Path)
    fonts = parser.parse_args()
    for language, words in WORDS.items():
        arabic = language == "ar"
        image = draw(words, fonts.arabic if arabic else fonts.latin, arabic)
        image.save(LABELS / f"{language}.png", optimize=True)


if __name__ == "__main__":
    main()
