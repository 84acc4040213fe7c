"""A face that is put into a clip, from the order to the result, with the real engine."""

from __future__ import annotations

import io
import json
import shutil
import time
from collections.abc import Callable
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from apiflask import APIFlask
from PIL import Image
from werkzeug.test import TestResponse

from reenact.config import MOTIONS
from reenact.engine import Engine
from reenact.face.fingerprint import fingerprints
from reenact.gallery import get_portrait
from reenact.media import open_clip, read_picture, write_clip
from reenact.types import Clip, Picture
from server.container import services_of
from server.engine.swap import count_tracking
from server.engine.work import watermark_id
from tests.sounds import with_tone

from .conftest import PORTRAIT, TEMPLATE, Client, until
from .test_screening import Check, check  # noqa: F401  # a fixture

pytestmark = pytest.mark.real_engine

SIZE, COUNT, RATE = (344, 312), 4, 10
OTHER = "thomas-jefferson"
SCENE = "scene"
Make = Callable[..., APIFlask]


@pytest.fixture(scope="session")
def frames() -> list[Picture]:
    """A real face that grows a little."""
    with Image.open(get_portrait(PORTRAIT).path) as picture:
        boxes = [(40 - 2 * i, 30 - 2 * i, 310 + 2 * i, 275 + 2 * i) for i in range(COUNT)]
        return [np.asarray(picture.convert("RGB").crop(box).resize(SIZE)) for box in boxes]


