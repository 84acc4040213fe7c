"""Creates the bank of teeth from photos of smiling faces: ``python -m reenact.export.teeth FOLDER``.

Needed only to recreate it. ``FOLDER`` holds faces of the Face Research Lab London Set (DeBruine and Jones,
2017, CC BY 4.0). Only a strip of teeth is kept of each, without the face.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from reenact.config import TEETH
from reenact.engine import open_face_finder
from reenact.media import read_picture
from reenact.mouth.teeth import extract_teeth

# Name of the strip, file, and end of the upper teeth in rows above the lowest bright row
_DONORS = (
    ("even", "still-055.jpg", 0.0),
    ("round", "still-060.jpg", 0.0),
    ("wide", "still-026.jpg", 14.0),
    ("narrow", "still-043.jpg", 4.0),
    ("plain", "still-045.jpg", 0.0),
)


def make_bank(folder: Path, out: Path) -> None:
    """Write one PNG for each donor, with ``edge`` and ``width`` of ``Teeth`` as text."""
    finder = open_face_finder("cpu")
    for name, file, below in _DONORS:
        picture = read_picture(folder / file)
        (face, *_) = finder.find(picture)
        teeth = extract_teeth(picture, face.landmarks, below)
        if teeth is None:
            raise ValueError(f"{file} shows too little of its teeth.")
        text = PngInfo()
        text.add_text("edge", f"{teeth.edge:.1f}")
        text.add_text("width", f"{teeth.width:.4f}")
        Image.fromarray(teeth.picture).save(out / f"{name}.png", pnginfo=text, optimize=True)


if __name__ == "__main__":
    make_bank(Path(sys.argv[1]), TEETH)
