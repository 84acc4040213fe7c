"""Clips of every kind that people send, with a face put into them: nothing is turned, stretched or lost."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reenact.engine import Engine
from reenact.media import open_clip
from reenact.types import Picture
from tests.videos import write_video

from .conftest import Client
from .test_swap import COUNT, RATE, SIZE, frames, made, swap  # noqa: F401  # a fixture

pytestmark = pytest.mark.real_engine

WIDTH, HEIGHT = SIZE
DELAYS = [100, 300, 100, 100]  # ms, of animations
Kind = Callable[[Path, list[Picture]], Path]


def animation(name: str, **options: object) -> Kind:
    def write(folder: Path, pictures: list[Picture]) -> Path:
        first, *others = map(Image.fromarray, pictures)
        first.save(
            folder / name,
            save_all=True,
            append_images=others,
            duration=DELAYS,
            loop=0,
            **options,  # type: ignore[arg-type]
        )
        return folder / name

    return write


def see_through(folder: Path, pictures: list[Picture]) -> Path:
    """A GIF whose left edge is transparent."""
    images = [Image.fromarray(np.dstack([each, np.full(each.shape[:2], 255, np.uint8)])) for each in pictures]
    for each in images:
        each.paste((0, 0, 0, 0), (0, 0, 30, each.height))
    images[0].save(folder / "a.gif", save_all=True, append_images=images[1:], duration=100, disposal=2)
    return folder / "a.gif"


def video(name: str, change: Callable[[Picture], Picture] = lambda each: each, **options: object) -> Kind:
    def write(folder: Path, pictures: list[Picture]) -> Path:
        changed = [np.ascontiguousarray(change(each)) for each in pictures]
        return write_video(folder / name, changed, **{"rate": RATE, **options})  # type: ignore[arg-type]

    return write


def squeezed(picture: Picture) -> Picture:
    return np.asarray(Image.fromarray(picture).resize((WIDTH * 3 // 4, HEIGHT)))


@pytest.mark.parametrize(
    ("kind", "format", "size", "count"),
    [
        pytest.param(animation("a.gif"), "gif", SIZE, 6, id="gif with odd delays"),
        pytest.param(see_through, "webp", SIZE, COUNT, id="gif with alpha"),
        pytest.param(animation("a.webp", lossless=True), "webp", SIZE, 6, id="webp with odd delays"),
        pytest.param(video("a.webm", codec="libvpx-vp9"), "mp4", SIZE, COUNT, id="vp9"),
        pytest.param(video("a.mp4", codec="libx265"), "mp4", SIZE, COUNT, id="hevc"),
        pytest.param(
            video("a.mov", lambda each: np.rot90(each, -1), degrees=90), "mp4", SIZE, COUNT, id="rotated"
        ),
        pytest.param(video("a.mkv", times=[0, 100, 200, 500]), "mp4", SIZE, 6, id="variable rate"),
        pytest.param(video("a.mp4", lambda each: each[1:, 1:]), "mp4", (WIDTH, HEIGHT), COUNT, id="odd size"),
        pytest.param(video("a.mp4", squeezed, aspect=Fraction(4, 3)), "mp4", SIZE, COUNT, id="oblong pixels"),
    ],
)
def test_only_the_face_changes(
    client: Client,
    engine: Engine,
    frames: list[Picture],  # noqa: F811
    tmp_path: Path,
    kind: Kind,
    format: str,
    size: tuple[int, int],
    count: int,
) -> None:
    clip = kind(tmp_path, frames)
    job = made(swap(client, clip, format=format))
    about = job["result"]
    assert (about["width"], about["height"]) == size
    out = tmp_path / f"out.{format}"
    out.write_bytes(client.get(about["url"]).data)
    opened, given = open_clip(out), open_clip(clip)
    assert (opened.fps, given.frame_count) == (given.fps, opened.frame_count)
    shown, before = list(opened.frames), list(given.frames)
    assert len(shown) == len(before) == count
    for now, then in zip(shown, before, strict=True):
        height, width = then.shape[:2]
        change = np.abs(now[:height, :width].astype(int) - then).mean(2)
        assert change[90:270, 100:240].mean() > 2 * change[:, :40].mean()
    [face, *others] = engine.finder.find(shown[0])
    assert not others and abs(face.roll) < 0.3
