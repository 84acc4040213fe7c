"""How well our landmarks follow MediaPipe's newer landmarker on the people held out.

    python -m tests.face.tracking --data ../shared

For each part of the model's landmarks: how far they drift from the landmarker's since the first frame, in px
at 256, a mean over frames and clips. For each distance: its correlation within a clip, and the share of its
standard deviation, means over the clips in which it varies.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from reenact.engine import open_face_finder
from reenact.evaluation.clips import read_frames
from reenact.evaluation.judges import LandmarkJudge
from reenact.landmarks import BROWS, EYE_CORNERS, IRISES, LIDS, LIPS, MESH_INDICES, OUTLINE

# Two points of the mesh, as a share of forehead to nose, and the deviation below which a clip says nothing.
DISTANCES = {
    "inner lips": (13, 14, 0.02),
    "corners of the mouth": (61, 291, 0.03),
    "nose to lower lip": (1, 17, 0.02),
    "nose to chin": (1, 152, 0.02),
    "right lids": (159, 145, 0.01),
    "left lids": (386, 374, 0.01),
}

REGIONS = {
    "all": MESH_INDICES,
    "lips": LIPS,
    "lids": LIDS,
    "eye corners": EYE_CORNERS,
    "irises": IRISES,
    "brows": BROWS,
    "outline": OUTLINE,
}


def shares(points: np.ndarray, first: int, second: int) -> np.ndarray:
    """A distance over that of forehead and nose: (T,) of landmarks (T, 478, 2)."""
    size = np.linalg.norm(points[:, 10] - points[:, 1], axis=-1)
    return np.linalg.norm(points[:, first] - points[:, second], axis=-1) / size


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared"))
    parser.add_argument("--frames", type=int, default=60, help="of each clip at most")
    arguments = parser.parse_args()
    finder = open_face_finder(threads=1)
    judge = LandmarkJudge(arguments.data / "evaluation" / "face_landmarker.task")
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in DISTANCES}
    drifts: list[np.ndarray] = []
    for clip in sorted((arguments.data / "faces" / "val").glob("*.mp4")):
        frames = read_frames(clip, arguments.frames)
        truth, faces = judge(frames).landmarks, list(finder.follow(frames))
        seen = np.array([face is not None for face in faces]) & np.isfinite(truth[:, 0, 0])
        if seen.sum() < 8:
            continue
        ours = np.stack([face.landmarks for face, use in zip(faces, seen, strict=True) if face and use])
        apart = ours - truth[seen]
        drifts.append(np.linalg.norm(apart[1:] - apart[0], axis=-1).mean(0))
        for name, (first, second, least) in DISTANCES.items():
            a, b = shares(ours, first, second), shares(truth[seen], first, second)
            if b.std() > least:
                found[name].append((float(np.corrcoef(a, b)[0, 1]), float(a.std() / b.std())))
    judge.close()
    drift = np.mean(drifts, 0)
    for name, points in REGIONS.items():
        print(f"{name:22}  drift {drift[list(points)].mean():.2f} px  ({len(drifts)} clips)")
    for name, values in found.items():
        correlation, share = np.mean(values, 0)
        print(f"{name:22}  correlation {correlation:.3f}  deviation {share:.2f}  ({len(values)} clips)")


if __name__ == "__main__":
    main()
