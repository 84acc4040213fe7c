"""Better landmarks for a pack: MediaPipe's newer landmarker locates lips better than the old mesh."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from reenact.training.dataset import SIZE, TAUGHT, Pack

BATCH = 256  # frames


def label_landmarks(folder: Path, model: Path) -> int:
    """Write ``taught.npy``: (N, 478, 2) float32, crop units; NaN where the landmarker finds no face.

    Args:
        folder: a pack.
        model: ``face_landmarker.task``.

    Returns:
        The number of frames in which it found a face.

    Raises:
        ExtraMissing: mediapipe is not installed (extra ``evaluate``).
        SetupError: the model file is missing.
    """
    # Not at the top: training must run without the packages for evaluation and media.
    from reenact.evaluation.judges import LandmarkJudge

    pack = Pack(folder)
    judge = LandmarkJudge(model)
    try:
        found = [
            judge(list(pack.frames[start : start + BATCH])).landmarks for start in range(0, len(pack), BATCH)
        ]
    finally:
        judge.close()
    points = np.concatenate(found) / SIZE * 2 - 1
    np.save(folder / TAUGHT, points.astype(np.float32))
    return int(np.isfinite(points[:, 0, 0]).sum())
