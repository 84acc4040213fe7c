from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from reenact.compose.canvas import Canvas
from reenact.config import MOTIONS
from reenact.engine import Engine
from reenact.errors import (
    Cancelled,
    DrivingStill,
    FaceIndexOutOfRange,
    FaceTooSmall,
    InvalidOption,
    NoFaceFound,
    OutputError,
    ReenactError,
    UnsupportedMedia,
)
from reenact.face.align import align, choose, extract_crop
from reenact.generator.renderer import BATCH, Source
from reenact.landmarks import MESH_INDICES
from reenact.media import EncodeOptions, open_clip, write_clip
from reenact.motion.transfer import TransferOptions
from reenact.options import AnimateOptions
from reenact.pipeline import animate, reconstruct
from reenact.runtime import available_cores
from reenact.subject import open_subject
from reenact.tracking import fill_missing_faces, track
from reenact.types import Clip, Crop, Keypoints, Motion, Template

Picture = NDArray[np.uint8]
NTSC = Fraction(24000, 1001)
CROP = AnimateOptions(paste="crop")


def moved(picture: Picture, crop: Crop, shift: float, size: tuple[int, int]) -> Picture:
    """The face ``shift`` of its square to the right and turned a little, in a frame of (width, height)."""
    side = crop.side * 1.15
    left, top = crop.left - 0.075 * crop.side - shift * crop.side, crop.top - 0.075 * crop.side
    frame = Image.fromarray(extract_crop(picture, Crop(left, top, side), max(size)))
    turned = frame.rotate(-60 * shift, Image.Resampling.BICUBIC)
    return np.asarray(turned)[: size[1], : size[0]]


def write(path: Path, frames: list[Picture], fps: Fraction = NTSC) -> Path:
    write_clip(Clip(iter(frames), fps), path, options=EncodeOptions(crf=4, preset="ultrafast"))
    return path


SHIFTS = (0.0, 0.04, 0.08, 0.1)


@pytest.fixture(scope="module")
def square(engine: Engine, portrait: Picture) -> Crop:
    return align(choose(engine.finder.find(portrait)))


@pytest.fixture(scope="module")
def driving(tmp_path_factory: pytest.TempPathFactory, portrait: Picture, square: Crop) -> Path:
    """A clip in which the portrait's own head moves to the right and turns."""
    frames = [moved(portrait, square, shift, (320, 300)) for shift in SHIFTS]
    return write(tmp_path_factory.mktemp("clips") / "driving.mp4", frames)


@pytest.fixture(scope="module")
def selfie(tmp_path_factory: pytest.TempPathFactory, portrait: Picture) -> Path:
    path = tmp_path_factory.mktemp("selfie") / "selfie.png"
    Image.fromarray(portrait).save(path)
    return path


@pytest.fixture(scope="module")
def motion(engine: Engine, driving: Path) -> Motion:
    return track(engine, driving)


def template(motion: Motion) -> Template:
    return Template("turn", "Turn", (), motion, "none", "nobody")


def read(path: Path) -> list[Picture]:
    return list(open_clip(path).frames)


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".webp"])
def test_a_clip_moves_the_whole_picture(
    engine: Engine, selfie: Path, driving: Path, portrait: Picture, square: Crop, tmp_path: Path, suffix: str
) -> None:
    out = tmp_path / f"out{suffix}"
    result = animate(engine, selfie, driving, out)
    size = Canvas(portrait, square, 256).size
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    assert (result.written.width, result.written.height, result.written.frames) == (*size, len(SHIFTS))
    assert len(result.faces) == 1
    assert result.seconds.keys() == {"find", "track", "render"}
    frames = read(out)
    assert [frame.shape for frame in frames] == [(size[1], size[0], 3)] * len(SHIFTS)
    if suffix == ".mp4":
        assert open_clip(out).fps == result.written.fps == NTSC
        corner = np.s_[:40, :40]  # nothing moves far from the face
        assert np.abs(frames[0][corner].astype(int) - frames[-1][corner]).mean() < 3


