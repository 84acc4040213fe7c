"""The mark is read back from what chat apps make of a clip, and from nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reenact.errors import DrivingUnreadable, InvalidOption
from reenact.gallery import list_portraits
from reenact.media import EncodeOptions, open_clip, read_picture, write_clip
from reenact.provenance.report_text import report_sentences
from reenact.provenance.verify import verify
from reenact.types import Clip, Picture
from reenact.watermark.code import CODED_BITS, decode, encode
from reenact.watermark.detect import FALSE_POSITIVE_RATE, DetectedMark, detect
from reenact.watermark.embed import Marker, Watermark
from reenact.watermark.lapped_transform import COEFFICIENTS, analyze, synthesize
from reenact.watermark.places import TilePlacement
from reenact.watermark.sampling import Sample

from .attacks import ATTACKS, Attack, mirrored, scaled, send, write

KEY, ID = b"a key", 0x0123456789ABCDEF


def portrait_clip(portrait: int, side: int = 512, count: int = 12) -> list[Picture]:
    """A real picture whose middle drifts, as faces do."""
    picture = read_picture(list_portraits()[portrait].path)
    image = Image.fromarray(picture).resize((side + 2 * count, side + 2 * count), Image.Resampling.LANCZOS)
    whole = np.asarray(image)
    frames = [whole[:side, :side].copy() for _ in range(count)]
    middle = slice(side // 4, side * 3 // 4)
    for at, frame in enumerate(frames):
        frame[middle, middle] = whole[at : at + side, at : at + side][middle, middle]
    return frames


def marked(frames: list[Picture], id: int = ID, key: bytes = KEY) -> list[Picture]:
    return list(map(Marker(Watermark(id, key)).mark, frames))


def read(path: Path) -> DetectedMark | None:
    return verify(path, KEY).watermark


WAYS = {"as made": Attack(list, 1, crf=16), "mirrored": Attack(mirrored, 1), **ATTACKS}


@pytest.mark.parametrize("name", WAYS)
def test_mark_is_read_after(name: str, tmp_path: Path) -> None:
    """Of how many results it is read stands in docs/provenance.md; ``tests.provenance.bars`` measures it."""
    found = read(send(marked(portrait_clip(0)), WAYS[name], tmp_path))
    assert found is not None
    assert (found.id, found.mirrored) == (ID, name == "mirrored")
    assert found.confidence > 0.75
    assert found.frames == 12


def test_mark_is_found_at_a_scale_nobody_expects(tmp_path: Path) -> None:
    found = read(send(marked(portrait_clip(0)), Attack(scaled(0.83), 1), tmp_path))
    assert found is not None
    assert found.id == ID
    assert abs(found.scale - 0.83) < 0.01


@pytest.mark.parametrize("portrait", range(4))
def test_square_is_read_after_strict_encoding_and_any_crop(portrait: int, tmp_path: Path) -> None:
    frames = marked(portrait_clip(portrait, 256, 9))
    found = read(send(frames, Attack(list, 1, crf=28), tmp_path))
    assert found is not None and found.id == ID
    cut = [np.ascontiguousarray(frame[17:-9, 5:-21]) for frame in frames]
    found = detect(lambda: iter(cut), KEY)
    assert found is not None and found.id == ID


@pytest.mark.parametrize("portrait", range(4))
def test_picture_stays_as_it_was(portrait: int) -> None:
    before = portrait_clip(portrait, 256, 9)
    after = marked(before)
    error = np.mean([np.square(a.astype(float) - b).mean() for a, b in zip(after, before, strict=True)])
    assert 10 * np.log10(255**2 / error) > 42


def wall(side: int, grain: float = 2.1) -> Picture:
    """A plain wall, lit from one side, with the grain of a camera."""
    light = np.linspace(180, 190, side)[:, None]
    levels = light + np.random.default_rng(0).normal(0, grain, (side, side))
    return np.rint(levels).astype(np.uint8)[..., None].repeat(3, 2)


def roughness(frame: Picture) -> float:
    """The standard deviation in squares of 64 pixels of a side, the mean of them."""
    side = len(frame) // 64
    return float(frame[..., 1].reshape(side, 64, side, 64).std((1, 3)).mean())


@pytest.mark.parametrize("side", [256, 512])
@pytest.mark.parametrize("grain", [0.7, 2.1])
def test_plain_walls_stay_plain(side: int, grain: float, tmp_path: Path) -> None:
    plain = [wall(side, grain)] * 9
    made = marked(plain)
    shown = [
        write(frames, tmp_path / f"{at}.mp4", EncodeOptions()) for at, frames in enumerate((plain, made))
    ]
    before, after = (list(open_clip(path).frames) for path in shown)
    for one, other in ((plain[0], made[0]), (before[0], after[0]), (before[-1], after[-1])):
        assert roughness(other) - roughness(one) < 0.2


def test_mark_of_an_earlier_version_is_read() -> None:
    """Version 0.1.0 marked flat ground twice as strongly."""
    found = read(Path(__file__).with_name("marked-0.1.0.jpg"))
    assert found is not None and found.id == ID


def test_as_much_is_looked_at_of_any_clip() -> None:
    taken = 0

    def endless() -> Iterator[Picture]:
        nonlocal taken
        while True:
            taken += 1
            yield picture

    picture = wall(2000)
    sample = Sample(endless)
    assert taken <= 128
    assert all(luma.size <= 1 << 20 for luma in sample.lumas)
    for scale in (0.4, 1, 2.1):
        assert TilePlacement(0, scale).upright(sample.lumas[0]).size <= 1030**2
    picture = wall(128)
    assert detect(endless, KEY) is None


def test_another_key_is_tried_on_what_was_decoded(tmp_path: Path) -> None:
    path = send(marked(portrait_clip(0, 256, 3)), Attack(list, 1), tmp_path)
    found = verify(path, b"another key", other=KEY).watermark
    assert found is not None and found.id == ID
    assert verify(path, b"another key").watermark is None


def test_no_mark_is_found_where_there_is_none() -> None:
    for portrait in range(4):
        frames = portrait_clip(portrait, 256, 2)
        assert detect(lambda frames=frames: iter(frames), KEY) is None


def test_mark_of_another_key_is_not_found() -> None:
    frames = marked(portrait_clip(0, 256, 3), key=b"another key")
    assert detect(lambda: iter(frames), KEY) is None
    found = detect(lambda: iter(frames), b"another key")
    assert found is not None and found.id == ID


def test_designed_false_alarms_are_fewer_than_one_in_a_million() -> None:
    assert FALSE_POSITIVE_RATE <= 1e-6


@pytest.mark.parametrize("size", [(1, 1), (8, 1), (31, 300), (40, 33), (64, 65)])
def test_frames_too_small_for_a_mark_are_no_error(size: tuple[int, int]) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    assert Marker(Watermark(5)).mark(frame).shape == frame.shape
    assert detect(lambda: iter([frame, frame])) is None


def test_black_and_white_frames_can_be_marked_without_overflow() -> None:
    frames = [np.full((66, 98, 3), level, np.uint8) for level in (0, 255)]
    for frame, changed in zip(frames, marked(frames), strict=True):
        assert np.abs(frame.astype(int) - changed).max() <= 5
    assert detect(lambda: iter(frames), KEY) is None


def test_waves_are_orthonormal_and_do_not_hear_the_mean() -> None:
    amounts = np.random.default_rng(0).normal(0, 20, (5, 7, COEFFICIENTS)).astype(np.float32)
    picture = synthesize(amounts, 100, 130)
    assert np.allclose(analyze(picture + 100), amounts, atol=1e-2)
    assert np.allclose(np.square(picture).sum(), np.square(amounts).sum(), rtol=1e-4)


def test_codeword_stands_noise_and_pure_noise_names_no_id() -> None:
    random = np.random.default_rng(0)
    word = 1 - 2 * encode(ID, KEY).astype(np.float32)
    noisy = [decode((word + random.normal(0, 0.9, CODED_BITS)).astype(np.float32), KEY) for _ in range(20)]
    assert noisy == [ID] * 20
    noise = [decode(random.normal(0, 1, CODED_BITS).astype(np.float32), KEY) for _ in range(200)]
    assert noise == [None] * 200


def test_report_is_honest_about_what_it_cannot_tell(tmp_path: Path) -> None:
    path = tmp_path / "plain.mp4"
    write_clip(Clip(iter(portrait_clip(1, 128, 3)), Fraction(25)), path)
    report = verify(path)
    assert report.verdict == "cannot_tell"
    assert report_sentences(report)[0].startswith("Cannot tell.")


def test_bad_ids_and_empty_clips_are_refused() -> None:
    with pytest.raises(InvalidOption):
        Watermark(1 << 64)
    with pytest.raises(DrivingUnreadable):
        detect(lambda: iter([]), KEY)
