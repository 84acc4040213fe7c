"""Promises about the project as a whole: its arrows, its serving imports, its documents and its files."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TRAINING_ONLY = {
    "torch",
    "cv2",
    "scipy",
    "mediapipe",
    "ncnn",
    "onnx",
    "onnxscript",
    "safetensors",
    "numba",
    "yaml",
}
SERVING = ["reenact", "reenact.pipeline", "reenact.cli", "server.app", "server.__main__"]
LARGEST_FILE = 40 * 2**20
MACHINE_FOLDERS = ("work", "farm", "root")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def own_files() -> list[Path]:
    """Every file that is committed, or would be by the next ``git add``."""
    if not (shutil.which("git") and (ROOT / ".git").exists()):
        pytest.skip("not a git checkout")
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    assert listed.returncode == 0, listed.stderr
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [file for file in files if file.is_file()]


def test_imports_follow_the_arrows() -> None:
    result = run(str(Path(sys.executable).with_name("lint-imports")))
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_package_that_lists_its_files_lists_all() -> None:
    missing = []
    for init in [*ROOT.glob("reenact/**/__init__.py"), *ROOT.glob("server/**/__init__.py")]:
        listed = set(re.findall(r"\b(\w+\.py)\b", ast.get_docstring(ast.parse(init.read_text())) or ""))
        there = {file.name for file in init.parent.glob("*.py")} - {"__init__.py"}
        missing += [(str(init.relative_to(ROOT)), name) for name in there ^ listed if listed]
    assert sorted(missing) == []


def test_serving_never_loads_what_only_training_needs() -> None:
    code = f"import {', '.join(SERVING)}, sys; print(*sys.modules, sep='\\n')"
    result = run(sys.executable, "-c", code)
    assert result.returncode == 0, result.stderr
    loaded = {name.partition(".")[0] for name in result.stdout.split()}
    assert "numpy" in loaded
    assert not loaded & TRAINING_ONLY


def test_both_runtimes_are_never_asked_for_together() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].items()
    assert {extra for extra, names in extras if "onnxruntime" in str(names)} == {"cpu", "gpu"}
    assert "onnxruntime" not in str(project["dependencies"])


def commands(document: str, program: str) -> set[str]:
    """The words that follow ``program`` in the document's code, in line or fenced."""
    text = (ROOT / document).read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, flags=re.DOTALL))
    return set(re.findall(rf"(?<![\w./-]){program} ([a-z]+)\b", code))


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_documents_name_make_targets_that_exist(document: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert commands(document, "make")
    assert commands(document, "make") <= targets


def test_readme_names_subcommands_that_exist() -> None:
    result = run(sys.executable, "-m", "reenact", "--help")
    assert result.returncode == 0, result.stderr
    assert "animate" in commands("README.md", "reenact")
    assert commands("README.md", "reenact") <= set(re.findall(r"[a-z]+", result.stdout))


def test_changelog_leads_with_the_packages_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert headings[:2] == ["Unreleased", version]


def test_no_file_is_too_large_to_clone(own_files: list[Path]) -> None:
    large = [str(file.relative_to(ROOT)) for file in own_files if file.stat().st_size > LARGEST_FILE]
    assert large == []


def test_no_file_names_a_folder_of_one_machine(own_files: list[Path]) -> None:
    pattern = re.compile(rf"(?<![\w.*-])/({'|'.join(MACHINE_FOLDERS)})/".encode())
    found = []
    for file in own_files:
        data = file.read_bytes()
        is_text = b"\0" not in data[:8000]  # the test that git itself makes
        if is_text and pattern.search(data):
            found.append(str(file.relative_to(ROOT)))
    assert found == []