@pytest.mark.parametrize("paste", ["full", "crop"])
def test_a_label_lies_on_every_frame_but_not_on_the_face(
    engine: Engine,
    selfie: Path,
    motion: Motion,
    tmp_path: Path,
    paste: str,
) -> None:
    frames = {}
    for label in (None, "nl"):
        shown: list[Picture] = []
        options = AnimateOptions(paste=paste, label=label)  # type: ignore[arg-type]
        animate(engine, selfie, template(motion), tmp_path / "out.mp4", options, on_frame=shown.append)
        frames[label] = np.array(shown, np.int16)
    rows, columns = np.nonzero(np.abs(frames["nl"] - frames[None]).max((0, 3)) > 40)
    assert (np.abs(frames["nl"] - frames[None]).max((1, 2, 3)) > 40).all()
    assert 20 < np.ptp(columns) and 5 < np.ptp(rows) < 30
    for face in engine.finder.find(frames[None][0].astype(np.uint8)):
        left, top, right, bottom = face.box
        assert columns.max() < left or columns.min() > right or rows.max() < top or rows.min() > bottom


def test_the_face_follows_the_driving(
    engine: Engine, selfie: Path, motion: Motion, face_crop: Picture, tmp_path: Path
) -> None:
    animate(engine, selfie, template(motion), tmp_path / "out.mp4", CROP)
    frames = read(tmp_path / "out.mp4")
    assert [frame.shape for frame in frames] == [(256, 256, 3)] * len(SHIFTS)
    assert np.abs(frames[0].astype(int) - face_crop).mean() < 12
    centres = [choose(engine.finder.find(frame)).landmarks.mean(0) for frame in frames]
    shifts = [float(centre[0] - centres[0][0]) for centre in centres]
    expected = [shift * 256 for shift in SHIFTS]
    assert shifts == sorted(shifts)
    assert shifts[-1] == pytest.approx(expected[-1], rel=0.4)


def test_in_a_mirror_the_face_follows_the_other_way(
    engine: Engine, selfie: Path, motion: Motion, portrait: Picture, face_crop: Picture, tmp_path: Path
) -> None:
    options = AnimateOptions(paste="crop", mirror=True)
    result = animate(engine, selfie, template(motion), tmp_path / "out.mp4", options)
    frames = read(tmp_path / "out.mp4")
    assert np.abs(frames[0].astype(int) - face_crop).mean() < 12  # the picture itself is not turned over
    centres = [float(choose(engine.finder.find(frame)).landmarks[:, 0].mean()) for frame in frames]
    assert centres == sorted(centres, reverse=True)
    assert centres[-1] - centres[0] == pytest.approx(-SHIFTS[-1] * 256, rel=0.4)
    assert result.faces[0].box == choose(engine.finder.find(portrait)).box


def test_a_clip_and_its_stored_motion_give_the_same(
    engine: Engine, selfie: Path, driving: Path, motion: Motion, tmp_path: Path
) -> None:
    animate(engine, selfie, driving, tmp_path / "clip.mp4", CROP)
    animate(engine, selfie.read_bytes(), template(motion), tmp_path / "template.mp4", CROP)
    assert (tmp_path / "clip.mp4").read_bytes() == (tmp_path / "template.mp4").read_bytes()


@pytest.mark.parametrize("size", [512, 1024])
def test_a_larger_square_can_be_asked_for(
    engine: Engine, selfie: Path, motion: Motion, tmp_path: Path, size: int
) -> None:
    options = AnimateOptions(size=size, paste="crop")
    first = Motion(motion.keypoints[:1], motion.fps, motion.model)
    result = animate(engine, selfie, template(first), tmp_path / "out.webp", options)
    assert (result.written.width, result.written.height) == (size, size)


def test_no_strength_is_no_movement(engine: Engine, selfie: Path, motion: Motion, tmp_path: Path) -> None:
    options = AnimateOptions(paste="crop", transfer=TransferOptions(strength=0), encode=EncodeOptions(crf=0))
    animate(engine, selfie, template(motion), tmp_path / "out.mp4", options)
    frames = np.stack(read(tmp_path / "out.mp4")).astype(int)
    assert np.abs(frames - frames[0]).max() <= 4


