from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from reenact.blending.mask import BROWS, OVAL, displaced, face_size, mask
from tests.blending.faces import SIZE, driven, landmarks


def inside(points: np.ndarray, size: int = SIZE) -> np.ndarray:
    """Whether each pixel (S, S) lies inside an outline, or touches it."""
    image = Image.new("1", (size, size))
    ImageDraw.Draw(image).polygon(
        [(x, y) for x, y in points[list(OVAL)].tolist()], fill=1, outline=1, width=5
    )
    return np.asarray(image)


@pytest.mark.parametrize("size", [200, 256, 512])
def test_a_face_is_replaced_whole_and_its_surroundings_never(size: int) -> None:
    points = landmarks(size)
    alpha = mask(points, driven(points, size), size)
    assert alpha.shape == (size, size)
    assert alpha.dtype == np.float32
    assert alpha.min() == 0
    assert alpha[size // 2, size // 2] == alpha.max() == 1
    assert alpha[~inside(points, size)].max() < 0.02


@pytest.mark.parametrize("other", [0.2, 0.4])
def test_the_mask_follows_the_smaller_of_both_outlines(other: float) -> None:
    clip, selfie = landmarks(), landmarks(width=other)
    alpha = mask(clip, driven(selfie), SIZE)
    assert alpha[~(inside(clip) & inside(selfie))].max() < 0.3  # a pixel is as wide as the rim is soft
    assert alpha[inside(landmarks(width=min(0.28, other) * 0.75, height=0.26))].min() > 0.95


def test_the_clips_brows_are_replaced_whole() -> None:
    clip = landmarks()
    alpha = mask(clip, driven(clip), SIZE)
    for x, y in clip[[index for brow in BROWS for index in brow]].astype(int):
        assert alpha[y, x] > 0.95


def test_a_dropped_jaw_is_inside() -> None:
    clip = landmarks()
    low = [index for index in OVAL if clip[index, 1] > 160]
    clip[low, 1] += 20
    alpha = mask(clip, driven(clip), SIZE)
    still = landmarks()
    assert alpha[228, 128] > 0.3
    assert mask(still, driven(still), SIZE)[228, 128] == 0


def test_the_mask_is_0_at_the_edge_of_a_square_that_a_face_leaves() -> None:
    clip = landmarks(width=0.7, height=0.8)
    alpha = mask(clip, driven(clip), SIZE)
    assert max(edge.max() for edge in (alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1])) == 0
    assert alpha[16:-16, 16:-16].min() == 1


def test_the_rim_is_soft_and_as_wide_as_the_face_is_large() -> None:
    widths = []
    for scale in (0.5, 1.0):
        clip = landmarks(width=0.28 * scale, height=0.36 * scale)
        row = mask(clip, driven(clip), SIZE)[150]
        assert np.abs(np.diff(row)).max() < 0.35
        widths.append(np.count_nonzero((row > 0.05) & (row < 0.95)))
    assert widths[1] == pytest.approx(2 * widths[0], rel=0.3)


def test_a_tremble_of_landmarks_moves_the_mask_as_little(rng: np.random.Generator) -> None:
    clip = landmarks()
    moved = clip + rng.normal(0, 0.1, clip.shape).astype(np.float32)
    assert np.abs(mask(moved, driven(clip), SIZE) - mask(clip, driven(clip), SIZE)).max() < 0.1


def test_the_selfies_outline_goes_through_its_driven_landmarks() -> None:
    clip, selfie = landmarks(), landmarks(width=0.33, height=0.3)
    points = displaced(clip, selfie[[*_indices()]])
    for index in (10, 152, 234, 454, 172, 397):
        assert points[index] == pytest.approx(selfie[index], abs=1e-3)
    assert np.linalg.norm(points[list(OVAL)] - selfie[list(OVAL)], axis=1).max() < 6


def test_the_size_of_a_face_is_the_root_of_its_area() -> None:
    assert face_size(landmarks()) == pytest.approx(SIZE * np.sqrt(np.pi * 0.28 * 0.36), rel=0.01)


def _indices() -> tuple[int, ...]:
    from reenact.landmarks import MESH_INDICES

    return MESH_INDICES
