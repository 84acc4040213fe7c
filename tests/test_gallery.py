"""Templates and portraits: those that ship, and how new ones are made."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reenact.config import DEFAULT_MODEL, MOTIONS, PORTRAITS
from reenact.engine import Engine
from reenact.errors import (
    Cancelled,
    InvalidOption,
    MotionOutdated,
    OutputError,
    SetupError,
    TemplateNotFound,
)
from reenact.gallery import (
    BuildRecipe,
    TemplateMetadata,
    add_template,
    build_templates,
    get_portrait,
    get_template,
    list_portraits,
    list_templates,
    read_metadata,
    remove_template,
    sweep_templates,
    template_ids,
    write_metadata,
)
from reenact.landmarks import MESH_INDICES
from reenact.media import open_clip, read_picture, write_clip
from reenact.motion.retime import RetimeOptions
from reenact.runtime import ModelFolder
from reenact.types import Clip, FloatArray, Template

WANTED = {"nod", "no", "smile", "laugh", "talk", "look-around", "surprise", "blink", "wink"}
CARD = TemplateMetadata("My nod", "CC0-1.0", "made in a test", ("test",))
FRAMES = 6


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(device="cpu")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real face that moves to the right: the portrait that ships, shifted a little in every frame."""
    picture = Image.fromarray(read_picture(list_portraits()[0].path))
    frames = (
        np.asarray(picture.transform(picture.size, Image.Transform.AFFINE, (1, 0, -4 * step, 0, 1, 0)))
        for step in range(FRAMES)
    )
    path = tmp_path_factory.mktemp("clip") / "moving.mp4"
    write_clip(Clip(frames, Fraction(25, 2), FRAMES), path)
    return path


def distance(template: Template, a: int, b: int) -> FloatArray:
    """Between two mesh points in every frame, in face heights."""
    points = template.motion.keypoints.landmarks

    def apart(one: int, other: int) -> FloatArray:
        gap = points[:, MESH_INDICES.index(one)] - points[:, MESH_INDICES.index(other)]
        return np.linalg.norm(gap, axis=-1)

    return apart(a, b) / apart(10, 152)


# What ships


def test_all_templates_that_ship_can_be_used() -> None:
    found = {template.id for template in list_templates()}
    assert found >= WANTED
    assert found == set(template_ids())


@pytest.mark.parametrize("id", template_ids())
def test_a_template_that_ships_is_whole(id: str) -> None:
    template = get_template(id)
    assert template.motion.model == ModelFolder(DEFAULT_MODEL).hash("keypoints")
    assert 2 <= template.motion.seconds <= 6
    assert template.motion.fps == 25
    assert template.title and template.tags and template.licence and template.attribution
    assert template.preview is not None
    recipe = read_metadata(MOTIONS / id).build
    assert recipe is not None and not Path(recipe.clip).is_absolute()


@pytest.mark.parametrize("id", template_ids())
def test_a_preview_is_small_and_moves(id: str) -> None:
    preview = MOTIONS / id / "preview.webp"
    assert preview.stat().st_size < 300_000
    with Image.open(preview) as image:
        assert max(image.size) == 256
        assert image.n_frames > 10  # type: ignore[attr-defined]


@pytest.mark.parametrize("id", [each.id for each in list_templates() if each.effect == "animate"])
def test_a_template_starts_with_open_eyes_and_a_closed_mouth(id: str) -> None:
    template = get_template(id)
    eyes = distance(template, 159, 145) + distance(template, 386, 374)
    mouth = distance(template, 13, 14)
    assert eyes[0] > 0.75 * eyes.max()
    assert mouth[0] < 0.05


@pytest.mark.parametrize("id", template_ids())
def test_a_template_loops_without_a_jump(id: str) -> None:
    points = get_template(id).motion.keypoints.landmarks
    steps = np.abs(np.diff(points, axis=0)).max((1, 2))
    assert np.abs(points[-1] - points[0]).max() <= max(1.5 * steps.max(), 0.02)


@pytest.mark.parametrize(
    ("id", "points", "change"),
    [
        ("blink", (159, 145), 0.5),  # the lids come together
        ("wink", (386, 374), 0.6),
        ("smile", (61, 291), 1.2),  # the mouth gets wider
        ("laugh", (13, 14), 5),  # and opens
        ("talk", (13, 14), 5),
        ("surprise", (13, 14), 3),
    ],
)
def test_a_template_does_what_its_name_says(id: str, points: tuple[int, int], change: float) -> None:
    values = distance(get_template(id), *points)
    if change < 1:
        assert values.min() < change * values[0]
    else:
        assert values.max() > change * values[0]


