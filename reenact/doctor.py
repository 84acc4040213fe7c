"""Checks of this installation: what is installed, what works, and how to repair the rest.

No check raises: errors become findings.
"""

from __future__ import annotations

import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from reenact.config import DEFAULT_MODEL, FACE_MODEL, MOTIONS, PORTRAITS

State = Literal["ok", "note", "broken"]
Device = Literal["auto", "cpu", "cuda"]

MARKS = {"ok": "ok     ", "note": "note   ", "broken": "BROKEN "}
REQUIRED = ("numpy", "pillow", "pillow-heif", "av", "tqdm", "c2pa-python", "cryptography")
RUNTIMES = ("onnxruntime", "onnxruntime-gpu")
# extra -> modules that stand for it
EXTRAS = {
    "server": ("flask", "apiflask", "waitress"),
    "train": ("torch", "onnx", "onnxscript", "safetensors"),
    "evaluate": ("mediapipe", "ncnn", "scipy"),
    "fan": ("face_alignment",),
}
KINDS = ("mp4", "gif", "webp")
REMEDY = "install what requirements/serving.txt locks, above all av and pillow"
LITTLE_SPACE = 500_000_000  # bytes


@dataclass(frozen=True)
class Finding:
    """One line of the report. ``note`` is worth knowing; only ``broken`` stops the work."""

    name: str
    state: State
    detail: str


def examine(
    model: Path = DEFAULT_MODEL,
    device: Device = "auto",
    threads: int | None = None,
    motions: Path | None = None,
    require_gpu: bool = False,
) -> list[Finding]:
    """Check everything; takes a few seconds, since every graph is run once.

    Args:
        model: folder of the model that is to be run.
        device: as for ``Engine``.
        threads: as for ``Engine``.
        motions: folder of the templates; None means those that ship.
        require_gpu: as for ``Engine``.
    """
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("python", _python),
        ("packages", _packages),
        ("runtime", _runtime),
        ("model files", lambda: _files(model)),
        ("engine", lambda: _engine(model, device, threads, require_gpu)),
        ("templates", lambda: _templates(model, motions or MOTIONS)),
        ("portraits", _portraits),
        ("codecs", _codecs),
        ("extras", _extras),
        ("machine", _machine),
    ]
    return [finding for name, check in checks for finding in _safely(name, check)]


def report(findings: list[Finding]) -> str:
    """A line for each finding, and the verdict."""
    width = max(len(finding.name) for finding in findings)
    lines = [f"{MARKS[each.state]}{each.name.ljust(width)}  {each.detail}" for each in findings]
    broken = sum(each.state == "broken" for each in findings)
    return "\n".join([*lines, "", f"{broken} broken." if broken else "Everything that is needed works."])


