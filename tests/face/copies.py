"""How surely a photo is known again, and how seldom another is taken for it: ``python -m tests.face.copies``.

Photos are changed in the ways below and looked for again. Then every two of the photos and the ``--others``
are compared, which should all be of different people.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from reenact.engine import Engine
from reenact.face.fingerprint import MAX_COPY_DISTANCE, Bits, fingerprints, hamming_distance
from reenact.gallery import list_portraits
from reenact.media import read_picture

LARGEST = 900  # pixels of a photo's longer side


def encoded(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(io.BytesIO(file.getvalue()))


def cut(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    """Shares of the picture off each side."""
    width, height = image.size
    box = left * width, top * height, (1 - right) * width, (1 - bottom) * height
    return image.crop(tuple(map(round, box)))


def framed(image: Image.Image) -> Image.Image:
    """In a wider picture."""
    wide = Image.new("RGB", (image.width * 3 // 2, image.height * 3 // 2), (90, 120, 90))
    wide.paste(image, (image.width // 4, image.height // 4))
    return wide


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG 60": lambda image: encoded(image, 60),
    "JPEG 25": lambda image: encoded(image, 25),
    "half the size": lambda image: image.resize((image.width // 2, image.height // 2)),
    "a third, JPEG 50": lambda image: encoded(image.resize((image.width // 3, image.height // 3)), 50),
    "a tenth off each side": lambda image: cut(image, 0.1, 0.1, 0.1, 0.1),
    "15 % off one side": lambda image: cut(image, 0.15, 0, 0.02, 0.1),
    "framed": framed,
    "20 % brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
    "more contrast": lambda image: ImageEnhance.Contrast(image).enhance(1.2),
    "grey": lambda image: image.convert("L"),
    "turned by 5 degrees": lambda image: image.rotate(5, Image.Resampling.BICUBIC),
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
}


def look(engine: Engine, image: Image.Image) -> Bits:
    """Fingerprints (F, 2, BITS) of all faces."""
    picture = np.asarray(image.convert("RGB"))
    return fingerprints(picture, engine.finder.find(picture))


def opened(path: Path) -> Image.Image:
    image = Image.fromarray(read_picture(path))
    image.thumbnail((LARGEST, LARGEST))
    return image


def main() -> None:
    """Measure, and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--photos", type=Path, nargs="*", default=[], help="folders; copies of these are tried"
    )
    parser.add_argument("--others", type=Path, nargs="*", default=[], help="folders; one person a photo")
    asked = parser.parse_args()
    engine = Engine(device="cpu")
    photos = [each.path for each in list_portraits()]
    photos += [path for folder in asked.photos for path in sorted(folder.glob("*.jpg"))]
    known = {path.stem: look(engine, opened(path))[0, 0] for path in photos}
    for name, change in COPIES.items():
        seen = [look(engine, change(opened(path))) for path in photos]
        hits = [
            bool((hamming_distance(known[path.stem], each) <= MAX_COPY_DISTANCE).any())
            for path, each in zip(photos, seen, strict=True)
        ]
        print(f"| {name} | {sum(hits)} of {len(hits)} |", flush=True)
    faces = {
        path.stem: look(engine, opened(path))
        for folder in asked.others
        for path in sorted(folder.glob("*.jpg"))
    }
    known |= {name: found[0, 0] for name, found in faces.items() if len(found)}
    pairs = sorted((int(hamming_distance(known[a], known[b])), a, b) for a, b in combinations(known, 2))
    print(
        f"{sum(pair[0] <= MAX_COPY_DISTANCE for pair in pairs)} of {len(pairs)} pairs "
        f"within {MAX_COPY_DISTANCE} bits; the nearest:"
    )
    for pair in pairs[:8]:
        print(*pair)


if __name__ == "__main__":
    main()
