"""The keypoint graph at run time."""

from __future__ import annotations

from collections.abc import Iterable

from reenact.landmarks import MESH_INDICES
from reenact.runtime import Session
from reenact.types import Crop, Face, FloatArray, Keypoints, Picture

CROP_SIZE = 256


class KeypointEstimator:
    """Learned keypoints from the graph, and landmarks from the mesh."""

    def __init__(self, session: Session) -> None:
        """``session`` holds ``keypoints.onnx``."""
        self._session = session

    def one(self, picture: Picture, face: Face, crop: Crop) -> Keypoints:
        """Keypoints of one face.

        Args:
            picture: the content of ``crop``, (256, 256, 3) uint8.
            face: the same face, in pixels of the whole picture.
            crop: position of the crop in the whole picture.
        """
        points, jacobians = self.learned(picture)
        landmarks = crop.to_units(face.landmarks[list(MESH_INDICES)])
        return Keypoints(points[0], jacobians[0], landmarks)

    def learned(self, picture: Picture) -> tuple[FloatArray, FloatArray]:
        """Points (1, K, 2) and jacobians (1, K, 2, 2) of a crop (256, 256, 3), without landmarks."""
        points, jacobians = self._session(picture=picture[None])
        return points, jacobians

    def many(self, frames: Iterable[tuple[Picture, Face]], crop: Crop) -> Keypoints:
        """Keypoints of a clip, with a time axis, from pairs of a cropped frame (256, 256, 3) and its face."""
        return Keypoints.stacked(self.one(picture, face, crop) for picture, face in frames)
