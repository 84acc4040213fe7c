"""The whole evaluation on real clips; only where the shared folder and the extra are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from reenact.errors import InvalidOption
from reenact.evaluation import Candidate, Options, Report, run
from reenact.types import Picture

pytestmark = pytest.mark.slow


def perfect(frames: list[Picture]) -> Iterator[Picture]:
    """The clip itself: what no method can beat."""
    return iter(frames)


@pytest.fixture(scope="module")
def report(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    for name in ("mediapipe", "ncnn", "scipy", "onnx"):
        pytest.importorskip(name, reason=f"optional part missing: {name}")
    out = tmp_path_factory.mktemp("report")
    options = Options(frames=6, vgg_frames=1, videos=1)
    calls: list[tuple[int, int]] = []
    report = run(
        shared,
        {"perfect": Candidate(perfect)},
        out,
        limit=2,
        options=options,
        progress=lambda done, total: calls.append((done, total)),
    )
    assert calls == [(n, 6) for n in range(1, 7)]
    assert (out / "report.html").is_file() and len(list(out.glob("*.mp4"))) == 3
    return report


def test_a_perfect_method_has_perfect_figures(report: Report) -> None:
    row = report.reconstruction.rows["perfect"]
    assert row == pytest.approx(
        dict(l1=0, psnr=100, ssim=1, vgg=0, akd=0, blink=0, jaw=0, identity=1, lost=0), abs=1e-5
    )


def test_large_clips_are_judged_too(report: Report) -> None:
    assert report.hd is not None
    expected = dict(blink=0, jaw=0, landmarks=0, skin=1, mouth_l1=0, mouth_vgg=0, identity=1, lost=0)
    assert report.hd.rows["perfect"] == pytest.approx(expected, abs=1e-5)
    assert report.hd.rows["static source"]["landmarks"] > 1


def test_the_warp_follows_the_landmarks(report: Report) -> None:
    static, warp = report.reconstruction.rows["static source"], report.reconstruction.rows["landmark warp"]
    assert warp["akd"] < 0.3 * static["akd"]
    assert static["vgg"] > 0.01 and static["identity"] < 1


def test_a_static_picture_keeps_identity_and_background_but_follows_nothing(report: Report) -> None:
    assert report.cross is not None
    static, warp = report.cross.rows["static source"], report.cross.rows["landmark warp"]
    assert static["identity"] == pytest.approx(1, abs=1e-5)
    assert static["background"] == 0
    assert static["jaw"] in (0, pytest.approx(np.nan, nan_ok=True))
    assert 0.5 < warp["identity"] < 1 and warp["background"] > 0
    assert "perfect" not in report.cross.rows


def test_a_folder_without_clips_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="faces/val"):
        run(tmp_path, {})


def test_a_method_may_not_take_a_baselines_name(shared: Path) -> None:
    pytest.importorskip("mediapipe", reason="optional part missing: mediapipe")
    with pytest.raises(InvalidOption, match="baseline"):
        run(shared, {"static source": Candidate(perfect)}, limit=1)
