from __future__ import annotations

import numpy as np

from reenact.landmarks import (
    COUNT,
    EYE_CORNERS,
    EYES_SLICE,
    IRISES,
    LIDS,
    LIPS,
    MESH_INDICES,
    MIRRORED,
    MOUTH_SLICE,
)


def test_indices_are_distinct_points_of_the_mesh() -> None:
    assert COUNT == len(set(MESH_INDICES)) == len(MIRRORED)
    assert 0 <= min(MESH_INDICES) and max(MESH_INDICES) < 478


def test_mirroring_twice_changes_nothing() -> None:
    assert [MIRRORED[MIRRORED[index]] for index in range(COUNT)] == list(range(COUNT))


def test_slices_name_mouth_and_eyes() -> None:
    assert MESH_INDICES[MOUTH_SLICE] == LIPS
    assert MESH_INDICES[EYES_SLICE] == LIDS + EYE_CORNERS + IRISES


def test_partners_are_the_points_of_the_other_half_on_a_real_face(engine, portrait) -> None:
    (face,) = engine.finder.find(portrait)
    (flipped,) = engine.finder.find(np.ascontiguousarray(portrait[:, ::-1]))
    chosen = face.landmarks[list(MESH_INDICES)]
    back = flipped.landmarks[list(MESH_INDICES)][list(MIRRORED)]
    back = np.stack([portrait.shape[1] - back[:, 0], back[:, 1]], -1)
    error = np.hypot(*(back - chosen).T) / face.height
    assert error.max() < 0.06
    assert error[EYES_SLICE].max() < 0.02  # their network sees each eye enlarged, the left one mirrored
