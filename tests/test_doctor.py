"""The doctor sees what is broken, whatever it is, and never fails itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from reenact import doctor
from reenact.config import DEFAULT_MODEL, MOTIONS
from reenact.doctor import Finding, examine
from reenact.media import container


def broken(findings: list[Finding]) -> dict[str, str]:
    return {finding.name: finding.detail for finding in findings if finding.state == "broken"}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEFAULT_MODEL, tmp_path / "model"))


def test_a_whole_installation() -> None:
    findings = {finding.name: finding for finding in examine()}
    assert broken(list(findings.values())) == {}
    assert findings["engine"].detail.startswith("every graph ran once on ")
    assert {"python", "runtime", "model default", "model faces", "templates", "clip as mp4", "cores"} <= set(
        findings
    )
    assert {name for name in findings if name.startswith("extra ")} == {
        f"extra {name}" for name in doctor.EXTRAS
    }


def test_a_missing_model_does_not_end_the_report(tmp_path: Path) -> None:
    findings = examine(tmp_path / "nothing")
    assert {"model files", "engine", "templates"} <= set(broken(findings))
    assert findings[-1].name == "disk"


def test_a_changed_graph(model: Path) -> None:
    graph = model / "encode.onnx"
    graph.write_bytes(graph.read_bytes() + b"x")
    assert "encode.onnx" in broken(examine(model))["engine"]


def test_a_graph_that_loads_but_does_not_run(model: Path) -> None:
    from hashlib import sha256

    hashes = json.loads((model / "files.json").read_text())
    shutil.copy(model / "keypoints.onnx", model / "encode.onnx")
    hashes["encode.onnx"] = sha256((model / "encode.onnx").read_bytes()).hexdigest()
    (model / "files.json").write_text(json.dumps(hashes))
    findings = examine(model)
    assert "model files" not in broken(findings)
    assert "engine" in broken(findings)


def test_templates_of_another_model(model: Path) -> None:
    hashes = json.loads((model / "files.json").read_text())
    hashes["keypoints.onnx"] = "0" * 64
    (model / "files.json").write_text(json.dumps(hashes))
    assert "make templates" in broken(examine(model))["template nod"]


def test_no_templates(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "MOTIONS", tmp_path)
    assert "templates" in broken(examine())


def test_a_missing_preview_is_only_noted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shutil.copytree(MOTIONS / "nod", tmp_path / "nod")
    (tmp_path / "nod" / "preview.webp").unlink()
    monkeypatch.setattr(doctor, "MOTIONS", tmp_path)
    findings = examine()
    assert broken(findings) == {}
    assert any(finding.name == "template nod" and finding.state == "note" for finding in findings)


def test_both_runtimes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_version", lambda package: "1.0")
    assert "conflict" in broken(examine())["runtime"]


def test_nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_version", lambda package: None)
    found = broken(examine())
    assert "numpy" in found["packages"] and "reenact[cpu]" in found["runtime"]


def test_a_pyav_that_does_not_take_our_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a newer one took an argument away: clips are made, and none can be read."""
    monkeypatch.setitem(container._TITLES, "taken_away", "replace")
    found = broken(examine())
    assert set(found) == {"clip as mp4"} and "taken_away" in found["clip as mp4"]


def test_a_missing_encoder_and_a_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "KINDS", ("avi",))
    monkeypatch.setattr(doctor, "EXTRAS", {"odd": ("no_such_module",)})
    findings = examine()
    assert "avi" in broken(findings)["clip as avi"]
    assert next(finding for finding in findings if finding.name == "extra odd").state == "note"
