"""The visible label of a result: asked for by an order, or decided by the operator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from apiflask import APIFlask

from reenact.media import open_clip
from reenact.provenance.label import LANGUAGES, Label
from reenact.types import Picture
from server.container import services_of
from server.http import text

from .conftest import Client, until

pytestmark = pytest.mark.real_engine
LEGIBLE = 0.85  # correlation with the drawn label


def read_label(frame: Picture) -> str | None:
    """The language of the label that lies in the lower corner of a frame, or None."""
    found = {language: likeness(frame, Label(language, frame.shape[1::-1], [])) for language in LANGUAGES}
    best = max(found, key=lambda language: found[language])
    return best if found[best] > LEGIBLE else None


def likeness(frame: Picture, label: Label) -> float:
    left, top, right, bottom = label.box
    drawn = label.blend(np.full_like(frame, 100))[top:bottom, left:right, 0]
    return float(np.corrcoef(drawn.ravel(), frame[top:bottom, left:right].mean(2).ravel())[0, 1])


def label_of(client: Client, folder: Path, headers: dict[str, str] | None = None, **form: Any) -> str | None:
    """Order a small result and read its label."""
    client.environ_base.update({f"HTTP_{name}": value for name, value in (headers or {}).items()})
    job = client.order(prefer="wait=30", paste="crop", **form).json
    assert job is not None and job["status"] == "succeeded", job
    path = folder / "result.mp4"
    path.write_bytes(client.get(job["result"]["url"]).data)
    labels = {read_label(frame) for frame in open_clip(path).frames}
    assert len(labels) == 1  # the same on every frame
    return labels.pop()


def ready(app: APIFlask) -> Client:
    until(lambda: services_of(app).jobs.ready, bool)
    client = app.test_client()
    assert isinstance(client, Client)
    return client


def test_every_language_of_the_page_has_a_label() -> None:
    assert set(text.LANGUAGES) == set(LANGUAGES)


def test_an_order_has_a_label_when_it_asks_for_one(client: Client, tmp_path: Path) -> None:
    assert label_of(client, tmp_path) is None
    assert label_of(client, tmp_path, label="true") == "en"
    assert label_of(client, tmp_path, label="true", language="ar") == "ar"
    assert label_of(client, tmp_path, {"ACCEPT_LANGUAGE": "fr, nl;q=0.8"}, label="true") == "nl"


def test_an_operator_can_label_everything(make_app: Callable[..., APIFlask], tmp_path: Path) -> None:
    client = ready(make_app(label="always"))
    assert label_of(client, tmp_path) == "en"
    assert label_of(client, tmp_path, label="false", language="nl") == "nl"
    assert b'id="label"' not in client.get("/").data


def test_an_operator_can_leave_labels_to_the_app(make_app: Callable[..., APIFlask], tmp_path: Path) -> None:
    client = ready(make_app(label="never"))
    assert label_of(client, tmp_path) is None
    refused = client.order(label="true")
    assert (refused.status_code, refused.json["code"]) == (422, "invalid_option")  # type: ignore[index]
    assert "label" in refused.json["detail"]  # type: ignore[index]
    assert b'id="label"' not in client.get("/").data


@pytest.mark.parametrize(("field", "value"), [("label", "maybe"), ("language", "tlh")])
def test_what_no_label_can_be_is_refused(client: Client, field: str, value: str) -> None:
    refused = client.order(**{field: value})
    assert refused.status_code == 422 and field in refused.json["errors"]  # type: ignore[index]
