from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reenact.errors import NoFaceFound, UnsupportedMedia
from reenact.training.dataset import (
    STILL_VARIANTS,
    Pack,
    pack_clips,
    read_frames,
    still_variant,
    unpack_frames,
)
from reenact.types import Crop


def test_clips_are_packed_in_order_and_useless_ones_left_out(pack_folder: Path) -> None:
    pack = Pack(pack_folder)
    assert [(clip.file, clip.group, clip.first, len(clip.kept)) for clip in pack.clips] == [
        ("train/talk-1.mp4", "talk", 0, 4),
        ("train/news-2.mp4", "news", 4, 3),
        ("stills/painting.png", "paintings", 7, STILL_VARIANTS),
    ]
    assert len(pack) == 7 + STILL_VARIANTS
    assert pack.frames.shape == (len(pack), 256, 256, 3)
    assert pack.frames.dtype == np.uint8
    assert pack.landmarks.shape == (len(pack), 478, 2)


def test_frames_are_those_of_the_clips(pack_folder: Path, data: Path, face_crop: np.ndarray) -> None:
    pack = Pack(pack_folder)
    assert np.array_equal(pack.frames[:4], read_frames(data / "train/talk-1.mp4"))
    assert np.abs(pack.frames[0].astype(int) - face_crop).mean() < 4


def test_a_machine_without_pyav_reads_the_same_frames(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cv2", reason="optional part missing: cv2")
    wanted = read_frames(data / "train/talk-1.mp4")
    monkeypatch.setitem(sys.modules, "av", None)
    found = read_frames(data / "train/talk-1.mp4")
    assert len(found) == len(wanted) == 4
    assert all(frame.dtype == np.uint8 for frame in found)
    assert np.abs(np.stack(found).astype(int) - np.stack(wanted)).mean() < 1.5


def test_landmarks_are_where_the_finder_sees_them(engine, pack_folder: Path) -> None:
    pack = Pack(pack_folder)
    whole = Crop(0, 0, 256)
    for row in (0, 3, 7, 8):
        (face,) = engine.finder.find(np.array(pack.frames[row]))
        assert np.abs(whole.to_units(face.landmarks) - pack.landmarks[row]).mean() < 0.02
    shift = (pack.landmarks[3].astype(float) - pack.landmarks[0]).mean(0)
    assert shift == pytest.approx([18 / 128, 0], abs=0.03)


def test_frames_can_be_remade_from_the_small_files(pack_folder: Path, data: Path, tmp_path: Path) -> None:
    shutil.copy(pack_folder / "clips.json", tmp_path)
    shutil.copy(pack_folder / "landmarks.npy", tmp_path)
    assert unpack_frames(data, tmp_path) == len(Pack(pack_folder))
    assert (tmp_path / "frames.npy").read_bytes() == (pack_folder / "frames.npy").read_bytes()


def test_the_other_split_takes_no_stills_and_a_limit_spreads_over_the_clip(
    data: Path, tmp_path: Path
) -> None:
    pack_clips(data, tmp_path / "val", split="val", workers=1)
    assert [clip.file for clip in Pack(tmp_path / "val").clips] == ["val/talk-5.mp4"]
    pack_clips(data, tmp_path / "few", per_clip=2, workers=1)
    assert [clip.kept for clip in Pack(tmp_path / "few").clips] == [(0, 3), (0, 2), (0, 4)]


def only(data: Path, folder: Path, *files: str) -> Path:
    """A copy of the data set whose manifest names these files only."""
    shutil.copytree(data, folder)
    lines = (folder / "manifest.tsv").read_text().splitlines()
    kept = [line for line in lines[1:] if line.split("\t")[0] in files]
    (folder / "manifest.tsv").write_text("\n".join([lines[0], *kept]) + "\n")
    return folder


def test_a_set_without_faces_is_refused(data: Path, tmp_path: Path) -> None:
    folder = only(data, tmp_path / "data", "train/no-face.mp4", "train/one-frame.mp4")
    with pytest.raises(NoFaceFound, match="train"):
        pack_clips(folder, tmp_path / "pack", workers=1)


def test_clips_of_another_size_are_refused_and_named(
    pack_folder: Path, data: Path, tmp_path: Path, write_frames: Callable[..., None]
) -> None:
    """Here by remaking frames, which runs in this process; packing reads clips by the same function."""
    folder = only(data, tmp_path / "data", "train/talk-1.mp4")
    write_frames(folder / "train/talk-1.mp4", [np.zeros((128, 192, 3), np.uint8)] * 4)
    (tmp_path / "pack").mkdir()
    shutil.copy(pack_folder / "clips.json", tmp_path / "pack")
    with pytest.raises(UnsupportedMedia, match=r"talk-1\.mp4 is not 256 x 256"):
        unpack_frames(folder, tmp_path / "pack")
    with pytest.raises(ValueError, match=r"npy|pickled"):  # what is left cannot be taken for whole
        np.load(tmp_path / "pack" / "frames.npy")


def test_clips_json_holds_what_is_needed_and_no_more(pack_folder: Path) -> None:
    rows = json.loads((pack_folder / "clips.json").read_text())
    assert {key for row in rows for key in row} == {"file", "person", "group", "first", "kept"}


def test_variants_of_a_still_are_repeatable_and_differ(face_crop: np.ndarray) -> None:
    still = Image.fromarray(face_crop)
    assert np.array_equal(still_variant(still, 0), face_crop)
    variants = [still_variant(still, index) for index in range(1, STILL_VARIANTS)]
    for index, variant in enumerate(variants, 1):
        assert variant.shape == face_crop.shape
        assert np.array_equal(still_variant(still, index), variant)
        assert np.abs(variant.astype(int) - face_crop).mean() > 2
