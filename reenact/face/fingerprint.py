"""A perceptual hash that recognises a photo of a face after scaling, cropping, relighting or re-encoding.

The perceptual hash of Zauner (Implementation and Benchmarking of Perceptual Image Hash Functions, 2010):
signs of the lowest frequencies of a cosine transform. It is computed on the face alone, aligned by its
landmarks, so it does not depend on the framing. It identifies photos, not people: another photo of the same
person has another fingerprint.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reenact.face.square_sampling import Square, sample_square
from reenact.types import Face, Picture

SIDE = 16  # frequencies along each axis
BITS = SIDE * SIDE - 1  # without the mean
MAX_COPY_DISTANCE = 46  # bits; most copies differ in fewer, other people in more (docs/provenance.md)
_SAMPLES = 64  # pixels of the upright face's side
_REACH = 2.6  # the square's side, in mean distances of the landmarks from their middle
_LUMA = np.array([0.299, 0.587, 0.114])  # BT.601
_RIGHT_EYE, _LEFT_EYE = (33, 133, 159, 145), (263, 362, 386, 374)  # corners and lids in the mesh

Bits = NDArray[np.bool_]


def fingerprints(picture: Picture, faces: list[Face]) -> Bits:
    """The fingerprint of each face, and of its mirror image: (F, 2, BITS)."""
    found = np.empty((len(faces), 2, BITS), np.bool_)
    for place, face in zip(found, faces, strict=True):
        upright = face_grey(picture, face)
        place[0], place[1] = perceptual_hash(upright), perceptual_hash(upright[:, ::-1])
    return found


def face_grey(picture: Picture, face: Face) -> NDArray[np.float64]:
    """The aligned face in grey: (64, 64) float64, 0 to 255."""
    return np.asarray(sample_square(picture, _square(face), _SAMPLES) @ _LUMA)


def hamming_distance(one: Bits, other: Bits) -> NDArray[np.intp]:
    """Hamming distance of fingerprints (..., BITS)."""
    return np.asarray(np.count_nonzero(one != other, axis=-1))


def _square(face: Face) -> Square:
    """The aligned square: centre and size from all landmarks, rotation from the eyes."""
    points = face.landmarks[:468]
    middle = points.mean(0)
    spread = np.sqrt(np.square(points - middle).sum(1).mean())
    across = face.landmarks[list(_LEFT_EYE)].mean(0) - face.landmarks[list(_RIGHT_EYE)].mean(0)
    turn = float(np.arctan2(across[1], across[0]))
    return Square(float(middle[0]), float(middle[1]), float(_REACH * spread), turn)


def perceptual_hash(grey: NDArray[np.floating]) -> Bits:
    """Perceptual hash: which of the lowest DCT-II coefficients are above their median, (BITS,)."""
    steps = np.pi / (2 * len(grey)) * (2 * np.arange(len(grey)) + 1)
    cosines = np.cos(np.arange(SIDE)[:, None] * steps)
    lowest = (cosines @ grey @ cosines.T).reshape(-1)[1:]
    return np.asarray(lowest > np.median(lowest))
