"""Templates of an operator's own: added as jobs, kept, used, deleted; and nobody else's business."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from apiflask import APIFlask
from werkzeug.test import TestResponse

from reenact.gallery import TemplateMetadata, add_template, template_ids
from reenact.media import write_clip
from reenact.tracking import track
from reenact.types import Clip
from server.api import examples
from server.container import services_of

from .conftest import FRAMES, TEMPLATE, Client, until
from .test_keys import code

pytestmark = pytest.mark.real_engine
FORM: dict[str, Any] = examples.ADDITION
ID = "slow-turn"


@pytest.fixture
def more(tmp_path: Path) -> Path:
    return tmp_path / "more"


@pytest.fixture
def app(make_app: Callable[..., APIFlask], more: Path) -> APIFlask:
    app = make_app(more_templates=more, lease_seconds=3)  # after a fifth of it what failed is tried again
    until(lambda: services_of(app).jobs.ready, bool)
    return app


def client(app: APIFlask, operator: bool | None) -> Client:
    """A client with a new key; None: without one."""
    made = app.test_client()
    assert isinstance(made, Client)
    if operator is not None:
        text = services_of(app).keys.add("mine", operator)[1]
        made.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {text}"
    return made


def add(mine: Client, clip: Path | bytes, headers: dict[str, str] | None = None, **form: Any) -> TestResponse:
    """POST a template."""
    sent = clip if isinstance(clip, bytes) else clip.read_bytes()
    fields = {**FORM, "driving": (io.BytesIO(sent), "clip.mp4"), **form}
    data = {name: value for name, value in fields.items() if value is not None}
    return mine.post("/v1/templates", data=data, content_type="multipart/form-data", headers=headers or {})


def test_a_clip_becomes_a_template_that_moves_faces_and_outlives_a_restart(
    app: APIFlask, make_app: Callable[..., APIFlask], driving: Path, more: Path
) -> None:
    mine = client(app, True)
    taken = add(mine, driving)
    assert taken.status_code == 202 and taken.json is not None
    assert taken.headers["Location"] == f"/v1/animations/{taken.json['id']}"
    done = mine.ended(taken)
    assert (done["status"], done["progress"], done["result"], done["error"]) == ("succeeded", 1, None, None)
    assert done["template"] == examples.ADDED["template"]
    made = mine.get(done["template"]["url"]).json
    assert made is not None and made["id"] == ID
    for name in ("title", "tags", "licence", "attribution"):
        assert made[name] == FORM[name]
    assert (made["frames"], made["fps"], made["has_audio"]) == (FRAMES, 10, False)
    assert mine.get(made["preview_url"]).mimetype == "image/webp"
    assert [path.name for path in more.iterdir()] == [ID]
    assert {path.name for path in (more / ID).iterdir()} == {"template.toml", "motion.npz", "preview.webp"}
    (consent,) = services_of(app).consents.find(sha256(driving.read_bytes()).hexdigest())
    assert consent.job == done["id"]
    assert FORM["title"] in mine.get("/").text
    assert mine.delete(taken.headers["Location"]).status_code == 204  # the job's record, not the template
    assert services_of(app).close()

    again = make_app(more_templates=more)
    until(lambda: services_of(again).jobs.ready, bool)
    anyone = client(again, None)
    assert {each["id"] for each in anyone.get("/v1/templates").json["templates"]} >= {ID, TEMPLATE}  # type: ignore[index]
    moved = anyone.ended(anyone.order(template=ID))
    assert (moved["status"], moved["result"]["frames"]) == ("succeeded", FRAMES)


def test_only_operators_change_the_gallery(app: APIFlask, driving: Path, more: Path) -> None:
    operator, other, stranger = client(app, True), client(app, False), client(app, None)
    for each, expected in ((other, (403, "forbidden")), (stranger, (401, "unauthorized"))):
        assert code(add(each, driving)) == expected
        assert code(each.delete(f"/v1/templates/{TEMPLATE}")) == expected
        assert each.get("/v1/templates").status_code == 200
    assert code(operator.delete(f"/v1/templates/{TEMPLATE}")) == (403, "forbidden")  # it ships
    assert code(operator.delete("/v1/templates/none")) == (404, "template_not_found")
    assert template_ids(more) == []


def test_on_ones_own_machine_one_is_the_operator(app: APIFlask, driving: Path, more: Path) -> None:
    mine = client(app, None)
    headers = {"Prefer": "wait=30", "Idempotency-Key": "once"}
    made = add(mine, driving, headers, id="mine", tags=None)
    assert made.status_code == 200 and made.json is not None and made.json["status"] == "succeeded"
    assert add(mine, driving, headers, id="mine", tags=None).json["id"] == made.json["id"]  # type: ignore[index]
    assert template_ids(more) == ["mine"]
    assert mine.delete("/v1/templates/mine").status_code == 204
    assert list(more.iterdir()) == []
    assert code(mine.get("/v1/templates/mine")) == (404, "template_not_found")


@pytest.mark.parametrize(
    ("changes", "expected", "word"),
    [
        ({"id": TEMPLATE}, "invalid_option", "already"),
        ({"id": "../x"}, "invalid_option", "id"),
        ({"id": "a" * 65}, "invalid_option", "id"),
        ({"title": "دوران"}, "invalid_option", "id"),
        ({"title": "two\nlines"}, "invalid_option", "title"),
        ({"tags": [" "]}, "invalid_option", "tag"),
        ({"licence": None}, "invalid_option", "licence"),
        ({"consent": "false"}, "consent_required", "clip"),
        ({"consent": None}, "consent_required", "clip"),
        ({"driving": None}, "invalid_option", "driving"),
    ],
)
def test_what_is_wrong_with_the_form_is_answered_at_once(
    client: Client, driving: Path, changes: dict[str, Any], expected: str, word: str
) -> None:
    answer = add(client, driving, **changes)
    assert code(answer) == (422, expected)
    assert answer.json is not None and word in answer.json["detail"]


def test_a_clip_is_checked_and_one_without_a_face_fails_the_job(
    app: APIFlask, more: Path, tmp_path: Path
) -> None:
    mine = client(app, None)
    assert code(add(mine, b"no clip")) == (415, "unsupported_media")
    grey = (np.full((64, 64, 3), 128, np.uint8) for _ in range(FRAMES))
    clip = write_clip(Clip(grey, Fraction(10), FRAMES), tmp_path / "grey.mp4").path
    failed = mine.ended(add(mine, clip))
    assert (failed["status"], failed["error"]["code"]) == ("failed", "no_face_found")
    assert failed["template"] is None and template_ids(more) == []
    until(lambda: list((services_of(app).settings.data / "uploads").iterdir()), lambda left: not left)


def test_a_cancelled_job_adds_nothing(
    app: APIFlask, driving: Path, more: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = Event(), Event()

    def slow(*arguments: Any, **options: Any) -> Any:
        begun.set()
        assert go_on.wait(30)
        return track(*arguments, **options)

    monkeypatch.setattr("reenact.gallery.build.track", slow)
    mine = client(app, None)
    taken = add(mine, driving)
    assert begun.wait(30)
    assert mine.delete(taken.headers["Location"]).status_code == 204
    go_on.set()
    until(lambda: list((services_of(app).settings.data / "uploads").iterdir()), lambda left: not left)
    assert mine.job(taken)["status"] == "cancelled" and list(more.glob("*")) == []


def test_a_cancellation_at_the_last_moment_takes_the_template_back(
    app: APIFlask, driving: Path, more: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, jobs = client(app, None), services_of(app).jobs

    def cancelled_when_made(*arguments: Any, **options: Any) -> Any:
        made = add_template(*arguments, **options)
        assert template_ids(more) == [ID]
        jobs.cancel(jobs.page(None, None, 1)[0].id)
        return made

    monkeypatch.setattr("server.engine.work.add_template", cancelled_when_made)
    taken = add(mine, driving)
    until(lambda: mine.job(taken)["status"] == "cancelled" and template_ids(more), lambda left: left == [])


@pytest.mark.parametrize("own", [True, False])
def test_an_attempt_replaces_what_the_last_one_left_and_nothing_else(
    app: APIFlask, driving: Path, more: Path, own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a kill between the folder's last rename and the job's record."""
    mine, jobs = client(app, None), services_of(app).jobs

    def left_behind(
        engine: Any, clip: Path, id: str, card: TemplateMetadata, folder: Path, **options: Any
    ) -> Any:
        monkeypatch.setattr("server.engine.work.add_template", add_template)
        maker = jobs.page(None, None, 1)[0].id if own else None
        add_template(
            engine, clip, id, TemplateMetadata("Before", "CC0-1.0", "These tests", made_by=maker), folder
        )
        raise OSError("killed")

    monkeypatch.setattr("server.engine.work.add_template", left_behind)
    ended = mine.ended(add(mine, driving))
    title = mine.get(f"/v1/templates/{ID}").json["title"]  # type: ignore[index]
    assert (ended["status"], title) == (("succeeded", FORM["title"]) if own else ("failed", "Before"))
    if not own:
        assert ended["error"]["code"] == "invalid_option" and "already" in ended["error"]["detail"]
    shutil.rmtree(more)
