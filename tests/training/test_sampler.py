from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
import torch

from reenact.landmarks import COUNT, MESH_INDICES, OPENINGS
from reenact.training.dataset import Pack
from reenact.training.sampler import (
    EXPRESSIVE,
    GROUP_WEIGHTS,
    STILLS_WEIGHT,
    TURNED,
    PairSampler,
    expressions,
    head_turns,
)

CPU = torch.device("cpu")
# (group, person, frames): person a of talk has three clips, b has one.
CLIPS = [("talk", "a", 3), ("talk", "a", 2), ("talk", "a", 4), ("talk", "b", 2), ("paintings", "-1", 5)]


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    folder, first, clips = tmp_path_factory.mktemp("pack"), 0, []
    for index, (group, person, count) in enumerate(CLIPS):
        kept = list(range(count))
        clips.append({"file": f"{index}.mp4", "person": person, "group": group, "first": first, "kept": kept})
        first += count
    frames = np.zeros((first, 256, 256, 3), np.uint8)
    frames[:, 3, 5] = np.arange(first)[:, None] * 10 + [0, 1, 2]
    np.save(folder / "frames.npy", frames)
    np.save(
        folder / "landmarks.npy", np.random.default_rng(0).normal(size=(first, 478, 2)).astype(np.float16)
    )
    (folder / "clips.json").write_text(json.dumps(clips))
    return Pack(folder)


@pytest.fixture(params=[False, True], ids=["on disk", "on device"])
def sampler(request: pytest.FixtureRequest, pack: Pack) -> PairSampler:
    torch.manual_seed(0)
    return PairSampler(pack, CPU, on_device=request.param)


def clip_of(row: int) -> int:
    starts = np.cumsum([0] + [count for _, _, count in CLIPS])
    return int(np.searchsorted(starts, row, "right") - 1)


def test_a_pair_is_of_one_clip_and_never_one_frame_twice(sampler: PairSampler) -> None:
    source, driving = sampler.rows(2000)
    assert [clip_of(row) for row in source] == [clip_of(row) for row in driving]
    assert (source != driving).all()
    assert set(source) == set(driving) == set(range(sum(count for _, _, count in CLIPS)))


def test_groups_are_drawn_by_weight_and_people_alike(sampler: PairSampler) -> None:
    drawn = Counter(clip_of(row) for row in sampler.rows(4000)[0])
    talk = sum(drawn[clip] for clip in range(4))
    expected = GROUP_WEIGHTS["talk"] / (GROUP_WEIGHTS["talk"] + STILLS_WEIGHT)
    assert talk / 4000 == pytest.approx(expected, abs=0.03)
    assert drawn[3] / talk == pytest.approx(0.5, abs=0.04)  # person b, with one clip of four
    for clip in range(3):
        assert drawn[clip] / talk == pytest.approx(1 / 6, abs=0.03)


def test_pictures_are_the_rows_asked_for(sampler: PairSampler) -> None:
    pictures, landmarks = sampler.frames(np.array([4, 2, 4]))
    assert torch.equal(landmarks, sampler.landmarks[[4, 2, 4]])
    assert pictures.shape == (3, 3, 256, 256)
    assert pictures.dtype == torch.float32
    found = (pictures[:, :, 3, 5] * 255).round().int().tolist()
    assert found == [[40, 41, 42], [20, 21, 22], [40, 41, 42]]


def test_landmarks_are_the_ones_that_the_networks_know(sampler: PairSampler, pack: Pack) -> None:
    assert sampler.landmarks.shape == (len(pack), COUNT, 2)
    expected = pack.landmarks[3, MESH_INDICES[7]].astype(np.float32)
    assert sampler.landmarks[3, 7].tolist() == expected.tolist()


def test_draws_come_from_torchs_generator(sampler: PairSampler) -> None:
    torch.manual_seed(5)
    first = sampler.rows(20)
    torch.manual_seed(5)
    assert np.array_equal(first, sampler.rows(20))
    assert not np.array_equal(first, sampler.rows(20))


def test_an_expression_is_what_is_open_whatever_the_size() -> None:
    landmarks = np.zeros((1, COUNT, 2), np.float32)
    landmarks[0, MESH_INDICES.index(152)] = 0, 1  # the chin, one face height below the forehead
    (lips, lid, _), opening = OPENINGS, np.array([0, 0.1], np.float32)
    landmarks[0, lips[1]], landmarks[0, lid[1]] = opening * 2, opening
    assert expressions(landmarks)[0] == pytest.approx([0.2, 0.3, 0])
    assert expressions(landmarks * 3)[0] == pytest.approx([0.2, 0.3, 0])


@pytest.mark.parametrize(("what", "aimed"), [("_expressions", EXPRESSIVE), ("_turns", TURNED)])
def test_what_differs_most_is_drawn_more_often(pack: Pack, what: str, aimed: float) -> None:
    sampler = PairSampler(pack, CPU, on_device=False)
    last = sum(count for _, _, count in CLIPS) - 1  # of the still's five
    sampler._expressions, sampler._turns = (
        np.zeros_like(all) for all in (sampler._expressions, sampler._turns)
    )
    getattr(sampler, what)[last] = 1
    source, driving = sampler.rows(6000)
    of_clip = np.array([clip_of(row) == 4 for row in source]) & (source != last)
    share = (driving[of_clip] == last).mean()
    assert share == pytest.approx(aimed + (1 - aimed) / 4, abs=0.06)


def test_turns_tell_where_the_nose_points_whatever_the_faces_size_and_tilt() -> None:
    """Rows: straight on, turned, the same smaller and tilted, nodding."""
    face = np.zeros((4, COUNT, 2), np.float32)
    cheeks = [MESH_INDICES.index(index) for index in (234, 454)]
    nose = MESH_INDICES.index(1)
    face[:, cheeks] = [[-0.4, 0], [0.4, 0]]
    face[1:3, nose], face[3, nose] = [0.2, 0], [0, 0.1]
    face[2] = face[2] @ np.float32([[0.8, 0.6], [-0.6, 0.8]]) / 2 + 0.1
    expected = [[0, 0], [0.5, 0], [0.5, 0], [0, 0.25]]
    np.testing.assert_allclose(head_turns(face), expected, atol=1e-6)