def test_no_picture_of_the_people_ships() -> None:
    ours = {each.id for each in list_portraits()}
    for template in list_templates():
        files = {path.name for path in (MOTIONS / template.id).iterdir()}
        recipe = read_metadata(MOTIONS / template.id).build
        made_of_ours = recipe is not None and recipe.portrait in ours
        extra = {"driving.mp4", "faces.npz"} if made_of_ours else set()
        assert files == {"template.toml", "motion.npz", "preview.webp"} | extra
        assert (template.effect == "swap") == made_of_ours


def test_portraits_are_whole_and_show_a_face(engine: Engine) -> None:
    portraits = list_portraits()
    assert portraits[0].id == "eileen-collins"
    assert len({portrait.id for portrait in portraits}) == len(portraits) >= 3
    listed = {portrait.path.name for portrait in portraits} | {"portraits.toml", "famous.toml"}
    assert {path.name for path in PORTRAITS.iterdir()} == listed
    for portrait in portraits:
        assert "ublic domain" in portrait.licence and portrait.attribution and portrait.source
        assert portrait.path.stat().st_size < 150_000
        assert len(engine.finder.find(read_picture(portrait.path))) == 1


# Reading


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two good templates in a folder of their own."""
    for id in ("nod", "smile"):
        shutil.copytree(MOTIONS / id, tmp_path / "motions" / id)
    return tmp_path / "motions"


@pytest.mark.parametrize("damage", ["no motion", "cut motion", "no card", "bad card", "card without title"])
def test_a_damaged_template_does_not_hide_the_others(
    folder: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    place = folder / "nod"
    if damage == "no motion":
        (place / "motion.npz").unlink()
    elif damage == "cut motion":
        (place / "motion.npz").write_bytes((place / "motion.npz").read_bytes()[:500])
    elif damage == "no card":
        (place / "template.toml").unlink()
    else:
        (place / "template.toml").write_text("title = [" if damage == "bad card" else "tags = []")
    with caplog.at_level(logging.WARNING):
        assert [template.id for template in list_templates(folder)] == ["smile"]
    assert ("nod" in caplog.text) == (damage != "no card")  # without a card it is no template at all
    with pytest.raises(TemplateNotFound, match="nod"):
        get_template("nod", folder)


def test_a_template_is_read_again_when_its_files_have_changed_and_only_then(folder: Path) -> None:
    first = get_template("nod", folder)
    assert get_template("nod", folder).motion is first.motion
    assert not any(array.flags.writeable for array in vars(first.motion.keypoints).values())
    write_metadata(CARD, folder / "nod")
    assert get_template("nod", folder).title == CARD.title != first.title
    (folder / "nod" / "preview.webp").unlink()
    assert get_template("nod", folder).preview is None
    shutil.copy(MOTIONS / "blink" / "motion.npz", folder / "nod")
    assert len(get_template("nod", folder).motion) != len(first.motion)


def test_a_template_of_another_model_is_refused(folder: Path) -> None:
    with pytest.raises(MotionOutdated, match="make templates"):
        get_template("nod", folder, "another")
    assert list_templates(folder, "another") == []


def test_a_second_folder_adds_to_the_first_and_replaces_nothing(folder: Path, tmp_path: Path) -> None:
    more = tmp_path / "more"
    for id, source in (("nod", "blink"), ("own", "wink")):
        shutil.copytree(MOTIONS / source, more / id)
    assert template_ids(folder, more) == ["nod", "own", "smile"]
    titles = {each.id: each.title for each in list_templates(folder, more=more)}
    assert titles == {"nod": "Nod", "own": "Wink", "smile": "Smile"}
    assert get_template("own", folder, more=more).title == "Wink"
    assert get_template("nod", folder, more=more).title == "Nod"
    with pytest.raises(TemplateNotFound, match="Did you mean own"):
        get_template("owm", folder, more=more)
    assert template_ids(folder, tmp_path / "nowhere") == ["nod", "smile"]


def test_a_template_is_removed_as_a_whole_whatever_its_state(folder: Path) -> None:
    (folder / "nod" / "motion.npz").write_bytes(b"damaged")
    remove_template("nod", folder)
    assert [path.name for path in folder.iterdir()] == ["smile"]
    for id in ("nod", "../motions/smile", "."):
        with pytest.raises(TemplateNotFound):
            remove_template(id, folder)
    assert template_ids(folder) == ["smile"]


def test_an_unknown_id_gets_similar_ones(folder: Path) -> None:
    with pytest.raises(TemplateNotFound, match="Did you mean smile"):
        get_template("smiel", folder)
    with pytest.raises(TemplateNotFound, match="There are: nod, smile"):
        get_template("xyz", folder)
    with pytest.raises(TemplateNotFound, match="has none"):
        get_template("nod", folder / "nowhere")


@pytest.mark.parametrize("id", ["../motions/nod", "nod/", "", ".", "NOD", "nod\0", "a" * 300, "-nod", "a--b"])
def test_what_is_no_slug_is_not_found(folder: Path, id: str) -> None:
    with pytest.raises(TemplateNotFound):
        get_template(id, folder)


def test_a_card_comes_back_as_it_was_written(tmp_path: Path) -> None:
    recipe = BuildRecipe("train/a.mp4", RetimeOptions(first=3, last=9, fps=25, loop="blend", repeat=2))
    card = TemplateMetadata('A "quoted" \\ title é 😀', "CC BY 4.0", "someone", ("a", "b"), recipe)
    write_metadata(card, tmp_path)
    assert read_metadata(tmp_path) == card


@pytest.mark.parametrize("title", ["", "  ", "two\nlines", "bell\x07"])
def test_a_card_without_a_clean_title_is_refused(title: str) -> None:
    with pytest.raises(InvalidOption, match="title"):
        TemplateMetadata(title, "CC0-1.0", "someone")


def test_an_unknown_portrait_is_refused() -> None:
    assert get_portrait("eileen-collins").title == "Eileen Collins"
    with pytest.raises(InvalidOption, match="eileen-collins"):
        get_portrait("mona-lisa")


def test_damaged_portraits_are_a_fault_of_the_installation(tmp_path: Path) -> None:
    with pytest.raises(SetupError):
        list_portraits(tmp_path)
    shutil.copy(PORTRAITS / "portraits.toml", tmp_path)
    with pytest.raises(SetupError, match="eileen-collins"):
        list_portraits(tmp_path)


# Making


def test_a_template_is_made_from_a_clip(engine: Engine, clip: Path, tmp_path: Path) -> None:
    made = add_template(engine, clip, "my-nod", CARD, tmp_path / "new", keep_clip=True)
    assert (made.title, made.tags, len(made.motion)) == ("My nod", ("test",), FRAMES)
    assert made.motion.model == engine.model and made.motion.fps == Fraction(25, 2)
    centres = made.motion.keypoints.landmarks.mean(1)
    assert centres[-1, 0] - centres[0, 0] > 0.1  # 20 pixels to the right, in crops of about 200
    assert abs(centres[-1, 1] - centres[0, 1]) < 0.02
    assert made.driving is not None and len(list(open_clip(made.driving).frames)) == FRAMES
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["my-nod"]


def test_a_retimed_template_is_built_again_from_its_recipe(
    engine: Engine, clip: Path, tmp_path: Path
) -> None:
    retime = RetimeOptions(first=1, last=3, fps=25, loop="pingpong")
    card = TemplateMetadata("Short", "CC0-1.0", "made in a test", build=BuildRecipe(clip.name, retime))
    made = add_template(engine, clip, "short", card, tmp_path)
    assert len(made.motion) == 8 and made.driving is None
    first = (tmp_path / "short" / "motion.npz").read_bytes()
    (tmp_path / "short" / "motion.npz").unlink()
    (tmp_path / "short" / "preview.webp").unlink()
    (built,) = build_templates(engine, clip.parent, tmp_path)
    assert built.id == "short" and built.motion_rebuilt and built.error is None
    assert (tmp_path / "short" / "motion.npz").read_bytes() == first  # deterministic
    assert get_template("short", tmp_path, engine.model).preview is not None


def test_without_the_clip_only_the_preview_is_built(engine: Engine, clip: Path, tmp_path: Path) -> None:
    card = TemplateMetadata(
        "Short", "CC0-1.0", "made in a test", build=BuildRecipe(clip.name, RetimeOptions(last=2))
    )
    add_template(engine, clip, "short", card, tmp_path)
    (tmp_path / "short" / "preview.webp").unlink()
    (built,) = build_templates(engine, None, tmp_path)
    assert not built.motion_rebuilt and built.error is None
    assert (tmp_path / "short" / "preview.webp").is_file()


def test_building_says_what_it_cannot_build_and_goes_on(engine: Engine, folder: Path) -> None:
    stale = folder / "nod" / "motion.npz"
    with np.load(stale) as arrays:
        np.savez(stale, **{**arrays, "model": np.array("another")})
    shutil.rmtree(folder / "smile")
    results = {built.id: built for built in build_templates(engine, None, folder, ["nod", "missing"])}
    assert isinstance(results["nod"].error, MotionOutdated)
    assert "--data" in str(results["nod"].error)
    assert isinstance(results["missing"].error, TemplateNotFound)


def test_adding_refuses_a_bad_or_taken_id(engine: Engine, clip: Path, folder: Path) -> None:
    for id in ("My Nod", "../nod", "nod"):
        with pytest.raises(InvalidOption):
            add_template(engine, clip, id, CARD, folder)
    assert template_ids(folder) == ["nod", "smile"]


def test_who_is_second_replaces_nothing(
    engine: Engine, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(*arguments: Any) -> None:
        shutil.copytree(MOTIONS / "nod", tmp_path / "mine")

    monkeypatch.setattr("reenact.gallery.build.write_preview", meanwhile)
    with pytest.raises(OutputError):
        add_template(engine, clip, "mine", CARD, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"] and read_metadata(
        tmp_path / "mine"
    ).title == "Nod"


def test_adding_tells_of_every_frame_and_can_be_stopped(engine: Engine, clip: Path, tmp_path: Path) -> None:
    seen: list[int] = []

    def stop(done: int, total: int) -> None:
        seen.append(done)
        if done == 2:
            raise Cancelled("Enough.")

    with pytest.raises(Cancelled):
        add_template(engine, clip, "mine", CARD, tmp_path, on_progress=stop)
    assert seen == [0] * 2 * FRAMES + [1, 2] and list(tmp_path.iterdir()) == []


def test_a_kept_clip_is_not_retimed(engine: Engine, clip: Path, tmp_path: Path) -> None:
    card = TemplateMetadata(
        "Short", "CC0-1.0", "made in a test", build=BuildRecipe(clip.name, RetimeOptions(last=2))
    )
    with pytest.raises(InvalidOption, match="stored with its sound"):
        add_template(engine, clip, "short", card, tmp_path, keep_clip=True)


def test_frames_beyond_the_clip_are_refused(engine: Engine, clip: Path, tmp_path: Path) -> None:
    card = TemplateMetadata(
        "Short", "CC0-1.0", "made in a test", build=BuildRecipe(clip.name, RetimeOptions(first=90))
    )
    with pytest.raises(InvalidOption, match="6 frames"):
        add_template(engine, clip, "short", card, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_replacing_a_template_leaves_nothing_behind(engine: Engine, clip: Path, folder: Path) -> None:
    add_template(engine, clip, "nod", CARD, folder, overwrite=True)
    assert get_template("nod", folder, engine.model).title == "My nod"
    assert sorted(path.name for path in folder.iterdir()) == ["nod", "smile"]


KILLED = """
import os, signal, sys
from pathlib import Path
from reenact.engine import Engine
from reenact.gallery import TemplateMetadata, add_template

