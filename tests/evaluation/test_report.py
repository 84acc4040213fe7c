from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from reenact.errors import InvalidOption, OutputError
from reenact.evaluation.clips import read_frames
from reenact.evaluation.gallery import Gallery
from reenact.evaluation.methods import collect
from reenact.evaluation.options import Options
from reenact.evaluation.report import Report, write_report
from reenact.evaluation.table import Column, Table

COLUMNS = (Column("l1", "L1", 3), Column("ssim", "SSIM", 2, more_is_better=True))
ROWS = {"static": {"l1": 0.1, "ssim": 0.5}, "<ours>": {"l1": 0.05, "ssim": 0.7}}
TABLE = Table("Reconstruction", COLUMNS, ROWS, {"clip": ROWS}, ("a note",))
FRAMES = [np.full((32, 32, 3), value, np.uint8) for value in (0, 100, 200)]


def test_a_report_is_a_folder_that_stands_alone(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    folder.mkdir()
    gallery = Gallery(folder, "reconstruction", 1)
    gallery("a clip/one", FRAMES, {"static": FRAMES[::-1]})
    gallery("too many", FRAMES, {"static": FRAMES})
    write_report(Report(TABLE, TABLE, tuple(gallery.videos)), folder)
    videos = [path.name for path in folder.glob("*.mp4")]
    assert videos == ["reconstruction-a-clip-one.mp4"]
    assert sorted(path.name for path in folder.iterdir()) == [
        *videos,
        "report.html",
        "report.json",
        "report.md",
    ]
    frames = read_frames(folder / videos[0])
    assert [frame.shape for frame in frames] == [(32, 64, 3)] * 3
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert f'src="{videos[0]}"' in page and "driving | static" in page
    assert "http" not in page  # nothing is fetched from elsewhere
    assert "&lt;ours&gt;" in page and "<ours>" not in page
    assert '<td class="best">0.050</td>' in page and '<td class="best">0.70</td>' in page


def test_json_holds_every_clip(tmp_path: Path) -> None:
    write_report(Report(TABLE, None), tmp_path)
    read = json.loads((tmp_path / "report.json").read_text())
    assert read["reconstruction"]["clips"]["clip"]["static"]["ssim"] == 0.5
    assert read["cross_identity"] is None
    assert "Reconstruction" in (tmp_path / "report.md").read_text()


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="a file or folder has that name already; choose another"):
        write_report(Report(TABLE, None), tmp_path / "file")


def test_a_gallery_without_a_folder_writes_nothing(tmp_path: Path) -> None:
    gallery = Gallery(None, "reconstruction", 3)
    gallery("clip", FRAMES, {"static": FRAMES})
    assert gallery.videos == []


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (FRAMES[:2], "2 frames for 3"),
        ([frame[:16] for frame in FRAMES], "expected"),
        ([frame.astype(np.float32) for frame in FRAMES], "uint8"),
    ],
)
def test_a_method_is_held_to_its_contract(made: list[np.ndarray], message: str) -> None:
    with pytest.raises(InvalidOption, match=message):
        collect("ours", made, FRAMES)


@pytest.mark.parametrize("options", [{"limit": 0}, {"frames": 1}])
def test_options_that_judge_nothing_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(InvalidOption, match="at least"):
        Options(**options)
