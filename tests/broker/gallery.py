"""Templates for tests that need many jobs: a shipped motion, cut to a few frames or repeated for minutes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from .machines import ROOT

FRAMES, MIDDLE_FRAMES, LONG_FRAMES = 6, 150, 3000
_SHIPPED = ROOT / "templates_media" / "motions" / "nod"


def make_gallery(folder: Path) -> Path:
    """Write the templates ``tiny``, ``middle`` and ``long``; the folder to name in REENACT_TEMPLATES."""
    with np.load(_SHIPPED / "motion.npz", allow_pickle=False) as arrays:
        motion = dict(arrays)
    for id, frames in (("tiny", FRAMES), ("middle", MIDDLE_FRAMES), ("long", LONG_FRAMES)):
        place = folder / id
        place.mkdir(parents=True)
        shutil.copy(_SHIPPED / "template.toml", place)
        which = np.arange(frames) % len(motion["points"])
        cut = {name: motion[name][which] for name in ("points", "jacobians", "landmarks")}
        np.savez(place / "motion.npz", **motion | cut)
    return folder
