from __future__ import annotations

import numpy as np

from reenact.face.align import align, extract_crop
from reenact.landmarks import COUNT, MESH_INDICES


def test_one_face_gives_points_and_landmarks_of_its_crop(engine, portrait) -> None:
    (face,) = engine.finder.find(portrait)
    crop = align(face)
    found = engine.detector.one(extract_crop(portrait, crop, 256), face, crop)
    count = found.points.shape[0]
    assert found.points.shape == (count, 2)
    assert found.jacobians.shape == (count, 2, 2)
    assert found.landmarks.shape == (COUNT, 2)
    assert {array.dtype for array in (found.points, found.jacobians, found.landmarks)} == {
        np.dtype(np.float32)
    }
    assert np.abs(found.points).max() < 1
    np.testing.assert_allclose(crop.to_pixels(found.landmarks), face.landmarks[list(MESH_INDICES)], atol=0.01)


def test_a_clip_gives_each_frame_as_it_would_be_alone(engine, portrait) -> None:
    (face,) = engine.finder.find(portrait)
    crop = align(face)
    picture = extract_crop(portrait, crop, 256)
    brighter = np.clip(picture.astype(int) + 30, 0, 255).astype(np.uint8)
    many = engine.detector.many([(picture, face), (brighter, face)], crop)
    assert len(many) == 2
    for index, frame in enumerate((picture, brighter)):
        alone = engine.detector.one(frame, face, crop)
        np.testing.assert_allclose(many[index].points, alone.points, atol=1e-5)
        np.testing.assert_allclose(many[index].landmarks, alone.landmarks, atol=1e-6)
