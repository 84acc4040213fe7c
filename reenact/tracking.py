"""A clip -> its motion, as the engine's model sees it.

frames -> a face in each -> one square for all -> keypoints -> steadied
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from reenact.engine import Engine
from reenact.errors import DrivingStill, NoFaceFound
from reenact.face.align import align, cut
from reenact.generator.renderer import NATIVE_SIZE
from reenact.media import VIDEO_LIMITS, VideoLimits, open_clip
from reenact.motion.steady import steadied
from reenact.types import Clip, Crop, Face, Motion, Picture, Watch


def track(
    engine: Engine,
    clip: Path,
    *,
    crop: Crop | None = None,
    part: tuple[int, int | None] = (0, None),
    limits: VideoLimits = VIDEO_LIMITS,
    watch: Watch | None = None,
) -> Motion:
    """Take the motion from a clip, steadied. The clip is read twice, so that memory does not grow with it.

    Args:
        engine: opened once.
        clip: any format that ``open_clip`` reads.
        crop: the square to look at; None means the square around the face, fixed for the clip.
        part: first frame that is used and the one after the last; None: to the end.
        limits: of the clip.
        watch: is told of every frame, always as 0 done.

    Raises:
        NoFaceFound: fewer than half of its frames show a face.
        InputError: the clip cannot be used.
    """

    def frames(opened: Clip) -> Iterator[Picture]:
        for frame in islice(opened.frames, *part):
            yield frame
            if watch:
                watch(0, opened.frame_count or 0)

    faces = known_faces(list(engine.finder.follow(frames(open_clip(clip, limits)))))
    square = crop or _steady_crop(faces)
    again = open_clip(clip, limits)
    cuts = (cut(frame, square, NATIVE_SIZE) for frame in frames(again))
    keypoints = engine.detector.many(zip(cuts, faces, strict=True), square)
    return Motion(steadied(keypoints, again.fps), again.fps, engine.model)


def moving(motion: Motion) -> Motion:
    """The motion of a clip; raises DrivingStill where it can move nothing."""
    if len(motion) == 1:
        raise DrivingStill(
            "The clip is a single picture, so nothing would move. Send one in which a face moves."
        )
    return motion


def known_faces(found: list[Face | None]) -> list[Face]:
    """Fill frames without a face from the nearest frame that has one."""
    seen = np.array([index for index, face in enumerate(found) if face is not None])
    if 2 * len(seen) < len(found) or not len(seen):
        raise NoFaceFound(
            f"A face was found in {len(seen)} of {len(found)} frames of the driving clip. "
            "Use a clip that shows one face from the front all the time."
        )
    nearest = (seen[np.abs(seen - wanted).argmin()] for wanted in range(len(found)))
    return [face for index in nearest if (face := found[index]) is not None]


def _steady_crop(faces: list[Face]) -> Crop:
    """One square for a whole clip: the median of the squares of its frames."""
    squares = np.array(
        [(crop.left + crop.side / 2, crop.top + crop.side / 2, crop.side) for crop in map(align, faces)]
    )
    x, y, side = (float(value) for value in np.median(squares, 0))
    return Crop(x - side / 2, y - side / 2, side)
