from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from reenact.config import DEFAULT_MODEL
from reenact.face.align import align, extract_crop
from reenact.generator.renderer import BATCH, Renderer, Source
from reenact.runtime import Session, available_cores
from reenact.types import Crop, Keypoints


@pytest.fixture(scope="module")
def source(engine, face_crop) -> Source:
    (face,) = engine.finder.find(face_crop)
    keypoints = engine.detector.one(face_crop, face, Crop(0, 0, 256))
    return engine.renderer.prepare(face_crop, face_crop, keypoints)


def repeated(keypoints: Keypoints, count: int) -> Keypoints:
    return Keypoints(
        *(
            np.repeat(part[None], count, 0)
            for part in (keypoints.points, keypoints.jacobians, keypoints.landmarks)
        )
    )


@dataclass(frozen=True)
class Counted(Keypoints):
    """Keypoints that note how far they were read."""

    read: list[int] = field(default_factory=list)

    def __getitem__(self, index: int | slice) -> Keypoints:
        assert isinstance(index, slice)
        self.read.append(index.stop)
        return super().__getitem__(index)


def test_no_motion_renders_nearly_the_selfie(engine, source) -> None:
    (frame,) = engine.renderer.render(source, repeated(source.keypoints, 1))
    assert frame.shape == (256, 256, 3)
    assert frame.dtype == np.uint8
    assert np.abs(frame.astype(int) - source.picture).mean() < 8


@pytest.mark.parametrize("count", [1, BATCH + 1])
def test_every_frame_comes_out_in_order_whatever_the_batches(engine, source, count: int) -> None:
    driving = repeated(source.keypoints, count)
    driving.points[:, :, 0] += np.linspace(0, 0.2, count)[:, None]
    driving.landmarks[:, :, 0] += np.linspace(0, 0.2, count)[:, None]
    frames = list(engine.renderer.render(source, driving))
    assert len(frames) == count
    (last,) = engine.renderer.render(source, driving[-1:])
    assert np.abs(frames[-1].astype(int) - last).max() <= 2
    (first,) = engine.renderer.render(source, driving[:1])
    assert np.abs(frames[0].astype(int) - first).max() <= 2


def test_a_shifted_pose_shifts_the_face(engine, source) -> None:
    driving = repeated(source.keypoints, 1)
    driving.points[..., 0] += 0.125  # 16 pixels to the right
    driving.landmarks[..., 0] += 0.125
    (frame,) = engine.renderer.render(source, driving)
    (face,) = engine.finder.find(source.picture)
    (moved,) = engine.finder.find(frame)
    shift = (moved.landmarks - face.landmarks).mean(0)
    assert abs(shift[0] - 16) < 4
    assert abs(shift[1]) < 4


def test_a_larger_source_gives_larger_frames_of_the_same_content(engine, portrait, source) -> None:
    (face,) = engine.finder.find(portrait)
    full = extract_crop(portrait, align(face), 512)
    large = engine.renderer.prepare(source.picture, full, source.keypoints)
    driving = repeated(source.keypoints, 2)
    frames = list(engine.renderer.render(large, driving))
    assert [frame.shape for frame in frames] == [(512, 512, 3)] * 2
    (small,) = engine.renderer.render(source, driving[:1])
    halved = frames[0].reshape(256, 2, 256, 2, 3).mean((1, 3))
    assert np.abs(halved - small).mean() < 6


def test_larger_frames_are_composed_one_at_a_time(engine, portrait, source) -> None:
    """Each takes hundreds of megabytes."""
    sizes = []

    class Counting(Session):
        def run_on_device(self, **tensors):
            sizes.append(len(tensors["rest"]))
            return super().run_on_device(**tensors)

    encode, animate = (
        Session(DEFAULT_MODEL / f"{name}.onnx", device="cpu") for name in ("encode", "animate")
    )
    compose = Counting(DEFAULT_MODEL / "compose.onnx", device="cpu")
    renderer = Renderer(encode, animate, lambda side: compose)
    (face,) = engine.finder.find(portrait)
    large = renderer.prepare(source.picture, extract_crop(portrait, align(face), 512), source.keypoints)
    assert len(list(renderer.render(large, repeated(source.keypoints, BATCH + 1)))) == BATCH + 1
    assert sizes == [1] * (BATCH + 1)


def test_rendering_reads_no_further_ahead_than_its_workers(engine, source) -> None:
    workers = available_cores()
    still = repeated(source.keypoints, (2 * workers + 2) * BATCH)
    driving = Counted(still.points, still.jacobians, still.landmarks)
    frames = engine.renderer.render(source, driving)
    assert driving.read == []
    next(frames)
    assert driving.read == [BATCH * count for count in range(1, 2 * workers + 1)]
    frames.close()


def test_graphs_of_fixed_sizes_make_the_same_frames_and_no_more(engine, portrait, source) -> None:
    """As on a GPU: the last batch is filled up, and what fills it is dropped."""

    def fixed(name: str, **sizes: int) -> Session:
        return Session(DEFAULT_MODEL / f"{name}.onnx", device="cpu", threads=1, sizes=sizes)

    (face,) = engine.finder.find(portrait)
    animate = fixed(engine.graph, batch=3)
    renderer = Renderer(
        fixed("encode"), animate, lambda side: fixed("compose", batch=3, side=side), batch=3, fixed=True
    )
    driving = repeated(source.keypoints, 4)
    driving.points[:, :, 0] += np.linspace(0, 0.2, 4)[:, None]
    driving.landmarks[:, :, 0] += np.linspace(0, 0.2, 4)[:, None]
    for side in (256, 512):
        full = extract_crop(portrait, align(face), side)
        prepared = (
            each.prepare(source.picture, full, source.keypoints) for each in (renderer, engine.renderer)
        )
        ours, theirs = next(prepared), next(prepared)
        found = np.stack(list(renderer.render(ours, driving))).astype(int)
        expected = np.stack(list(engine.renderer.render(theirs, driving)))
        assert found.shape == expected.shape == (4, side, side, 3)
        assert np.abs(found - expected).max() <= 2
