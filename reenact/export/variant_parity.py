"""Comparison of variants of ``animate`` in lower precision with float32, on our own portraits and templates.

Each template's preview drives one of the portraits. So this needs only the repository, and it is repeated
automatically for new weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reenact.config import MOTIONS
from reenact.engine import Engine
from reenact.face.align import align, choose
from reenact.gallery import list_portraits, template_ids
from reenact.gallery.templates import PREVIEW
from reenact.generator.renderer import BATCH, NATIVE_SIZE, Source
from reenact.media import read_picture
from reenact.motion.transfer import TransferOptions, transfer
from reenact.runtime import Session
from reenact.subject import open_subject
from reenact.tracking import track
from reenact.types import Crop

FRAMES = 24  # first frames of each preview, of which every second is used

Feed = dict[str, NDArray[np.generic]]


@dataclass(frozen=True)
class PrecisionLoss:
    """Loss of lower precision against float32.

    ``psnr`` of the pictures in dB, mean error of the ``flow`` in crop units.
    """

    psnr: float
    flow: float


def compare(exact: Path, path: Path, feeds: list[Feed]) -> PrecisionLoss:
    """Run both graphs on the same inputs."""
    wanted, found = (Session(each, device="cpu") for each in (exact, path))
    square, flow = [], []
    for feed in feeds:
        (picture, *_, moved), (other, *_, other_moved) = wanted(**feed), found(**feed)
        square.append(np.square(picture.astype(np.float32) - other).mean())
        flow.append(np.abs(moved - other_moved).mean())
    return PrecisionLoss(float(10 * np.log10(255**2 / max(1e-9, np.mean(square)))), float(np.mean(flow)))


def feeds(folder: Path) -> Iterator[Feed]:
    """Inputs of the ``animate`` of a model folder, by batches."""
    engine = Engine(folder, device="cpu", precision="float32")
    sources = cycle([_source(engine, entry.path) for entry in list_portraits()])
    for id in template_ids(MOTIONS):
        whole = Crop(0, 0, NATIVE_SIZE)
        motion = track(engine, MOTIONS / id / PREVIEW, crop=whole, part=(0, FRAMES))
        source = next(sources)
        driven = transfer(source.keypoints, motion.keypoints, TransferOptions(), motion.fps)[::2]
        for start in range(0, len(driven), BATCH):
            inputs = engine.renderer.inputs(source, driven[start : start + BATCH])
            yield {  # copied: an OrtValue may not outlive its source
                name: np.array(each if isinstance(each, np.ndarray) else each.numpy())
                for name, each in inputs.items()
            }


def _source(engine: Engine, path: Path) -> Source:
    picture = read_picture(path)
    face = choose(engine.finder.find(picture))
    return open_subject(engine, picture, face, align(face), NATIVE_SIZE).source
