"""The command ``reenact``, from its arguments to its exit codes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import c2pa
import numpy as np
import pytest
from PIL import Image

import reenact
from reenact.cli import develop, main
from reenact.config import DEFAULT_MODEL, MOTIONS, development, version
from reenact.engine import Engine
from reenact.gallery import get_template, list_portraits
from reenact.media import open_clip, write_clip
from reenact.motion.motion_file import save_motion
from reenact.provenance.certificate import development_certificate
from reenact.types import Clip

ROOT = Path(__file__).parents[1]
SELFIE = list_portraits()[0].path
FRAMES = 3
A_LINE = ["animate", "a.jpg", "-t", "nod", "-o", "x.mp4"]

Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home of our own, in which a development certificate already lies."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        development_certificate(development())
        yield development()


@pytest.fixture(scope="module")
def motions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one template, so short that animating with it is quick."""
    folder = tmp_path_factory.mktemp("motions")
    shutil.copytree(MOTIONS / "nod", folder / "short-nod")
    motion = get_template("nod").motion
    save_motion(replace(motion, keypoints=motion.keypoints[:FRAMES]), folder / "short-nod" / "motion.npz")
    return folder


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A 256x256 clip of a real face that grows a little."""
    picture = Image.open(SELFIE).convert("RGB")
    boxes = [(60 - 2 * i, 40 - 2 * i, 290 + 2 * i, 270 + 2 * i) for i in range(4)]
    frames = (np.asarray(picture.crop(box).resize((256, 256))) for box in boxes)
    path = tmp_path_factory.mktemp("clip") / "face.mp4"
    write_clip(Clip(frames, Fraction(25), len(boxes)), path)
    return path


@pytest.fixture
def animate(motions: Path, tmp_path: Path) -> Callable[..., int]:
    """Run ``reenact animate`` with the short template; arguments given later win."""

    def run(*arguments: str, selfie: Path = SELFIE, out: str = "out.mp4") -> int:
        usual = ["--template", "short-nod", "--motions", str(motions), "--out", str(tmp_path / out)]
        return main(["animate", str(selfie), *usual, *arguments])

    return run


def the_error(output: Output) -> str:
    """What was said on stderr: one line, no traceback."""
    said = output.readouterr().err
    assert said.startswith("error[") and said.count("\n") == 1, said
    return said


# animate


@pytest.mark.parametrize("suffix", ["mp4", "gif", "webp"])
def test_animate_writes_a_moving_file(
    animate: Callable[..., int], tmp_path: Path, capsys: Output, suffix: str
) -> None:
    assert animate("--paste", "crop", out=f"out.{suffix}") == 0
    said = capsys.readouterr()
    assert said.out.count("\n") == 2 and "DEVELOPMENT certificate" in said.out
    assert f"out.{suffix}: 512x512, {FRAMES} frames, 0.12 s" in said.out
    assert said.err == ""  # no bar where no one can see it
    assert [frame.shape for frame in open_clip(tmp_path / f"out.{suffix}").frames] == [(512, 512, 3)] * FRAMES


@pytest.mark.parametrize("suffix", ["mp4", "gif", "webp"])
def test_what_is_made_is_signed(animate: Callable[..., int], tmp_path: Path, suffix: str) -> None:
    assert animate("--paste", "crop", "--quiet", out=f"out.{suffix}") == 0
    with c2pa.Reader(str(tmp_path / f"out.{suffix}")) as reader:
        manifest = reader.get_active_manifest()
        assert reader.get_validation_state() == "Valid"
    assert manifest is not None
    made = next(each["data"] for each in manifest["assertions"] if each["label"] == "reenact.animation")
    assert made == {
        "model": sha256((DEFAULT_MODEL / "files.json").read_bytes()).hexdigest(),
        "template": "short-nod",
    }


def test_credentials_can_be_left_out_or_signed_by_another(
    animate: Callable[..., int], tmp_path: Path, home: Path, capsys: Output
) -> None:
    assert animate("--no-credentials") == 0
    assert "certificate" not in capsys.readouterr().out
    assert c2pa.Reader.try_create(str(tmp_path / "out.mp4")) is None
    assert animate("--certificate", str(home / "certificate.pem")) == 2
    assert "--certificate-key" in the_error(capsys)
    assert animate("--certificate", str(home / "none.pem"), "--certificate-key", str(home / "key.pem")) == 5
    assert the_error(capsys).startswith("error[certificate_unusable]")
    mine = ["--certificate", str(home / "certificate.pem"), "--certificate-key", str(home / "key.pem")]
    assert animate(*mine) == 0


def test_quiet_says_nothing(animate: Callable[..., int], capsys: Output) -> None:
    assert animate("--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_a_label_is_added_where_it_is_asked_for(animate: Callable[..., int], tmp_path: Path) -> None:
    usual, frames = ["--paste", "crop", "--no-watermark", "--crf", "0"], {}
    for name, asked in {"plain": "--no-label", "en": "--label", "ar": "--label --language ar"}.items():
        assert animate(*usual, *asked.split(), out=f"{name}.mp4") == 0
        frames[name] = next(open_clip(tmp_path / f"{name}.mp4").frames).astype(int)
    for name, half in (("en", np.s_[:, :128]), ("ar", np.s_[:, 128:])):
        changed = np.abs(frames[name] - frames["plain"]).max(2) > 40
        assert changed.sum() > 200 and changed[half].sum() > changed.sum() / 2


def test_a_clip_drives_too_and_every_option_is_accepted(animate: Callable[..., int], clip: Path) -> None:
    options = (
        "--size 512 --mode absolute --strength 0.5 --start best --paste crop --face 0 --crf 30 --threads 1 "
        "--mirror"
    )
    assert animate("--template", str(clip), "--device", "cpu", "--no-sound", *options.split()) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (
            ["--template", "short-not"],
            3,
            "error[template_not_found]: There is no template 'short-not'. Did you",
        ),
        (["--template", "nope.mp4"], 3, "error[template_not_found]: There is no clip nope.mp4"),
        (["--template", "some/folder"], 3, "error[template_not_found]"),
        (["--template", __file__], 3, "error[unsupported_media]"),
        (["--template", str(SELFIE)], 3, "error[unsupported_media]"),
        (["--face", "1"], 3, "error[face_index_out_of_range]"),
        (["--strength", "3"], 2, "error[invalid_option]"),
        (["--strength", "nan"], 2, "error[invalid_option]"),
        (["--crf", "99"], 2, "error[invalid_option]"),
        (["--out", "out.txt"], 2, "error[invalid_option]"),
        (["--out", "no/such/folder/out.mp4"], 4, "error[output_unwritable]"),
        (["--model", "no-model"], 5, "error[weights_broken]"),
    ],
)
def test_what_cannot_be_done_gets_one_line_and_a_code(
    animate: Callable[..., int], tmp_path: Path, capsys: Output, arguments: list[str], code: int, says: str
) -> None:
    assert animate(*arguments) == code
    assert the_error(capsys).startswith(says)
    assert list(tmp_path.iterdir()) == []


def test_a_still_picture_is_no_motion(animate: Callable[..., int], tmp_path: Path, capsys: Output) -> None:
    Image.open(SELFIE).save(tmp_path / "still.gif")
    assert animate("--template", str(tmp_path / "still.gif")) == 3
    assert the_error(capsys).startswith("error[driving_still]")


def test_what_it_is_made_of_is_not_written_over(
    animate: Callable[..., int], clip: Path, tmp_path: Path, capsys: Output
) -> None:
    shutil.copy(clip, tmp_path / "clip.mp4")
    Image.open(SELFIE).save(tmp_path / "me.webp")
    for out, arguments in {"clip.mp4": {}, "me.webp": {"selfie": tmp_path / "me.webp"}}.items():
        before = (tmp_path / out).read_bytes()
        assert animate("--template", str(tmp_path / "clip.mp4"), out=out, **arguments) == 2
        assert "overwritten" in the_error(capsys)
        assert (tmp_path / out).read_bytes() == before
    assert main(["reconstruct", str(clip), str(clip)]) == 2
    assert "overwritten" in the_error(capsys)


@pytest.mark.parametrize("verb", [["animate"], ["verify"]])
def test_a_folder_is_no_file(verb: list[str], tmp_path: Path, capsys: Output) -> None:
    rest = ["-t", "nod", "-o", str(tmp_path / "out.mp4")] if verb == ["animate"] else []
    assert main([*verb, str(tmp_path), *rest]) == 3
    said = the_error(capsys)
    assert re.search("folder|directory", said) and "Errno" not in said


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "error["),
        (b"", "error["),
        (b"hello", "error[unsupported_media]"),
        (SELFIE.read_bytes()[:2000], "error[image_unreadable]"),
    ],
)
def test_a_bad_selfie_gets_one_line(
    animate: Callable[..., int], tmp_path: Path, capsys: Output, content: bytes | None, says: str
) -> None:
    selfie = tmp_path / "selfie.jpg"
    if content is not None:
        selfie.write_bytes(content)
    assert animate(selfie=selfie) == 3
    assert the_error(capsys).startswith(says)
    assert not (tmp_path / "out.mp4").exists()


def test_a_picture_without_a_face(animate: Callable[..., int], tmp_path: Path, capsys: Output) -> None:
    Image.new("RGB", (300, 300), "grey").save(tmp_path / "grey.png")
    assert animate(selfie=tmp_path / "grey.png") == 3
    assert the_error(capsys).startswith("error[no_face_found]")


def test_a_template_of_another_model(animate: Callable[..., int], tmp_path: Path, capsys: Output) -> None:
    shutil.copytree(MOTIONS / "nod", tmp_path / "motions" / "old")
    motion = get_template("nod").motion
    save_motion(replace(motion, model="another"), tmp_path / "motions" / "old" / "motion.npz")
    assert animate("--motions", str(tmp_path / "motions"), "--template", "old") == 5
    assert the_error(capsys).startswith("error[motion_outdated]")


def test_cuda_fails_where_there_is_none(animate: Callable[..., int], capsys: Output) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("CUDA is there")
    for options in (("--device", "cuda"), ("--require-gpu",)):
        assert animate(*options) == 5
        assert the_error(capsys).startswith("error[provider_unavailable]")
    assert animate("--device", "cpu", "--require-gpu") == 2


def test_a_fault_of_the_program_is_one_line_too(
    animate: Callable[..., int], capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **options: object) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(Engine, "__init__", fail)
    assert animate() == 1
    assert the_error(capsys).startswith("error[internal]: RuntimeError: two lines.")
    assert animate("--debug") == 1
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_writes_nothing(
    animate: Callable[..., int], tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reenact.generator.renderer import Renderer

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Renderer, "_batch", interrupted)
    assert animate() == 130
    assert the_error(capsys).startswith("error[cancelled]")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["animate"],
        [*A_LINE, "--size", "300"],
        [*A_LINE, "--face", "left"],
        [*A_LINE, "--face", "-1"],
        [*A_LINE, "--threads", "all"],
    ],
)
def test_a_wrong_command_line_is_2(arguments: list[str], capsys: Output) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert "usage: reenact" in said and " value: " not in said  # argparse's words name our functions


def test_it_tells_its_version(capsys: Output) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"reenact {version()}\n"


def test_as_a_process_of_its_own(motions: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    command = [sys.executable, "-m", "reenact", "animate", str(SELFIE), "-t", "short-nod", "-o", str(out)]
    done = subprocess.run(
        [*command, "--motions", str(motions)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{out}: ")
    failed = subprocess.run([*command, "--face", "7"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert failed.returncode == 3
    assert "Traceback" not in failed.stderr and failed.stdout == ""


# reconstruct


@pytest.mark.parametrize(("size", "side"), [(None, 256), ((300, 340), 256), ((512, 512), 512)])
def test_reconstruct_keeps_its_contract(
    clip: Path, tmp_path: Path, size: tuple[int, int] | None, side: int
) -> None:
    source = clip
    if size:
        source = tmp_path / "other.mp4"
        frames = (np.asarray(Image.fromarray(frame).resize(size)) for frame in open_clip(clip).frames)
        write_clip(Clip(frames, Fraction(10)), source)
    assert main(["reconstruct", str(source), str(tmp_path / "out.mp4"), "--size", str(side)]) == 0
    made, wanted = open_clip(tmp_path / "out.mp4"), open_clip(source)
    frames_made = list(made.frames)
    assert made.fps == wanted.fps
    assert len(frames_made) == len(list(wanted.frames))
    assert {frame.shape for frame in frames_made} == {(side, side, 3)}


def test_reconstruct_refuses_what_is_no_clip(tmp_path: Path, capsys: Output) -> None:
    assert main(["reconstruct", str(SELFIE), str(tmp_path / "out.mp4")]) == 3
    assert the_error(capsys).startswith("error[unsupported_media]")


# templates and portraits


def test_templates_and_portraits_are_listed(capsys: Output) -> None:
    assert main(["templates", "list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in listed} >= {"ID", "nod", "look-around", "wink"}
    assert main(["portraits", "list"]) == 0
    assert "eileen-collins" in capsys.readouterr().out
    assert main(["templates", "list", "--folder", "no/such/folder"]) == 2
    assert "no/such/folder" in the_error(capsys)


def test_templates_are_added_and_built(clip: Path, tmp_path: Path, capsys: Output) -> None:
    folder = str(tmp_path / "motions")
    words = ["--id", "grow", "--licence", "CC0-1.0", "--attribution", "a test", "--tags", "one, two"]
    add = ["templates", "add", str(clip), *words, "--folder", folder]
    assert main([*add, "--first", "1", "--loop", "blend", "--fps", "25"]) == 0
    assert "grow: 3 frames" in capsys.readouterr().out
    assert get_template("grow", Path(folder)).tags == ("one", "two")
    assert main(add) == 2
    assert the_error(capsys).startswith("error[invalid_option]: A template grow exists already")
    assert main(["templates", "build", "--folder", folder, "--data", str(clip.parent)]) == 0
    assert capsys.readouterr().out == "grow: motion and preview\n"
    assert main(["templates", "build", "--folder", folder, "--data", str(tmp_path / "none")]) == 0
    said = capsys.readouterr().out
    assert "Motions need them" in said and "grow: preview only" in said
    assert main(["templates", "build", "grwo", "--folder", folder, "--data", str(clip.parent)]) == 3
    assert "Did you mean grow?" in capsys.readouterr().err


# doctor, bench, train, export


def test_doctor_reports_and_its_code_tells(capsys: Output, tmp_path: Path) -> None:
    assert main(["doctor"]) == 0
    assert "Everything that is needed works." in capsys.readouterr().out
    model = tmp_path / "model"
    shutil.copytree(DEFAULT_MODEL, model)
    (model / "encode.onnx").write_bytes(b"broken")
    assert main(["doctor", "--model", str(model)]) == 1
    said = capsys.readouterr().out
    assert "BROKEN" in said and "encode.onnx is damaged" in said


def test_bench_measures_a_process_and_writes_json(tmp_path: Path) -> None:
    out = tmp_path / "benchmarks" / "bench.json"
    # As a process: the peak of a child counts what this one, full of tests, holds when it is born.
    command = [sys.executable, "-m", "reenact", "bench", "--frames", "2", "--out", str(out)]
    command += ["--part", "whole", "--part", "stations"]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode == 0 and "cold" in ended.stdout
    found = json.loads(out.read_text())
    figures = found["whole"]
    assert figures["frames"] == 2
    assert min(figures["warm_seconds"], figures["cold_seconds"], figures["frames_per_second"]) > 0
    assert 50 < figures["cold_peak_mb"] < 1500
    assert set(figures["stages"]) == {"find", "track", "render"}
    assert set(found["stations"]) == {"track", "256", "512", "1024", "load"}
    assert found["stations"]["512"]["motion and decode"]["cpu_ms"] > 1
    assert out.with_suffix(".svg").read_text().count("<rect") > 5


def test_evaluate_needs_the_shared_folder(tmp_path: Path, capsys: Output) -> None:
    assert main(["evaluate", "--data", str(tmp_path)]) == 2
    assert the_error(capsys).startswith("error[invalid_option]")


@pytest.mark.slow
def test_evaluate_judges_our_model(shared: Path, tmp_path: Path, capsys: Output) -> None:
    pytest.importorskip("mediapipe", reason="optional part missing: mediapipe")
    pytest.importorskip("ncnn", reason="optional part missing: ncnn")
    arguments = ["--data", str(shared), "--out", str(tmp_path), "--limit", "1", "--frames", "10"]
    assert main(["evaluate", *arguments, "--quiet"]) == 0
    assert (tmp_path / "report.html").is_file()


@pytest.mark.parametrize("verb", ["train", "export", "import-checkpoint"])
def test_torch_is_loaded_only_for_its_verbs(
    verb: str, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith(("reenact.training", "reenact.export"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)  # as if it were not installed
    assert main(["templates", "list"]) == 0
    capsys.readouterr()
    assert main([verb]) == 5
    said = the_error(capsys)
    assert said.startswith("error[extra_missing]") and "pip install 'reenact[train]'" in said


def test_help_names_every_verb_and_exit_code() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "reenact", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    verbs = "animate reconstruct templates portraits doctor bench evaluate train export import".split()
    assert done.returncode == 0
    assert set(re.findall(r"^    (\w+)\b", done.stdout, flags=re.MULTILINE)) >= set(verbs)
    assert "130" in done.stdout
    assert "onnxruntime" not in done.stderr and "torch" not in done.stderr


# the package's public names


def test_public_names_are_there_and_documented() -> None:
    assert reenact.__all__ == sorted(reenact.__all__, key=lambda name: (not name[0].isupper(), name))
    for name in reenact.__all__:
        assert getattr(reenact, name).__doc__, name
    assert set(reenact.__all__) <= set(dir(reenact))
    with pytest.raises(AttributeError, match="nothing_like_that"):
        reenact.nothing_like_that  # noqa: B018


def test_importing_the_package_alone_is_light() -> None:
    code = "import reenact, sys; print(sum(name.startswith('reenact.') for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "0\n", done.stderr


def test_a_clip_without_a_face_stays_still_when_judged(engine: Engine) -> None:
    grey = np.full((256, 256, 3), 128, np.uint8)
    frames = [grey, grey + 1, grey + 2]
    assert all((frame == grey).all() for frame in develop.reconstruct_frames(engine, frames))
    moved = list(develop.animate_frames(engine, grey, frames))
    assert len(moved) == len(frames) and all((frame == grey).all() for frame in moved)