def test_a_clip_of_one_frame_gives_its_pose_but_no_movement(
    engine: Engine, selfie: Path, portrait: Picture, square: Crop, tmp_path: Path
) -> None:
    clip = write(tmp_path / "one.mp4", [moved(portrait, square, 0.05, (320, 300))])
    posed = AnimateOptions(paste="crop", transfer=TransferOptions("absolute"))
    result = animate(engine, selfie, clip, tmp_path / "out.mp4", posed)
    assert result.written.frames == len(read(tmp_path / "out.mp4")) == 1
    with pytest.raises(DrivingStill, match="nothing would move"):
        animate(engine, selfie, clip, tmp_path / "still.mp4", CROP)
    assert not (tmp_path / "still.mp4").exists()


def test_what_the_readme_shows_of_python(
    selfie: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(selfie, tmp_path / "selfie.jpg")
    monkeypatch.chdir(tmp_path)
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    shutil.copy(MOTIONS / "astronaut" / "driving.mp4", tmp_path / "clip.mp4")
    exec(code.replace("Span(2, 7)", "Span(2, 2.2)"), {})  # a part that takes less time
    assert len(read(tmp_path / "out.mp4")) == 5
    assert capsys.readouterr().out.startswith(f"{len(read(tmp_path / 'nod.mp4'))} (")


def test_each_frame_is_reported(engine: Engine, selfie: Path, motion: Motion, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    animate(engine, selfie, template(motion), tmp_path / "out.mp4", CROP, lambda *done: told.append(done))
    count = len(SHIFTS)
    assert told == [(done, count) for done in range(1, count + 1)]


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".webp"])
def test_what_the_watcher_raises_stops_the_work_and_leaves_nothing(
    engine: Engine, selfie: Path, motion: Motion, tmp_path: Path, suffix: str
) -> None:
    def watch(done: int, total: int) -> None:
        if done == 2:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        animate(engine, selfie, template(motion), tmp_path / f"out{suffix}", CROP, watch)
    assert list(tmp_path.iterdir()) == []


