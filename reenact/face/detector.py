"""BlazeFace, full range: where faces are in a picture (Bazarevsky et al. 2019, arXiv:1907.05047)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reenact.face.square_sampling import Square, sample_square, to_network_input
from reenact.runtime import Session
from reenact.types import FloatArray, Picture

INPUT_SIZE = 192
GRID = 48
MIN_SCORE = 0.4  # low, since the mesh rejects boxes without a face
PADDED_VIEW = 1.5  # side of the second input, relative to the longer side of the picture
MAX_OVERLAP = 0.3


@dataclass(frozen=True)
class Detection:
    """A box found by the detector.

    ``box`` is x0, y0, x1, y1 in picture pixels; ``eyes`` is (2, 2) float32 picture pixels, the eye on the
    left of an upright picture first; ``score`` in [0, 1].
    """

    box: tuple[float, float, float, float]
    eyes: FloatArray
    score: float


class FaceDetector:
    """Detects boxes and eyes with one graph call, or two where the first finds nothing."""

    min_tile_side = 384  # pixels of a side: a face of 24 pixels is then 12 pixels in the input

    def __init__(self, session: Session) -> None:
        """``session`` holds ``face_detector.onnx``."""
        self._session = session

    def __call__(self, picture: Picture) -> list[Detection]:
        """All faces of ``picture``, best score first; an empty list when there are none.

        A face that fills the picture is detected better with a margin: hence the second call.
        """
        return self.detect_once(picture) or self.detect_once(picture, PADDED_VIEW)

    def detect_once(self, picture: Picture, share: float = 1.0) -> list[Detection]:
        """``__call__`` with one graph call, on a square of ``share`` times the longer side."""
        height, width = picture.shape[:2]
        square = Square(width / 2, height / 2, share * max(height, width))
        regressed, logits = self._session(
            input=to_network_input(sample_square(picture, square, INPUT_SIZE), -1.0, 1.0)
        )
        scores = np.asarray(1 / (1 + np.exp(-np.clip(logits[0, :, 0], -100, 100))), np.float32)
        keep = np.flatnonzero(scores > MIN_SCORE)
        if not len(keep):
            return []
        boxes, eyes = _decode(regressed[0, keep], keep)
        merged = _merge_overlapping(boxes, eyes, scores[keep])
        return [_to_detection(*found, square) for found in merged]


def _decode(regressed: FloatArray, cells: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
    """Network rows -> boxes (N, 4) as x0, y0, x1, y1 and eyes (N, 2, 2), both in [0, 1] of the square."""
    centres = np.stack([cells % GRID + 0.5, cells // GRID + 0.5], -1).astype(np.float32) / GRID
    middle = centres + regressed[:, 0:2] / INPUT_SIZE
    half = regressed[:, 2:4] / INPUT_SIZE / 2
    eyes = np.asarray(centres[:, None] + regressed[:, 4:8].reshape(-1, 2, 2) / INPUT_SIZE, np.float32)
    return np.concatenate([middle - half, middle + half], -1), eyes


def _merge_overlapping(
    boxes: FloatArray, eyes: FloatArray, scores: FloatArray
) -> list[tuple[FloatArray, FloatArray, float]]:
    """Weighted non-maximum suppression: overlapping boxes are averaged by score (BlazeFace, section 3.4)."""
    remaining = np.argsort(-scores)
    merged = []
    while len(remaining):
        overlapping = _overlap(boxes[remaining[0]], boxes[remaining]) > MAX_OVERLAP
        overlapping[0] = True
        group = remaining[overlapping]
        weights = scores[group] / scores[group].sum()
        merged.append(
            (
                (boxes[group] * weights[:, None]).sum(0),
                (eyes[group] * weights[:, None, None]).sum(0),
                float(scores[group[0]]),
            )
        )
        remaining = remaining[~overlapping]
    return merged


def _overlap(box: FloatArray, others: FloatArray) -> FloatArray:
    """Intersection over union of one box (4,) with many (N, 4)."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    intersection = np.prod(np.maximum(sides, 0), axis=-1)
    union = np.prod(box[2:] - box[:2]) + np.prod(others[:, 2:] - others[:, :2], axis=-1) - intersection
    return np.asarray(intersection / np.maximum(union, 1e-9), np.float32)


def _to_detection(box: FloatArray, eyes: FloatArray, score: float, square: Square) -> Detection:
    x0, y0, x1, y1 = (float(value) for value in square.to_pixels(box.reshape(2, 2)).reshape(4))
    return Detection(box=(x0, y0, x1, y1), eyes=square.to_pixels(eyes), score=score)
