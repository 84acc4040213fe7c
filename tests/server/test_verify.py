"""A look at a file over HTTP: what is found, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from apiflask import APIFlask
from PIL import Image
from werkzeug.test import TestResponse

from reenact.gallery import get_portrait
from reenact.media import read_picture
from reenact.provenance.certificate import development_certificate
from reenact.watermark.embed import Marker, Watermark
from server.api.verify_schemas import EXAMPLES
from server.container import Services
from server.engine.work import watermark_id

from .conftest import PORTRAIT, Client

pytestmark = pytest.mark.real_engine


def look(client: Client, content: bytes, name: str = "file", **headers: str) -> TestResponse:
    return client.post("/v1/verify", data={"file": (BytesIO(content), name)}, headers=headers)


def result(client: Client, format: str) -> tuple[str, bytes]:
    """A new job's id and the content of its file."""
    job = client.order(prefer="wait=30", format=format, size="512", paste="crop").json
    assert job is not None and job["status"] == "succeeded", job
    return job["id"], client.get(job["result"]["url"]).data


def shape(value: Any) -> Any:
    """The names in an answer, without the values."""
    return {name: shape(each) for name, each in value.items()} if isinstance(value, dict) else None


@pytest.mark.parametrize("format", ["mp4", "gif", "webp"])
def test_a_result_is_recognised(client: Client, services: Services, format: str) -> None:
    job, content = result(client, format)
    answer = look(client, content)
    found = answer.json
    assert found is not None and answer.status_code == 200, found
    assert (found["verdict"], found["watermark"]["id"]) == ("made", f"{watermark_id(job):016x}")
    assert found["manifest"]["valid"] and found["manifest"]["development"]
    assert found["answer"][0].startswith("This was made by Reenact")
    assert answer.headers["Cache-Control"] == "no-store"
    assert shape(found) == shape(EXAMPLES["made"]["value"])
    assert not list((services.settings.data / "uploads").iterdir())


def test_a_changed_result_is_called_changed(client: Client) -> None:
    _, content = result(client, "mp4")
    found = look(client, content[:-1] + bytes([content[-1] ^ 1])).json
    assert found is not None
    assert (found["verdict"], found["manifest"]["valid"]) == ("made", False)
    assert found["manifest"]["problems"] == ["assertion.bmffHash.mismatch"]


def test_a_picture_that_says_nothing_cannot_be_told(client: Client) -> None:
    picture = BytesIO()
    Image.new("RGB", (64, 64), "teal").save(picture, "PNG")
    found = look(client, picture.getvalue()).json
    assert found is not None
    assert shape(found) == shape(EXAMPLES["cannot_tell"]["value"])
    assert (found["verdict"], found["manifest"], found["watermark"]) == ("cannot_tell", None, None)


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"hello, this is text and no picture", 415, "unsupported_media"),
        (b"", 422, "driving_unreadable"),
        (b"\xff\xd8\xff and then nothing of a picture", 422, "image_unreadable"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom", 422, "driving_unreadable"),
        (b"GIF89a" + bytes(100), 422, "driving_unreadable"),
        (bytes(2_100_000), 413, "upload_too_large"),
    ],
)
def test_what_cannot_be_looked_at_is_refused(
    client: Client, services: Services, content: bytes, status: int, code: str
) -> None:
    answer = look(client, content)
    assert (answer.status_code, answer.json and answer.json["code"]) == (status, code)
    assert not list((services.settings.data / "uploads").iterdir())


def test_what_is_no_form_or_has_no_file_is_refused(client: Client) -> None:
    for data, code in (({"other": "x"}, "invalid_option"), (b"raw", "unsupported_media")):
        kind = "multipart/form-data" if isinstance(data, dict) else "video/mp4"
        answer = client.post("/v1/verify", data=data, content_type=kind)
        assert answer.json is not None and answer.json["code"] == code


def test_a_path_sent_in_place_of_a_file_is_told_from_one(client: Client) -> None:
    answer = client.post("/v1/verify", data={"file": "nod.mp4"}, content_type="multipart/form-data")
    assert answer.json is not None and "put @ before" in answer.json["errors"]["file"][0]


def test_too_many_at_once_are_sent_away(client: Client, services: Services) -> None:
    taken = 0
    while services.wait_slots.acquire(blocking=False):
        taken += 1
    try:
        answer = look(client, b"GIF89a")
        assert answer.json is not None and answer.json["code"] == "queue_full"
        assert int(answer.headers["Retry-After"]) > 0
    finally:
        for _ in range(taken):
            services.wait_slots.release()


def test_where_keys_are_asked_for_it_wants_one_too(make_app: Callable[..., APIFlask]) -> None:
    client = make_app(host="0.0.0.0").test_client()
    answer = client.post("/v1/verify", data={"file": (BytesIO(b"GIF89a"), "file")})
    assert answer.json is not None and answer.json["code"] == "unauthorized"


def test_with_roots_to_believe_the_signer_is_trusted(
    client: Client, make_app: Callable[..., APIFlask], services: Services, tmp_path: Path
) -> None:
    certificate = services.settings.data / "credentials"
    development_certificate(certificate)
    _, content = result(client, "webp")
    believing = make_app(c2pa_trust=certificate / "authority.pem").test_client()
    assert isinstance(believing, Client)
    found = look(believing, content).json
    assert found is not None and found["manifest"]["trusted"]


@pytest.mark.slow  # it searches in vain with one key first
def test_with_a_key_of_its_own_public_marks_are_read_too(make_app: Callable[..., APIFlask]) -> None:
    picture = Image.fromarray(read_picture(get_portrait(PORTRAIT).path)).resize((512, 512))
    marked, content = Marker(Watermark(7)).mark(np.asarray(picture)), BytesIO()
    Image.fromarray(marked).save(content, "PNG")
    client = make_app(watermark_key="a key of its own").test_client()
    assert isinstance(client, Client)
    found = look(client, content.getvalue()).json
    assert found is not None and found["watermark"]["id"] == f"{7:016x}"
