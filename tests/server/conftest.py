"""Apps around an engine without a model, and around the real one, with a motion of four frames.

Tests whose subject is what the engine makes are marked ``real_engine``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from reenact.engine import Engine
from reenact.gallery import TemplateMetadata, get_portrait, get_template, write_metadata
from reenact.media import read_picture, write_clip
from reenact.motion.motion_file import save_motion
from reenact.pipeline import animate
from reenact.types import Clip, Motion
from server.app import create_app
from server.container import Services, services_of
from server.settings import Settings

from .fake_engine import animate_with, fake_engine

PORTRAIT = "eileen-collins"
TEMPLATE, LONG = "turn", "long"
FRAMES, LONG_FRAMES = 4, 2000
FPS = Fraction(10)
T = TypeVar("T")


class Client(FlaskClient):
    """Reads every answer to its end and closes what was sent, so that no file stays open."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        answer = super().open(*args, buffered=True, **kwargs)
        answer.request.environ["wsgi.input"].close()
        return answer

    def order(self, prefer: str | None = None, key: str | None = None, **form: Any) -> TestResponse:
        """POST an order; what is not given is a portrait and a template, and None leaves a field out."""
        face = {} if "selfie" in form else {"portrait": PORTRAIT}
        motion = {} if "driving" in form else {"template": TEMPLATE}
        fields = {**face, **motion, "consent": "true", **form}
        data = {name: value for name, value in fields.items() if value is not None}
        headers = {"Prefer": prefer or "", "Idempotency-Key": key or ""}
        headers = {name: value for name, value in headers.items() if value}
        return self.post("/v1/animations", data=data, content_type="multipart/form-data", headers=headers)

    def job(self, answer: TestResponse) -> dict[str, Any]:
        """The job of an answer as it is now."""
        found: dict[str, Any] = self.get(f"/v1/animations/{answer.json['id']}").json  # type: ignore[index]
        return found

    def ended(self, answer: TestResponse, seconds: float = 60) -> dict[str, Any]:
        """The job of an answer when it has ended."""
        return until(
            lambda: self.job(answer), lambda job: job["status"] not in ("queued", "running"), seconds
        )


def until(look: Callable[[], T], good: Callable[[T], object], seconds: float = 60) -> T:
    """Look again and again until it is good."""
    deadline = time.monotonic() + seconds
    while not good(seen := look()):
        assert time.monotonic() < deadline, f"still {seen} after {seconds} s"
        time.sleep(0.02)
    return seen


@pytest.fixture(scope="session", autouse=True)
def _fake_animate() -> Iterator[None]:
    """Let the worker know how the fake engine animates."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("server.engine.work.animate", animate_with(animate))
        yield


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The real one."""
    engine = Engine()
    engine.warm()
    return engine


@pytest.fixture(scope="session")
def portrait() -> Path:
    return get_portrait(PORTRAIT).path


@pytest.fixture(scope="session")
def driving(portrait: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of four frames in which the shipped face moves a little to the side."""
    picture = np.asarray(Image.fromarray(read_picture(portrait)).resize((256, 256)))
    frames = (np.roll(picture, 3 * shift, axis=1) for shift in range(FRAMES))
    path = tmp_path_factory.mktemp("driving") / "clip.mp4"
    return write_clip(Clip(frames, FPS, FRAMES), path).path


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery with the first frames of a shipped motion, once as they are and once repeated for minutes."""
    folder = tmp_path_factory.mktemp("motions")
    motion = get_template("nod").motion
    for id, count in ((TEMPLATE, FRAMES), (LONG, LONG_FRAMES)):
        (folder / id).mkdir()
        write_metadata(TemplateMetadata(id.title(), "CC0-1.0", "These tests", ("test",)), folder / id)
        poses = motion.keypoints[np.arange(count) % FRAMES]
        save_motion(Motion(poses, FPS, motion.model), folder / id / "motion.npz")
    Image.new("RGB", (8, 8)).save(folder / TEMPLATE / "preview.webp")
    return folder


@pytest.fixture(scope="session")
def settings(templates: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        data=tmp_path_factory.mktemp("var"),
        templates=templates,
        more_templates=tmp_path_factory.mktemp("more"),
        upload_bytes=2_000_000,
        stop_seconds=5,
    )


@pytest.fixture
def app(request: pytest.FixtureRequest) -> APIFlask:
    """The app that most tests share, ready."""
    found: APIFlask = request.getfixturevalue("real_app" if is_real(request) else "fake_app")
    return found


def is_real(request: pytest.FixtureRequest) -> bool:
    """Whether a test needs the shipped model."""
    return request.node.get_closest_marker("real_engine") is not None


@pytest.fixture(scope="session")
def fake_app(settings: Settings) -> Iterator[APIFlask]:
    """One without a model."""
    with running(settings, fake_engine) as app:
        yield app


@pytest.fixture(scope="session")
def real_app(
    settings: Settings, engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[APIFlask]:
    """One with the shipped model."""
    with running(replace(settings, data=tmp_path_factory.mktemp("var")), lambda: engine) as app:
        yield app


@contextmanager
def running(settings: Settings, open_engine: Callable[[], Engine]) -> Iterator[APIFlask]:
    """An app that is ready."""
    app = create_app(settings, open_engine)
    app.test_client_class = Client
    services_of(app).start()
    until(lambda: services_of(app).jobs.ready, bool)
    yield app
    assert services_of(app).close()


@pytest.fixture
def client(app: APIFlask) -> Client:
    client = app.test_client()
    assert isinstance(client, Client)
    return client


@pytest.fixture
def services(app: APIFlask) -> Services:
    return services_of(app)


@pytest.fixture
def open_engine(request: pytest.FixtureRequest) -> Callable[[], Engine]:
    """What opens the engine of ``make_app``."""
    return (lambda: request.getfixturevalue("engine")) if is_real(request) else fake_engine


@pytest.fixture
def make_app(
    settings: Settings, open_engine: Callable[[], Engine], tmp_path: Path
) -> Iterator[Callable[..., APIFlask]]:
    """make_app(open_engine, **settings): a started app of its own, stopped after the test."""
    made: list[APIFlask] = []

    def make(open_engine: Callable[[], Engine] = open_engine, **changes: Any) -> APIFlask:
        app = create_app(replace(settings, data=tmp_path / f"var{len(made)}", **changes), open_engine)
        app.test_client_class = Client
        made.append(app)
        services_of(app).start()
        return app

    yield make
    for app in made:
        services_of(app).close()
