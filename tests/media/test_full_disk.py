"""A disk that is really full, at every step of making a result."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from reenact.errors import DiskFull
from reenact.media import write_clip
from reenact.media.encode import FORMATS
from reenact.provenance.certificate import development_certificate
from reenact.provenance.credentials import sign_clip
from reenact.provenance.origin import Origin
from reenact.types import Clip
from tests.disk import Disk
from tests.sounds import with_tone

FRAMES, PAGE = 8, 4096


def clip() -> Clip:
    noise = np.random.default_rng(0).integers(0, 255, (128, 128, 3), np.uint8)
    return Clip((np.roll(noise, 3 * shift, 1) for shift in range(FRAMES)), Fraction(25), FRAMES)


@pytest.mark.parametrize("format", FORMATS)
def test_it_is_said_and_nothing_is_left(
    small_disk: Callable[[str], Disk], tmp_path: Path, format: str
) -> None:
    disk = small_disk("full")
    certificate = development_certificate(tmp_path / "certificate")
    sign_file = partial(sign_clip, origin=Origin("ab" * 32, None, ()), certificate=certificate)
    out = disk.folder / f"out.{format}"
    plain = write_clip(clip(), out).bytes
    signed = write_clip(clip(), out, sign_file=sign_file).bytes
    out.unlink()
    # From the start; in the middle; at the last page; at the first, a middle and the last of the signed copy.
    for room in (0, plain // 2, plain - PAGE, plain + 2 * PAGE, plain + signed // 2, plain + signed - PAGE):
        disk.fill(leave=room)
        with pytest.raises(DiskFull, match="the disk is full; free some space"):
            write_clip(clip(), out, sign_file=sign_file)
        assert [path.name for path in disk.folder.iterdir()] == ["filling"], room
    disk.empty()
    assert write_clip(clip(), out, sign_file=sign_file).bytes


def test_sound_is_not_left_out_for_want_of_room(small_disk: Callable[[str], Disk], tmp_path: Path) -> None:
    disk = small_disk("full")
    talking = with_tone(write_clip(clip(), tmp_path / "silent.mp4").path, tmp_path / "talking.mp4")
    out = disk.folder / "out.mp4"
    plain = write_clip(clip(), out).bytes
    out.unlink()
    disk.fill(leave=plain + 2 * PAGE)
    with pytest.raises(DiskFull):
        write_clip(Clip(clip().frames, Fraction(25), FRAMES, talking), out)
    assert [path.name for path in disk.folder.iterdir()] == ["filling"]