def test_frames_are_made_as_they_are_written(
    engine: Engine, selfie: Path, motion: Motion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never more than a batch ahead, so that memory does not grow with the clip."""
    rows = np.zeros(2 * BATCH + 3, int)
    keypoints = motion.keypoints
    long = Keypoints(keypoints.points[rows], keypoints.jacobians[rows], keypoints.landmarks[rows])
    made, ahead = [0], []
    make = engine.renderer._batch

    def counted(source: object, driving: Keypoints) -> Picture:
        made[0] += len(driving)
        return make(source, driving)

    monkeypatch.setattr(engine.renderer, "_batch", counted)

    def watch(done: int, total: int) -> None:
        ahead.append(made[0] - done)

    still = Motion(long, motion.fps, motion.model)
    animate(engine, selfie, template(still), tmp_path / "out.mp4", CROP, watch)
    assert len(ahead) == len(rows)
    assert max(ahead) <= 2 * available_cores() * BATCH
    assert made[0] == len(rows)


def flat(height: int = 200, width: int = 240) -> Picture:
    return np.full((height, width, 3), 120, np.uint8)


@dataclass(frozen=True)
class Bad:
    """What is wrong, and the error that says so."""

    error: type[ReenactError]
    code: str
    selfie: Picture | bytes | None = None  # None: a good one
    driving: list[Picture] | bytes | None = None
    options: AnimateOptions = CROP
    out: str = "out.mp4"


BAD = {
    "selfie without a face": Bad(NoFaceFound, "no_face_found", selfie=flat()),
    "selfie is text": Bad(UnsupportedMedia, "unsupported_media", selfie=b"Dear diary,\n" * 50),
    "no second face": Bad(
        FaceIndexOutOfRange, "face_index_out_of_range", options=AnimateOptions(face=1, paste="crop")
    ),
    "driving without a face": Bad(NoFaceFound, "no_face_found", driving=[flat()] * 3),
    "driving is text": Bad(UnsupportedMedia, "unsupported_media", driving=b"Dear diary,\n" * 50),
    "unknown suffix": Bad(InvalidOption, "invalid_option", out="out.avi"),
    "absent folder": Bad(OutputError, "output_unwritable", out="absent/out.mp4"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_refused_and_leaves_nothing(
    engine: Engine, selfie: Path, driving: Path, tmp_path: Path, case: str
) -> None:
    bad = BAD[case]
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    if isinstance(bad.selfie, np.ndarray):
        selfie = tmp_path / "in" / "selfie.png"
        Image.fromarray(bad.selfie).save(selfie)
    if isinstance(bad.driving, list):
        driving = write(tmp_path / "in" / "driving.mp4", bad.driving)
    elif bad.driving:
        driving = tmp_path / "in" / "driving.gif"
        driving.write_bytes(bad.driving)
    given = bad.selfie if isinstance(bad.selfie, bytes) else selfie
    with pytest.raises(bad.error) as caught:
        animate(engine, given, driving, tmp_path / "out" / bad.out, bad.options)
    assert caught.value.code == bad.code
    assert list((tmp_path / "out").iterdir()) == []


def test_a_tiny_face_is_refused(engine: Engine, face_crop: Picture, motion: Motion, tmp_path: Path) -> None:
    small = Image.fromarray(face_crop).resize((44, 44), Image.Resampling.LANCZOS)
    Image.fromarray(np.pad(small, ((20, 20), (20, 20), (0, 0)), "symmetric")).save(tmp_path / "tiny.png")
    with pytest.raises(FaceTooSmall, match="at least 32"):
        animate(engine, tmp_path / "tiny.png", template(motion), tmp_path / "out.mp4")


@pytest.mark.parametrize(("name", "value"), [("size", 300), ("size", 0), ("paste", "beside")])
def test_an_option_out_of_range_is_named(name: str, value: object) -> None:
    with pytest.raises(InvalidOption, match=name):
        AnimateOptions(**{name: value})


def test_a_tracked_motion_is_tied_to_the_clip_and_the_model(engine: Engine, motion: Motion) -> None:
    assert len(motion) == len(SHIFTS)
    assert motion.fps == NTSC
    assert motion.model == engine.model
    nose = motion.keypoints.landmarks[:, MESH_INDICES.index(1), 0]
    assert (np.diff(nose) > 0.02).all()  # the square stands still, the face moves to the right


def test_a_part_of_a_clip_can_be_tracked(engine: Engine, driving: Path, motion: Motion) -> None:
    crop = Crop(10, 10, 280)
    whole, part = track(engine, driving, crop=crop), track(engine, driving, crop=crop, part=(1, 3))
    assert len(part) == 2
    np.testing.assert_allclose(
        part.keypoints.points, whole.keypoints.points[1:3], atol=0.02
    )  # ends are steadier


def test_some_frames_without_a_face_are_filled(
    engine: Engine, portrait: Picture, square: Crop, tmp_path: Path
) -> None:
    face = moved(portrait, square, 0, (320, 300))
    clip = write(tmp_path / "gap.mp4", [face, face, flat(300, 320), face])
    found = track(engine, clip)
    assert len(found) == 4
    np.testing.assert_allclose(found.keypoints.landmarks[2], found.keypoints.landmarks[1], atol=2e-3)


@pytest.mark.parametrize(
    ("seen", "nearest"),
    [
        ("x", [0]),
        (".x", [1, 1]),
        ("x..x", [0, 0, 3, 3]),
        (".x..x.", None),
        (".xx.", [1, 1, 2, 2]),
        ("..x", None),
        (".", None),
        ("", None),
    ],
)
def test_a_missing_face_is_taken_from_the_nearest_frame(seen: str, nearest: list[int] | None) -> None:
    found = np.array([each == "x" for each in seen], bool)
    if nearest is None:
        with pytest.raises(NoFaceFound, match=f"of {len(seen)} frames"):
            fill_missing_faces(found)
    else:
        assert fill_missing_faces(found).tolist() == nearest


def test_a_source_has_its_pose_and_both_sizes(engine: Engine, portrait: Picture, square: Crop) -> None:
    face = choose(engine.finder.find(portrait))
    small = open_subject(engine, portrait, face, square, 256).source
    assert small.full is small.picture
    large = open_subject(engine, portrait, face, square, 512).source
    assert large.full.shape == (512, 512, 3)
    assert np.array_equal(large.picture, small.picture)
    assert np.array_equal(large.keypoints.landmarks, square.to_units(face.landmarks)[list(MESH_INDICES)])


def difference(first: Picture, second: Picture) -> float:
    return float(np.abs(first.astype(int) - second).mean())


def reconstructed(
    engine: Engine, clip: Path, out: Path, watch: Callable[[int, int], None], size: int = 256
) -> list[Picture]:
    written = reconstruct(engine, clip, out, watch, size)
    frames = read(out)
    assert (written.width, written.height) == (size, size)
    assert written.frames == len(frames)
    return frames


@pytest.mark.parametrize("size", [256, 512])
def test_a_reconstruction_of_a_clip_of_its_size_is_not_cropped(
    engine: Engine, portrait: Picture, square: Crop, tmp_path: Path, size: int
) -> None:
    frames = [moved(portrait, square, shift, (size, size)) for shift in (*SHIFTS, *SHIFTS, *SHIFTS)]
    clip, told = write(tmp_path / "clip.mp4", frames), []
    result = reconstructed(engine, clip, tmp_path / "out.mp4", lambda *done: told.append(done), size)
    count = len(frames)
    assert len(result) == count
    # Both looks at the clip are told as nothing done, so that they can be stopped; then every frame made.
    assert told == [(0, count)] * (2 * count) + [(done, count) for done in range(1, count + 1)]
    assert open_clip(tmp_path / "out.mp4").fps == NTSC
    assert difference(result[0], frames[0]) < 10
    last = len(SHIFTS) - 1
    assert difference(result[last], frames[last]) < 0.8 * difference(frames[0], frames[last])


def test_a_reconstruction_of_another_clip_is_cropped_around_the_first_face(
    engine: Engine, portrait: Picture, square: Crop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The face starts at one place and stays at another, and still the source's pose fits its picture."""
    frames = [moved(portrait, square, shift, (320, 300)) for shift in (0.0, 0.1, 0.1, 0.1)]
    clip, prepared = write(tmp_path / "clip.mp4", frames), []
    prepare = engine.renderer.prepare

    def noted(picture: Picture, full: Picture, keypoints: Keypoints) -> Source:
        prepared.append((picture, keypoints))
        return prepare(picture, full, keypoints)

    monkeypatch.setattr(engine.renderer, "prepare", noted)
    result = reconstructed(engine, clip, tmp_path / "out.mp4", lambda *done: None)
    crop = align(choose(engine.finder.find(frames[0])))
    assert len(result) == 4
    assert difference(result[0], extract_crop(frames[0], crop, 256)) < 10
    ((picture, keypoints),) = prepared
    seen = choose(engine.finder.find(picture)).landmarks[list(MESH_INDICES)]
    assert np.abs(Crop(0, 0, 256).to_units(seen) - keypoints.landmarks).max() < 0.05


def test_a_reconstruction_of_another_size_is_refused(engine: Engine, tmp_path: Path) -> None:
    clip = write(tmp_path / "clip.mp4", [flat(256, 256)] * 2)
    with pytest.raises(InvalidOption):
        reconstruct(engine, clip, tmp_path / "out.mp4", size=300)


def test_a_clip_without_a_face_cannot_be_reconstructed(engine: Engine, tmp_path: Path) -> None:
    for size in (256, 300):
        clip = write(tmp_path / f"{size}.mp4", [flat(size, size)] * 2)
        with pytest.raises(NoFaceFound):
            reconstruct(engine, clip, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()
