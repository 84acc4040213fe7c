"""The face tracks of a clip on disk: ``faces.npz``, so that a stored clip is tracked only once."""

from __future__ import annotations

import logging
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from reenact.engine import Engine
from reenact.errors import InvalidOption, MotionOutdated, TemplateNotFound
from reenact.face_track import CleanFace, FaceTrack
from reenact.footage import Footage, open_footage
from reenact.media import VIDEO_LIMITS, WHOLE, Span
from reenact.os_errors import is_programming_error, unwritable
from reenact.types import FloatArray, Keypoints, ProgressCallback, Template

log = logging.getLogger(__name__)

VERSION = 1
_ARRAYS = ("points", "jacobians", "landmarks")


def save_footage(footage: Footage, path: Path) -> None:
    """Write the tracks of a whole clip; the file appears only when it is complete.

    Raises:
        OutputError: it cannot be written there.
    """
    path = Path(os.path.realpath(path))
    temporary = path.with_suffix(".part.npz")
    arrays: dict[str, Any] = {
        "version": np.array(VERSION),
        "model": np.array(footage.model),
        "fps": np.array(footage.fps.as_integer_ratio()),
        "size": np.array(footage.size),
        "tracks": np.array(len(footage.tracks)),
    }
    for number, track in enumerate(footage.tracks):
        arrays |= {f"{number}.{name}": array for name, array in _arrays_of(track).items()}
    try:
        np.savez_compressed(temporary, **arrays)
        temporary.replace(path)
    except OSError as error:
        raise unwritable(f"The faces {path}", error) from error
    finally:
        temporary.unlink(missing_ok=True)


def template_footage(
    engine: Engine, template: Template, span: Span = WHOLE, on_progress: ProgressCallback | None = None
) -> Footage:
    """The stored face tracks of a template's clip; if there are none, the faces are tracked now.

    Raises:
        InvalidOption: the template has no clip, or no frame of it lies in ``span``.
        InputError: no face of the clip can be replaced (see ``open_footage``).
    """
    if template.driving is None:
        raise InvalidOption(
            f"The template {template.id} is a movement without a clip, so no face can be put into it. Choose "
            "one that has a clip."
        )
    if template.faces:
        try:
            return load_footage(template.faces, template.driving, engine.model).trimmed(span)
        except (MotionOutdated, TemplateNotFound) as error:
            log.warning("The clip of %s is tracked anew: %s", template.id, error)
    return open_footage(engine, template.driving, span=span, on_progress=on_progress)


def load_footage(path: Path, clip: Path, model: str) -> Footage:
    """The tracks of ``clip`` from ``path``; they must come from the keypoint graph with SHA-256 ``model``.

    Raises:
        TemplateNotFound: there is no such file, or it is damaged.
        MotionOutdated: it was made by another keypoint graph, or has another format version.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            if (int(arrays["version"]), str(arrays["model"])) != (VERSION, model):
                raise MotionOutdated(
                    f"The faces of {path.parent.name} were tracked with another model. Add the clip again."
                )
            tracks = tuple(_track_of(arrays, number) for number in range(int(arrays["tracks"])))
            frames, seconds = (int(value) for value in arrays["fps"])
            width, height = (int(value) for value in arrays["size"])
    except MotionOutdated:
        raise
    except Exception as error:  # numpy, zipfile and zlib raise many unrelated types here
        if is_programming_error(error):
            raise
        raise TemplateNotFound(f"{path.parent.name} has no readable {path.name}.") from error
    return Footage(
        clip,
        WHOLE,
        VIDEO_LIMITS,
        Fraction(frames, seconds),
        (width, height),
        clip,
        Fraction(0),
        tracks,
        model,
        tuple(range(len(tracks))),
    )


def _arrays_of(track: FaceTrack) -> dict[str, Any]:
    """The stored arrays of a track. Mesh landmarks are stored as float16, since only the mask needs them."""
    shots = np.array(sorted(track.clean))
    clean = [track.clean[shot] for shot in shots.tolist()]
    poses = {name: getattr(track.keypoints, name) for name in _ARRAYS}
    still = {f"clean_{name}": np.stack([getattr(each.pose, name) for each in clean]) for name in _ARRAYS}
    return {
        **poses,
        **still,
        "mesh": track.landmarks.astype(np.float16),
        "squares": track.squares,
        "visibility": track.visibility,
        "shots": track.shots,
        "clean_shots": shots,
        "clean_pictures": np.stack([each.picture for each in clean]),
    }


def _track_of(arrays: Any, number: int) -> FaceTrack:
    def of(name: str) -> FloatArray:
        return np.asarray(arrays[f"{number}.{name}"], np.float32)

    pictures = arrays[f"{number}.clean_pictures"]
    poses = Keypoints(*(of(f"clean_{name}") for name in _ARRAYS))
    shots = arrays[f"{number}.clean_shots"].tolist()
    return FaceTrack(
        of("squares"),
        of("mesh"),
        Keypoints(*(of(name) for name in _ARRAYS)),
        of("visibility"),
        np.asarray(arrays[f"{number}.shots"], np.intp),
        {shot: CleanFace(pictures[place], poses[place]) for place, shot in enumerate(shots)},
    )
