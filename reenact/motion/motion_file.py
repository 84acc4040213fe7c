"""A motion on disk: ``motion.npz``, arrays only, tied to the keypoint model that made it."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib.npyio import NpzFile

from reenact.errors import MotionOutdated, TemplateNotFound
from reenact.landmarks import MESH_INDICES
from reenact.os_errors import is_programming_error, unwritable
from reenact.types import Keypoints, Motion


def save_motion(motion: Motion, path: Path) -> None:
    """Write a motion; the file appears only when it is whole.

    Raises:
        OutputError: it cannot be written there.
    """
    keypoints = motion.keypoints
    path = Path(os.path.realpath(path))  # a link is written through
    temporary = path.with_suffix(".part.npz")
    try:
        np.savez_compressed(
            temporary,
            points=keypoints.points.astype(np.float32),
            jacobians=keypoints.jacobians.astype(np.float32),
            landmarks=keypoints.landmarks.astype(np.float32),
            fps=np.array(motion.fps.as_integer_ratio()),
            model=np.array(motion.model),
        )
        temporary.replace(path)
    except OSError as error:
        raise unwritable(f"The motion {path}", error) from error
    finally:
        temporary.unlink(missing_ok=True)


def load_motion(path: Path, model: str) -> Motion:
    """Read a motion made by the keypoint graph whose SHA-256 is ``model``; nobody may change its arrays.

    Raises:
        TemplateNotFound: there is no such file, or it is no motion.
        MotionOutdated: another keypoint graph made it.
    """
    unreadable = f"{path.parent.name} has no readable motion.npz."
    try:
        # Opened here: np.load leaves the file open when it is damaged.
        with path.open("rb") as file, _archive(file) as arrays:
            keypoints = Keypoints(arrays["points"], arrays["jacobians"], arrays["landmarks"])
            frames, seconds = arrays["fps"].ravel()
            fps = Fraction(int(frames), int(seconds))
            made_by = str(arrays["model"])
    except Exception as error:  # numpy, zipfile and zlib raise many unrelated types here
        if is_programming_error(error):
            raise
        raise TemplateNotFound(unreadable) from error
    if made_by != model:
        raise MotionOutdated(
            f"The motion of {path.parent.name} was made with another keypoint model. "
            "Rebuild it: `make templates`, or `reenact templates add` with the clip it came from."
        )
    if not _is_motion(keypoints) or fps <= 0:
        raise TemplateNotFound(unreadable)
    for array in (keypoints.points, keypoints.jacobians, keypoints.landmarks):
        array.flags.writeable = False  # the gallery gives the same motion to many
    return Motion(keypoints, fps, made_by)


def _archive(file: BinaryIO) -> NpzFile:
    arrays = np.load(file, allow_pickle=False)
    if not isinstance(arrays, NpzFile):
        raise ValueError("it is a single array")
    return arrays


def _is_motion(keypoints: Keypoints) -> bool:
    """Whether the arrays fit together and hold at least one frame."""
    arrays = (keypoints.points, keypoints.jacobians, keypoints.landmarks)
    if keypoints.points.ndim != 3 or not len(keypoints):
        return False
    frames, count = keypoints.points.shape[:2]
    shapes = [(frames, count, 2), (frames, count, 2, 2), (frames, len(MESH_INDICES), 2)]
    return [array.shape for array in arrays] == shapes and {array.dtype.str for array in arrays} == {"<f4"}