def watch(done, total):
    if done == 2:  # of the preview: the metadata and the motion are written
        os.kill(os.getpid(), signal.SIGKILL)

metadata = TemplateMetadata("My nod", "CC0-1.0", "made in a test")
engine, clip, folder = Engine(device="cpu"), Path(sys.argv[1]), Path(sys.argv[2])
add_template(engine, clip, "my-nod", metadata, folder, on_progress=watch)
"""


def test_what_a_killed_build_left_is_swept_but_not_what_is_being_written(clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "motions"
    shutil.copytree(MOTIONS / "nod", folder / "nod")
    done = subprocess.run([sys.executable, "-c", KILLED, clip, folder], timeout=240)
    assert done.returncode == -signal.SIGKILL
    [left] = [path for path in folder.iterdir() if path.name != "nod"]
    assert left.name.startswith(".my-nod-") and (left / "motion.npz").is_file()
    (folder / ".snapshot").mkdir()
    long_ago = time.time() - 7200
    for path in folder.rglob("*"):
        os.utime(path, (long_ago, long_ago))

    (left / "motion.npz").touch()  # as if it were being written
    assert sweep_templates(folder) == 0 and left.is_dir()
    os.utime(left / "motion.npz", (long_ago, long_ago))
    assert sweep_templates(folder) == 1
    assert sorted(path.name for path in folder.iterdir()) == [".snapshot", "nod"]
    assert sweep_templates(folder) == sweep_templates(tmp_path / "nowhere") == 0
