"""Which mesh points join the learned keypoints as landmark keypoints, and how they mirror.

Learned keypoints see where a head goes but hardly lids, lips and gaze; these see exactly that. Indices are
MediaPipe's; 468 and 473 are the iris centres.
"""

from __future__ import annotations

LIPS = (61, 291, 0, 17, 13, 14, 81, 311, 178, 402)
LIDS = (159, 145, 386, 374)
EYE_CORNERS = (33, 133, 362, 263)
IRISES = (468, 473)
BROWS = (105, 334, 107, 336)
OUTLINE = (1, 10, 152, 234, 454, 172, 397)  # nose tip, forehead, chin, cheeks, jaw
MESH_INDICES = LIPS + LIDS + EYE_CORNERS + IRISES + BROWS + OUTLINE
COUNT = len(MESH_INDICES)

_PAIRS = (
    *((61, 291), (81, 311), (178, 402), (159, 386), (145, 374), (33, 263), (133, 362)),
    *((468, 473), (105, 334), (107, 336), (234, 454), (172, 397)),
)
_PARTNER = dict(_PAIRS) | {right: left for left, right in _PAIRS}
MIRRORED = tuple(MESH_INDICES.index(_PARTNER.get(index, index)) for index in MESH_INDICES)
"""Position in ``MESH_INDICES`` of each landmark's partner on the other half of the face."""

MOUTH_SLICE = slice(0, len(LIPS))
EYES_SLICE = slice(len(LIPS), len(LIPS + LIDS + EYE_CORNERS + IRISES))

GAPS = tuple(
    tuple(MESH_INDICES.index(index) for index in gap)
    for gap in (
        *((13, 14, 61, 291), (81, 178, 61, 291), (311, 402, 61, 291)),
        *((159, 145, 33, 133), (386, 374, 362, 263)),
    )
)
"""Positions of upper and lower rim and of the two corners: three gaps of the mouth, one of each eye."""

MOUTH_GAPS = 3  # the first of ``GAPS``, of which the first is the mouth's middle

OPENINGS = tuple((upper, lower) for upper, lower, *_ in (GAPS[0], *GAPS[MOUTH_GAPS:]))
"""Positions of upper and lower inner lip, and of the upper and lower lid of each eye."""