@pytest.fixture(scope="session")
def clip(frames: list[Picture], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a clip with sound."""
    folder = tmp_path_factory.mktemp("swap")
    return with_tone(written(folder / "silent.mp4", frames), folder / "clip.mp4")


@pytest.fixture
def scene(clip: Path, templates: Path, tmp_path: Path) -> Path:
    """A folder with a template that has its clip."""
    shutil.copytree(templates / TEMPLATE, tmp_path / "more" / SCENE)
    shutil.copy(clip, tmp_path / "more" / SCENE / "driving.mp4")
    return tmp_path / "more"


def written(path: Path, frames: list[Picture]) -> Path:
    return write_clip(Clip(iter(frames), Fraction(RATE), len(frames)), path).path


def upload(file: Path | bytes) -> tuple[io.BytesIO, str]:
    return io.BytesIO(file if isinstance(file, bytes) else file.read_bytes()), "file"


def swap(client: Client, clip: Path | bytes | None = None, **form: Any) -> TestResponse:
    """Order a swap and wait for its end; what is not given is a portrait and the small size."""
    sent = {"driving": upload(clip)} if clip else {}
    return client.order("wait=30", **{"effect": "swap", "portrait": OTHER, "size": "256", **sent, **form})


def made(answer: TestResponse) -> dict[str, Any]:
    """The job of a swap that succeeded."""
    job = answer.json
    assert job is not None and job.get("status") == "succeeded", job
    return dict(job)


def visitor(app: APIFlask) -> Client:
    until(lambda: services_of(app).jobs.ready, bool)
    client = app.test_client()
    assert isinstance(client, Client)
    return client


def result(client: Client, job: dict[str, Any], path: Path) -> list[Picture]:
    path.write_bytes(client.get(job["result"]["url"]).data)
    return list(open_clip(path).frames)


@pytest.mark.parametrize("format", ["mp4", "gif", "webp"])
def test_only_the_face_of_the_clip_changes(
    client: Client, clip: Path, portrait: Path, tmp_path: Path, format: str
) -> None:
    selfie = get_portrait(OTHER).path
    job = made(swap(client, clip, selfie=upload(selfie), portrait=None, format=format))
    assert (job["effect"], job["progress"], job["frames_done"]) == ("swap", 1, COUNT)
    assert set(job["timings"]) == {"find", "track", "render"} and len(job["faces"]) == 1
    about = job["result"]
    assert (about["width"], about["height"], about["fps"], about["has_audio"]) == (
        *SIZE,
        RATE,
        format == "mp4",
    )
    shown, given = result(client, job, tmp_path / f"out.{format}"), list(open_clip(clip).frames)
    assert len(shown) == about["frames"] == COUNT
    change = np.abs(shown[0].astype(int) - given[0]).mean(2)
    assert change[90:270, 100:240].mean() > 3 * change[:, :40].mean()


def test_a_part_of_the_clip_and_no_sound(client: Client, clip: Path) -> None:
    job = made(swap(client, clip, start="0.1", end="0.3", audio="false", likeness="0.5"))
    assert (job["frames_total"], job["result"]["frames"], job["result"]["has_audio"]) == (2, 2, False)


def test_a_template_with_a_clip_is_swapped_into(make_app: Make, scene: Path) -> None:
    client = visitor(make_app(more_templates=scene))
    listed = {each["id"]: each["has_video"] for each in client.get("/v1/templates").json["templates"]}  # type: ignore[index]
    assert listed[SCENE] and not listed[TEMPLATE]
    job = made(swap(client, template=SCENE, end="0.2"))
    assert (job["result"]["width"], job["result"]["frames"]) == (SIZE[0], 2)
    refused = swap(client, template=TEMPLATE)
    assert refused.status_code == 422 and refused.json is not None
    assert refused.json["code"] == "invalid_option" and f"have one: {SCENE}." in refused.json["detail"]
    [consent] = services_of(client.application).consents.find(f"template:{SCENE}")  # type: ignore[arg-type]
    assert (consent.job, consent.face) == (job["id"], f"portrait:{OTHER}")


def test_a_clip_that_ships_is_swapped_into(make_app: Make) -> None:
    client = visitor(make_app(templates=MOTIONS))
    template = client.get("/v1/templates/queen").json
    assert template is not None and (template["effect"], template["has_video"]) == ("swap", True)
    job = made(swap(client, template="queen", end="0.08"))
    assert (job["effect"], job["result"]["frames"]) == ("swap", 2)


def test_where_no_template_has_a_clip_one_is_asked_for(client: Client) -> None:
    refused = swap(client, template=TEMPLATE)
    assert refused.status_code == 422 and "No template here has one. Or send a clip" in refused.text


@pytest.mark.parametrize(
    ("form", "field", "says"),
    [
        ({"effect": "swap", "mode": "relative"}, "mode", "A swap has no such option"),
        ({"effect": "swap", "strength": "1"}, "strength", "A swap has no such option"),
        ({"effect": "swap", "paste": "full"}, "paste", "A swap has no such option"),
        ({"effect": "swap", "mirror": "false"}, "mirror", "A swap has no such option"),
        ({"effect": "animate", "start": "0"}, "start", "Only a swap has this option"),
        ({"effect": None, "end": "1"}, "end", "Only a swap has this option"),
        ({"effect": None, "likeness": "1"}, "likeness", "Only a swap has this option"),
        ({"effect": "morph"}, "effect", "animate"),
        ({"effect": "swap", "likeness": "1.1"}, "likeness", "1"),
        ({"effect": "swap", "start": "-1"}, "start", "0"),
        ({"effect": "swap", "start": "nan"}, "start", ""),
    ],
)
def test_options_without_sense_are_refused_by_name(
    client: Client, clip: Path, form: dict[str, Any], field: str, says: str
) -> None:
    refused = swap(client, clip, **form)
    assert refused.status_code == 422 and refused.json is not None
    assert refused.json["code"] == "invalid_option"
    [message] = refused.json["errors"][field]
    assert says in message and set(refused.json["errors"]) == {field}


def test_the_door_checks_the_part_of_the_clip(make_app: Make, clip: Path) -> None:
    client = visitor(make_app(driving_seconds=0.2))
    for form, code, says in (
        ({}, "driving_too_long", "lasts 0.4 s; at most 0.2 s"),
        ({"start": "0.3", "end": "0.1"}, "invalid_option", "end (0.1 s) must be later than start"),
        ({"start": "7"}, "invalid_option", "which lasts 0.4 s"),
    ):
        refused = swap(client, clip, **form)
        assert refused.status_code == 422 and refused.json is not None, form
        assert refused.json["code"] == code and says in refused.json["detail"]
    assert made(swap(client, clip, start="0.2"))["result"]["frames"] == 2
    assert list((services_of(client.application).settings.data / "uploads").iterdir()) == []  # type: ignore[arg-type]


def test_a_clip_or_a_selfie_without_a_face_fails_before_tracking(
    client: Client, clip: Path, frames: list[Picture], tmp_path: Path
) -> None:
    small = [np.asarray(Image.fromarray(each).resize((64, 58))) for each in frames]
    small = [np.pad(each, ((127, 127), (140, 140), (0, 0)), mode="edge") for each in small]
    grey = np.full((SIZE[1], SIZE[0], 3), 120, np.uint8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    for form, code, says in (
        ({"clip": written(tmp_path / "grey.mp4", [grey] * 3)}, "no_face_found", "spread over the clip"),
        ({"clip": written(tmp_path / "small.mp4", small)}, "face_too_small", "face in the clip is about"),
        (
            {"clip": clip, "selfie": upload(tmp_path / "grey.png"), "portrait": None},
            "no_face_found",
            "No face",
        ),
        ({"clip": clip, "face": "3"}, "face_index_out_of_range", ""),
    ):
        job = swap(client, **form).json
        assert job is not None and (job["status"], job["error"]["code"]) == ("failed", code), job
        assert says in job["error"]["detail"] and ("the clip" in job["error"]["detail"]) == ("clip" in says)
        assert job["frames_done"] == 0


def test_a_blocked_face_in_the_clip_is_refused(
    make_app: Make, clip: Path, portrait: Path, engine: Engine
) -> None:
    client = visitor(make_app())
    picture = read_picture(portrait)
    blocklist = services_of(client.application).blocklist  # type: ignore[arg-type]
    blocked = blocklist.add(fingerprints(picture, engine.finder.find(picture))[0, 0])
    job = swap(client, clip).json
    assert job is not None and (job["status"], job["error"]["code"]) == ("rejected", "face_blocked")
    assert "in this clip" in job["error"]["detail"]
    blocklist.remove(blocked.id)
    made(swap(client, clip, end="0.1"))


def test_the_operators_check_sees_the_clip(make_app: Make, check: Check, clip: Path) -> None:  # noqa: F811
    client = visitor(make_app(moderator=check.url))
    made(swap(client, clip))
    [(_, body)] = check.asked
    assert body.count(b'name="still"; filename="still-') == COUNT and body.count(b"\xff\xd8\xff") == COUNT + 1
    facts = json.loads(body.partition(b'name="facts"')[2].partition(b"\r\n\r\n")[2].partition(b"\r\n")[0])
    assert (facts["effect"], facts["template"]) == ("swap", None)
    assert facts["driving_sha256"] == sha256(clip.read_bytes()).hexdigest()
    check.answer = b'{"allow": false, "reason": "Not this clip."}'
    job = swap(client, clip).json
    assert job is not None and (job["status"], job["error"]["detail"]) == ("rejected", "Not this clip.")


def test_consent_is_for_face_and_clip(make_app: Make, clip: Path) -> None:
    client = visitor(make_app())
    refused = swap(client, clip, consent="false")
    assert refused.json is not None and refused.json["code"] == "consent_required"
    assert "for a swap the clip and the people in it" in refused.json["detail"]
    job = made(swap(client, clip, end="0.1"))
    [kept] = services_of(client.application).consents.find(sha256(clip.read_bytes()).hexdigest())  # type: ignore[arg-type]
    assert (kept.job, kept.face) == (job["id"], f"portrait:{OTHER}")


def test_a_swap_into_a_result_of_ours_has_one_mark_and_keeps_its_manifest(
    client: Client, clip: Path, tmp_path: Path
) -> None:
    first = made(swap(client, clip))
    second = made(swap(client, client.get(first["result"]["url"]).data, portrait="peter-i"))
    sent = {"file": upload(client.get(second["result"]["url"]).data)}
    told = client.post("/v1/verify", data=sent, content_type="multipart/form-data").json
    assert told is not None and told["verdict"] == "made"
    assert told["watermark"]["id"] == f"{watermark_id(second['id']):016x}"
    assert told["manifest"]["valid"] and told["manifest"]["act"] == "swap"
    assert told["answer"][0] == "This was made by Reenact: a program put a face into a clip."
    assert "Made of: clip, which has Content Credentials too." in told["answer"]


def test_the_label_lies_in_a_corner_of_the_whole_frame(client: Client, clip: Path, tmp_path: Path) -> None:
    shown = []
    for label in ("true", "false"):
        job = made(swap(client, clip, label=label, end="0.2"))
        shown.append(result(client, job, tmp_path / f"{label}.mp4")[-1].astype(int))
    changed = np.abs(shown[0] - shown[1]).max(2) > 40
    assert changed.sum() > 200
    assert changed[-60:].sum() + changed[:60].sum() == changed.sum()  # above or below the face


def test_where_the_clip_was_filmed_is_not_in_the_result(client: Client, clip: Path, tmp_path: Path) -> None:
    place = {"location": "+52.3702+004.8952/", "com.apple.quicktime.make": "Nokia", "comment": "my garden"}
    tagged = tmp_path / "tagged.mov"
    with (
        av.open(str(clip)) as source,
        av.open(str(tagged), "w", options={"movflags": "use_metadata_tags"}) as to,
    ):
        to.metadata.update(place)
        streams = {each.index: to.add_stream_from_template(each) for each in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                to.mux(packet)
    assert all(each.encode() in tagged.read_bytes() for each in place.values())
    job = made(swap(client, tagged, end="0.1"))
    data = client.get(job["result"]["url"]).data
    assert not any(each.encode() in data for each in place.values())


def test_progress_grows_over_tracking_and_rendering() -> None:
    told: list[tuple[int, int]] = []
    report = count_tracking(lambda done, total: told.append((done, total)))
    for done in (*[0] * 20, *range(1, 11)):
        report(done, 10)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[19] == (2, 10) and told[-1] == (10, 10) and {total for _, total in told} == {10}


def test_a_running_swap_shows_its_progress_and_its_frames(
    client: Client, frames: list[Picture], tmp_path: Path
) -> None:
    many = written(tmp_path / "long.mp4", [frames[index % COUNT] for index in range(12)])
    answer = client.order(effect="swap", portrait=OTHER, size="256", driving=upload(many))
    seen = {}

    def look() -> dict[str, Any]:
        time.sleep(0.1)  # who asks all the time keeps the engine of the same process from its work
        job = client.job(answer)
        seen[job["frames_done"]] = client.get(f"/v1/animations/{job['id']}/frame").status_code
        return job

    job = until(look, lambda job: job["status"] not in ("queued", "running"))
    assert job["status"] == "succeeded" and len(seen) > 2, seen
    assert 200 in seen.values()
