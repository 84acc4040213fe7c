"""A motion on disk: ``motion.npz``, arrays only, tied to the keypoint model that made it."""

from __future__ import annotations

import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np

from reenact.errors import MotionOutdated, TemplateNotFound
from reenact.types import Keypoints, Motion


def save_motion(motion: Motion, path: Path) -> None:
    """Write a motion; the file appears only when it is whole."""
    keypoints = motion.keypoints
    temporary = path.with_suffix(".part.npz")
    np.savez_compressed(
        temporary,
        points=keypoints.points.astype(np.float32),
        jacobians=keypoints.jacobians.astype(np.float32),
        landmarks=keypoints.landmarks.astype(np.float32),
        fps=np.array(motion.fps.as_integer_ratio()),
        model=np.array(motion.model),
    )
    temporary.replace(path)


def load_motion(path: Path, model: str) -> Motion:
    """Read a motion made by the keypoint graph whose SHA-256 is ``model``.

    Raises:
        TemplateNotFound: there is no such file, or it is no motion.
        MotionOutdated: another keypoint graph made it.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            keypoints = Keypoints(arrays["points"], arrays["jacobians"], arrays["landmarks"])
            fps = Fraction(*(int(part) for part in arrays["fps"]))
            made_by = str(arrays["model"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise TemplateNotFound(f"{path.parent.name} has no readable motion.npz.") from error
    if made_by != model:
        raise MotionOutdated(
            f"The motion of {path.parent.name} was made with another keypoint model. "
            "Rebuild it: `make templates`, or `reenact templates add` with the clip it came from."
        )
    return Motion(keypoints, fps, made_by)
