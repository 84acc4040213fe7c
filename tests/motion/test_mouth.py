"""Mouths of real faces moved by real clips: every motion of the gallery, and faces taken from other ones."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest

from reenact.gallery.templates import get_template
from reenact.landmarks import MESH_INDICES
from reenact.motion.transfer import TransferOptions, hull_area, transfer
from reenact.types import FloatArray, Keypoints, Motion

UPPER, LOWER = ([MESH_INDICES.index(index) for index in lip] for lip in ((13, 81, 311), (14, 178, 402)))
NOSE, CHIN = MESH_INDICES.index(1), MESH_INDICES.index(152)
RESTING, TALKING = ("blink", "nod", "look-around"), ("talk", "sing", "laugh")


def motion(name: str) -> Motion:
    return get_template(name).motion


def partings(landmarks: FloatArray) -> FloatArray:
    """How far the lips part (..., 3) along the face's length, in face sizes; negative where they cross."""
    down = landmarks[..., CHIN, :] - landmarks[..., NOSE, :]
    down = down / np.linalg.norm(down, axis=-1, keepdims=True)
    size = np.sqrt(hull_area(landmarks.reshape(-1, *landmarks.shape[-2:])[0]))
    apart = landmarks[..., LOWER, :] - landmarks[..., UPPER, :]
    return np.asarray((apart * down[..., None, :]).sum(-1) / size, np.float32)


def gaps(landmarks: FloatArray) -> FloatArray:
    """How far the middle of the mouth is open (T)."""
    return partings(landmarks)[..., 0]


def face(name: str, smiling: bool) -> Keypoints:
    """The frame of a motion whose mouth is open most, or least."""
    keypoints = motion(name).keypoints
    opened = gaps(keypoints.landmarks)
    return keypoints[int(opened.argmax() if smiling else opened.argmin())]


def moved(source: Keypoints, name: str, strength: float = 1, begin: int = 0) -> FloatArray:
    """Landmarks of a face moved by a motion of the gallery, as if that began at another frame."""
    driving = motion(name)
    turned = driving.keypoints[np.roll(np.arange(len(driving)), -begin)]
    return transfer(source, turned, TransferOptions(strength=strength), driving.fps).landmarks


@pytest.mark.parametrize("name", TALKING)
@pytest.mark.parametrize("begin", ["closed", "open"])
def test_a_closed_mouth_opens_as_far_as_the_drivings_and_closes_with_it_however_the_clip_begins(
    name: str, begin: str
) -> None:
    wanted = gaps(motion(name).keypoints.landmarks)
    first = int(wanted.argmax() if begin == "open" else wanted.argmin())
    source = face("nod", smiling=False)
    found = np.roll(gaps(moved(source, name, begin=first)), first)
    led = np.roll(np.arange(len(wanted)), first)
    led = (led > 2) & (led < len(wanted) - 2)
    more = (found - wanted)[led]
    assert more.min() > -0.02
    assert more.max() < 0.045  # the slack of .025 among it
    assert np.corrcoef(found[led], wanted[led])[0, 1] > 0.97


@pytest.mark.parametrize("name", TALKING)
def test_a_smile_closes_where_a_talking_mouth_does_and_takes_its_time(name: str) -> None:
    source = face("smile", smiling=True)
    own, wanted = float(gaps(source.landmarks)), gaps(motion(name).keypoints.landmarks)
    found = gaps(moved(source, name))
    assert own > 0.08
    settled = slice(8, -8)
    np.testing.assert_allclose(found[settled], wanted[settled], atol=0.045)
    step = np.abs(np.diff(found)).max()
    assert step < np.abs(np.diff(wanted)).max() + own * 0.3


@pytest.mark.parametrize("name", RESTING)
def test_a_smile_stays_where_the_drivings_mouth_rests(name: str) -> None:
    source = face("smile", smiling=True)
    own = float(gaps(source.landmarks))
    np.testing.assert_allclose(gaps(moved(source, name)), own, rtol=0.25)


@pytest.mark.parametrize("name", RESTING)
def test_a_closed_mouth_stays_closed_where_the_drivings_rests_a_little_open(name: str) -> None:
    source = face("talk", smiling=False)
    assert np.abs(gaps(moved(source, name)) - gaps(source.landmarks)).max() < 0.03


@pytest.mark.parametrize("strength", [0.5, 1, 2])
def test_lips_never_cross(strength: float) -> None:
    for name, other in permutations((*RESTING, *TALKING, "smile", "surprise"), 2):
        for smiling in (False, True):
            source = face(other, smiling)
            allowed = min(0, float(partings(source.landmarks).min())) - 0.02
            assert partings(moved(source, name, strength)).min() > allowed, (name, other, smiling)


def test_the_first_frame_is_the_selfie_and_a_loop_closes() -> None:
    for name, other in permutations((*RESTING, *TALKING), 2):
        source = face(other, smiling=True)
        found = moved(source, name)
        np.testing.assert_allclose(found[0], source.landmarks, atol=1e-6)
        opened = gaps(found)
        assert abs(opened[-1] - opened[0]) <= np.abs(np.diff(opened)).max() + 0.01, (name, other)


def test_a_mouth_is_led_in_by_the_clock_not_by_frames() -> None:
    source, driving = face("nod", smiling=False), motion("talk")
    widest = int(gaps(driving.keypoints.landmarks).argmax())
    held = driving.keypoints[np.array([widest] * 10 + [0] * 10 + [widest] * 10)]
    for fps, frames in ((Fraction(25, 2), 1), (Fraction(25), 2), (Fraction(50), 4)):
        opened = gaps(transfer(source, held, TransferOptions(), fps).landmarks)
        assert (np.diff(opened[: frames + 1]) > 0.01).all()
        np.testing.assert_allclose(opened[frames:10], opened[9], atol=1e-5)


def test_chin_and_jaw_follow_the_lower_lip_by_half_and_less() -> None:
    source, driving = face("nod", smiling=False), motion("talk")
    widest = int(gaps(driving.keypoints.landmarks).argmax())
    held = driving.keypoints[np.array([widest] * 30)]  # plain shifts would not move a thing
    held.landmarks[15] = driving.keypoints.landmarks[gaps(driving.keypoints.landmarks).argmin()]
    found = transfer(source, held, TransferOptions(), driving.fps).landmarks[10] - source.landmarks
    lip, chin, jaw = (found[MESH_INDICES.index(index), 1] for index in (14, 152, 172))
    assert 0 < jaw < chin < 0.6 * lip
