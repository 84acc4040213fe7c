"""A result of 512 pixels shows what the network painted at 256: lips and lids are equally far open."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from reenact.engine import Engine
from reenact.face.align import align, choose
from reenact.gallery import get_portrait, get_template
from reenact.landmarks import OPENINGS
from reenact.media import read_picture
from reenact.motion.transfer import TransferOptions, transfer
from reenact.subject import open_subject
from reenact.types import Keypoints, Picture

PORTRAITS = ("eileen-collins", "benjamin-franklin", "pocahontas")
TEMPLATES = ("blink", "wink", "talk", "laugh")
GAPS = ((13, 14), (159, 145), (386, 374))  # lips, right lids, left lids in the mesh
FULL = np.array([0.12, 0.065, 0.065])  # of the face height: a mouth open for a laugh, lids of open eyes
# The finder itself reads the lids of one picture, enlarged, up to .04 of the full opening apart.
MOST, MEAN = np.array([0.03, 0.05, 0.05]), 0.03


def heights(driven: Keypoints) -> list[int]:
    """The frames in which the mouth is widest, and each eye most closed."""
    mouth, *eyes = (
        np.linalg.norm(driven.landmarks[:, upper] - driven.landmarks[:, lower], axis=-1)
        for upper, lower in OPENINGS
    )
    return sorted({int(mouth.argmax()), *(int(eye.argmin()) for eye in eyes)})


def gaps(engine: Engine, picture: Picture) -> NDArray[np.floating]:
    """How far lips and lids are open, as shares of the full opening."""
    points = choose(engine.finder.find(picture)).landmarks
    height = np.linalg.norm(points[10] - points[152])
    return np.array([np.linalg.norm(points[a] - points[b]) / height for a, b in GAPS]) / FULL


def both_sizes(engine: Engine, portrait: str, template: str) -> Iterator[tuple[Picture, Picture]]:
    """The heights of a template at 256 and at 512."""
    picture = read_picture(get_portrait(portrait).path)
    face = choose(engine.finder.find(picture))
    small, large = (open_subject(engine, picture, face, align(face), size).source for size in (256, 512))
    motion = get_template(template).motion
    driven = transfer(small.keypoints, motion.keypoints, TransferOptions(), motion.fps)
    shown = driven[np.array(heights(driven))]
    return zip(*(engine.renderer.render(source, shown) for source in (small, large)), strict=True)


@pytest.mark.parametrize("portrait", PORTRAITS)
def test_lips_and_lids_are_as_far_open_at_512_as_at_256(engine: Engine, portrait: str) -> None:
    apart = np.array(
        [
            np.abs(gaps(engine, large) - gaps(engine, small))
            for template in TEMPLATES
            for small, large in both_sizes(engine, portrait, template)
        ]
    )
    assert (apart.mean(0) < MEAN).all()
    assert (apart < MOST).all(), apart.max(0)
