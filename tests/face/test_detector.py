from __future__ import annotations

import numpy as np
import pytest

from reenact.face.detector import GRID, INPUT_SIZE, _decode, _merge_overlapping, _overlap


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ((0, 0, 2, 2), 1.0),
        ((1, 0, 3, 2), 1 / 3),
        ((2, 0, 4, 2), 0.0),
        ((5, 5, 6, 6), 0.0),
        ((0.5, 0.5, 1.5, 1.5), 0.25),
        ((1, 1, 1, 1), 0.0),
    ],
)
def test_overlap_is_intersection_over_union(other: tuple[float, ...], expected: float) -> None:
    box = np.array([0, 0, 2, 2], np.float32)
    assert _overlap(box, np.array([other], np.float32))[0] == pytest.approx(expected)


def test_rows_are_decoded_from_their_cell() -> None:
    row = np.array([[3, -6, 96, 48, 10, 20, -10, -20]], np.float32)
    boxes, eyes = _decode(row, np.array([2 * GRID + 5]))
    x, y = 5.5 / GRID + 3 / INPUT_SIZE, 2.5 / GRID - 6 / INPUT_SIZE
    np.testing.assert_allclose(boxes[0], [x - 0.25, y - 0.125, x + 0.25, y + 0.125], atol=1e-6)
    cell = np.array([5.5, 2.5]) / GRID
    expected = [cell + np.array([10, 20]) / INPUT_SIZE, cell - np.array([10, 20]) / INPUT_SIZE]
    np.testing.assert_allclose(eyes[0], expected, atol=1e-6)


def test_overlapping_boxes_are_averaged_by_score_and_others_kept() -> None:
    boxes = np.array([[0, 0, 1, 1], [5, 5, 6, 6], [0.2, 0, 1.2, 1]], np.float32)
    eyes = np.arange(12, dtype=np.float32).reshape(3, 2, 2)
    merged = _merge_overlapping(boxes, eyes, np.array([0.9, 0.8, 0.6], np.float32))
    assert [score for _, _, score in merged] == pytest.approx([0.9, 0.8])
    np.testing.assert_allclose(merged[0][0], [0.08, 0, 1.08, 1], atol=1e-6)  # 0.2 * 0.6 / 1.5
    np.testing.assert_allclose(merged[0][1], 0.6 * eyes[0] + 0.4 * eyes[2], atol=1e-5)
    np.testing.assert_allclose(merged[1][0], boxes[1])