def _safely(name: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except Exception as error:  # a report that stops half-way helps no one
        yield Finding(name, "broken", " ".join(f"{error}".split()) or type(error).__name__)


def _python() -> Iterator[Finding]:
    yield Finding("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield Finding("reenact", "ok", _version("reenact") or "not installed as a package, run from its folder")


def _packages() -> Iterator[Finding]:
    found = {name: _version(name) for name in REQUIRED}
    missing = [name for name, number in found.items() if number is None]
    if missing:
        yield Finding("packages", "broken", f"missing: {', '.join(missing)}; run pip install 'reenact[cpu]'")
    present = ", ".join(f"{name} {number}" for name, number in found.items() if number)
    yield Finding("packages", "ok", present)


def _runtime() -> Iterator[Finding]:
    found = {name: number for name in RUNTIMES if (number := _version(name))}
    if len(found) == 2:
        detail = "onnxruntime and onnxruntime-gpu conflict; uninstall both, then install one extra"
        yield Finding("runtime", "broken", detail)
        return
    if not found:
        yield Finding("runtime", "broken", "none; run pip install 'reenact[cpu]' or 'reenact[gpu]'")
        return
    import onnxruntime

    [(name, number)] = found.items()
    providers = ", ".join(onnxruntime.get_available_providers())
    yield Finding("runtime", "ok", f"{name} {number} ({providers})")
    yield from _gpu()


def _gpu() -> Iterator[Finding]:
    """Said only where somebody installed what a GPU needs."""
    from reenact.runtime import cuda

    if cuda.provider_installed():
        reason = cuda.missing_requirement()
        yield Finding("gpu", "note" if reason else "ok", reason or "CUDA can run")


def _files(model: Path) -> Iterator[Finding]:
    from reenact.runtime import ModelFolder

    for folder in (model, FACE_MODEL):
        files = ModelFolder(folder)
        graphs = [Path(name).stem for name in files.hashes if name.endswith(".onnx")]
        size = sum(files.path(name).stat().st_size for name in graphs)
        yield Finding(
            f"model {folder.name}", "ok", f"{len(graphs)} graphs, {size / 1e6:.1f} MB, all hashes right"
        )


def _engine(model: Path, device: Device, threads: int | None, require_gpu: bool) -> Iterator[Finding]:
    from reenact.engine import Engine

    engine = Engine(model, device=device, threads=threads, require_gpu=require_gpu)
    engine.warm()
    yield Finding("engine", "ok", f"every graph ran once on {engine.provider}; frames use {engine.graph}")


def _templates(model: Path, motions: Path) -> Iterator[Finding]:
    from reenact.errors import ReenactError
    from reenact.gallery import get_template, template_ids
    from reenact.runtime import ModelFolder

    keypoints = ModelFolder(model).hash("keypoints")
    ids = template_ids(motions)
    good = 0
    for id in ids:
        try:
            template = get_template(id, motions, keypoints)
        except ReenactError as error:
            yield Finding(f"template {id}", "broken", str(error))
            continue
        good += 1
        if template.preview is None:
            yield Finding(f"template {id}", "note", "has no preview; run `reenact templates build`")
    if not ids:
        yield Finding(
            "templates", "broken", f"none are in {motions}; name another folder or reinstall the package"
        )
        return
    yield Finding("templates", "ok" if good else "broken", f"{good} of {len(ids)} fit the model")


def _portraits() -> Iterator[Finding]:
    from reenact.gallery import list_portraits

    yield Finding("portraits", "ok", f"{len(list_portraits(PORTRAITS))} are there")


def _codecs() -> Iterator[Finding]:
    import av

    from reenact.media import nvenc
    from reenact.media.trial import round_trip

    yield Finding("ffmpeg", "ok", "libavcodec " + ".".join(map(str, av.library_versions["libavcodec"])))
    for kind in KINDS:
        try:
            round_trip(kind)
        except Exception as error:  # of PyAV, Pillow or our own calls of them
            why = " ".join(f"{type(error).__name__}: {error}".split())
            yield Finding(f"clip as {kind}", "broken", f"cannot be written and read ({why}); {REMEDY}")
        else:
            yield Finding(f"clip as {kind}", "ok", "written and read")
    reason = nvenc.unavailable_reason()
    detail = f"not here, libx264 encodes: {reason}" if reason else "encodes; ask for it with --encoder nvenc"
    yield Finding("nvenc", "note" if reason else "ok", detail)


def _extras() -> Iterator[Finding]:
    for extra, modules in EXTRAS.items():
        missing = [module for module in modules if find_spec(module) is None]
        if missing:
            yield Finding(
                f"extra {extra}",
                "note",
                f"not installed ({', '.join(missing)}): pip install 'reenact[{extra}]'",
            )
        else:
            yield Finding(f"extra {extra}", "ok", "installed")


def _machine() -> Iterator[Finding]:
    from reenact.runtime import available_cores

    yield Finding("cores", "ok", f"{available_cores()} may be used")
    place = tempfile.gettempdir()
    free = shutil.disk_usage(place).free
    state: State = "ok" if free > LITTLE_SPACE else "note"
    yield Finding("disk", state, f"{free / 1e9:.1f} GB free in {place}")
    if sys.maxsize < 2**32:
        yield Finding("python", "broken", "this is a 32-bit Python; install a 64-bit one")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
