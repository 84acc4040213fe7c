from __future__ import annotations

import numpy as np
import pytest

from reenact import get_template
from reenact.engine import Engine
from reenact.face.align import align, choose
from reenact.landmarks import LIPS
from reenact.media import read_picture
from reenact.motion.transfer import TransferOptions, transfer
from reenact.mouth.interior import MouthInterior
from reenact.subject import open_subject
from tests.conftest import ROOT

CLOSED = ROOT / "templates_media" / "portraits" / "pocahontas.jpg"
UPPER, LOWER = LIPS.index(13), LIPS.index(14)


class Mouth:
    """A face with closed lips at some size, and what the networks paint of it as it talks."""

    def __init__(self, engine: Engine, size: int) -> None:
        picture = read_picture(CLOSED)
        face = choose(engine.finder.find(picture))
        crop = align(face)
        self.mesh, self.size = engine.finder.mesh, size
        self.landmarks = np.asarray((crop.to_units(face.landmarks) + 1) / 2 * size, np.float32)
        source = open_subject(engine, picture, face, crop, size).source
        self.square, self.keypoints = source.full, source.keypoints.landmarks
        motion = get_template("talk").motion
        driven = transfer(source.keypoints, motion.keypoints, TransferOptions(), motion.fps)
        gaps = np.linalg.norm(driven.landmarks[:, LOWER] - driven.landmarks[:, UPPER], axis=-1)
        chosen = driven[np.argsort(gaps)[np.linspace(0, len(gaps) - 1, 4).astype(int)]]
        self.frames = list(zip(engine.renderer.render(source, chosen), chosen.landmarks, strict=True))
        """From the most closed to the most open."""
        self.interior = self.again()

    def again(self) -> MouthInterior:
        return MouthInterior(self.mesh, self.square, self.landmarks, self.keypoints)


@pytest.fixture(scope="module", params=[256, 512])
def mouth(request: pytest.FixtureRequest, engine: Engine) -> Mouth:
    return Mouth(engine, request.param)


def test_a_closed_mouth_stays_as_it_is(mouth: Mouth) -> None:
    frame, driven = mouth.frames[0]
    assert mouth.interior.draw(frame, driven) is frame


def test_an_open_mouth_has_teeth_above_and_dark_below(mouth: Mouth) -> None:
    frame, driven = mouth.frames[-1]
    drawn = mouth.interior.draw(frame, driven)
    rows = np.flatnonzero((np.abs(drawn.astype(int) - frame).max(-1) > 24).any(1))
    middle = int((driven[UPPER, 0] + 1) / 2 * mouth.size)
    column = drawn[rows[0] : rows[-1] + 1, middle - 2 : middle + 3].astype(float).mean((1, 2))
    teeth, dark = column.argmax(), column.argmin()
    assert column[teeth] > 2 * column[dark]
    assert teeth < dark


def test_nothing_changes_beside_the_lips(mouth: Mouth) -> None:
    frame, driven = mouth.frames[-1]
    drawn = mouth.interior.draw(frame, driven)
    points = (driven[: len(LIPS)] + 1) / 2 * mouth.size
    margin = 0.03 * mouth.size
    low, high = (points.min(0) - margin).astype(int), (points.max(0) + margin).astype(int)
    beside = np.ones(frame.shape[:2], bool)
    beside[low[1] : high[1], low[0] : high[0]] = False
    assert (drawn[beside] == frame[beside]).all()
    assert (drawn != frame).any()


def test_the_same_frame_is_drawn_the_same(mouth: Mouth) -> None:
    frame, driven = mouth.frames[-1]
    assert (mouth.again().draw(frame, driven) == mouth.interior.draw(frame, driven)).all()


def test_more_is_drawn_the_further_it_opens(mouth: Mouth) -> None:
    changes = [
        float(np.abs(mouth.interior.draw(frame, driven).astype(float) - frame).mean())
        for frame, driven in mouth.frames
    ]
    assert changes[0] == 0
    assert changes == sorted(changes)
    assert changes[-1] > 0
