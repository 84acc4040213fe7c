"""What a client can do wrong: its status, its code, and one shape for every error."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from werkzeug.test import TestResponse

from reenact.media import container
from server.codes import CODES
from server.container import Services, services_of

from .conftest import PORTRAIT, Client

PROBLEM = {"type", "title", "status", "detail", "code", "request_id"}


def png_header(width: int, height: int) -> bytes:
    """A PNG that announces a size and has no pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def check(answer: TestResponse, status: int, code: str) -> dict[str, Any]:
    problem: dict[str, Any] = answer.json  # type: ignore[assignment]
    assert (answer.status_code, problem["code"]) == (status, code), problem
    assert answer.mimetype == "application/problem+json"
    assert PROBLEM <= set(problem) <= PROBLEM | {"errors"}
    assert problem["status"] == status == CODES[code][0]
    assert problem["detail"].endswith(".") and len(problem["detail"]) > 15
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    return problem


def file(content: bytes) -> tuple[io.BytesIO, str]:
    return io.BytesIO(content), "holiday.jpg"


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({"consent": None}, 422, "consent_required"),
        ({"consent": "false"}, 422, "consent_required"),
        ({"consent": "perhaps"}, 422, "consent_required"),
        ({"portrait": None}, 422, "invalid_option"),
        ({"template": None}, 422, "invalid_option"),
        ({"template": "no-such"}, 404, "template_not_found"),
        ({"template": "../lock"}, 404, "template_not_found"),
        ({"portrait": "no-such"}, 422, "invalid_option"),
        ({"size": "300"}, 422, "invalid_option"),
        ({"size": "big"}, 422, "invalid_option"),
        ({"format": "avi"}, 422, "invalid_option"),
        ({"mode": "fast"}, 422, "invalid_option"),
        ({"strength": "2.1"}, 422, "invalid_option"),
        ({"strength": "nan"}, 422, "invalid_option"),
        ({"paste": "half"}, 422, "invalid_option"),
        ({"face": "-1"}, 422, "invalid_option"),
        ({"colour": "blue"}, 422, "invalid_option"),
        ({"selfie": "a text"}, 422, "invalid_option"),
        ({"selfie": file(b"x"), "portrait": "peter-i"}, 422, "invalid_option"),
        ({"selfie": file(b"")}, 422, "image_unreadable"),
        ({"selfie": file(b"no picture at all")}, 415, "unsupported_media"),
        ({"selfie": file(b"GIF89a" + bytes(64))}, 415, "unsupported_media"),
        ({"selfie": file(b"\x00\x00\x00\x18ftypisom" + bytes(64))}, 415, "unsupported_media"),
        ({"selfie": file(b"\xff\xd8\xff\xe0" + bytes(64))}, 422, "image_unreadable"),
        ({"selfie": file(png_header(30_000, 30_000))}, 413, "image_too_large"),
        ({"selfie": file(png_header(1, 30_000))}, 413, "image_too_large"),
        ({"selfie": file(bytes(2_100_000))}, 413, "upload_too_large"),
        ({"driving": file(b"")}, 422, "driving_unreadable"),
        ({"driving": file(b"#EXTM3U\nfile:///etc/passwd\n")}, 415, "unsupported_media"),
        ({"driving": file(png_header(10, 10))}, 415, "unsupported_media"),
        ({"driving": file(b"GIF89a")}, 422, "driving_unreadable"),
        ({"driving": file(b"\x00\x00\x00\x18ftypisom" + bytes(64))}, 422, "driving_unreadable"),
    ],
)
def test_a_bad_order_is_answered_at_once(
    client: Client, services: Services, form: dict[str, Any], status: int, code: str
) -> None:
    before = sum(services.jobs.records.counts().values())
    for value in form.values():
        if isinstance(value, tuple):
            value[0].seek(0)
    check(client.order(**form), status, code)
    assert sum(services.jobs.records.counts().values()) == before
    assert list((services.settings.data / "uploads").iterdir()) == []


def test_invalid_fields_are_named_each(client: Client) -> None:
    problem = check(client.order(size="300", mode="fast"), 422, "invalid_option")
    assert set(problem["errors"]) == {"size", "mode"}
    assert "256, 512, 1024" in problem["detail"]


def test_a_clip_over_the_servers_own_limits_is_refused(
    make_app: Callable[..., APIFlask], driving: Path
) -> None:
    app = make_app(driving_seconds=0.2)
    client = app.test_client()
    assert isinstance(client, Client)
    check(client.order(driving=file(driving.read_bytes())), 422, "driving_too_long")
    assert list((services_of(app).settings.data / "uploads").iterdir()) == []


@pytest.mark.parametrize(
    ("method", "address", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("PUT", "/v1/animations", 405, "method_not_allowed"),
        ("POST", "/", 405, "method_not_allowed"),
        ("DELETE", "/v1/templates", 405, "method_not_allowed"),
        ("POST", "/v1/portraits", 405, "method_not_allowed"),
        ("POST", "/v1/animations", 415, "unsupported_media"),
        ("GET", "/v1/animations/none", 404, "not_found"),
        ("DELETE", "/v1/animations/none", 404, "not_found"),
        ("GET", "/v1/templates/none", 404, "template_not_found"),
        ("GET", "/v1/templates/none/preview", 404, "template_not_found"),
        ("GET", "/v1/templates/long/preview", 404, "not_found"),
        ("GET", "/v1/portraits/none/image", 404, "not_found"),
        ("GET", "/v1/portraits/none/thumbnail", 404, "not_found"),
        ("GET", "/v1/results/none", 404, "not_found"),
        ("GET", "/v1/results/..%2f..%2flock", 404, "not_found"),
        ("GET", "/static/../app.py", 404, "not_found"),
        ("POST", "/healthz", 405, "method_not_allowed"),
    ],
)
def test_every_address_answers_errors_in_one_shape(
    client: Client, method: str, address: str, status: int, code: str
) -> None:
    answer = client.open(address, method=method)
    check(answer, status, code)
    assert (status == 405) == ("Allow" in answer.headers)


def test_a_body_of_another_kind_is_refused_before_it_is_read(client: Client) -> None:
    problem = check(client.post("/v1/animations", json={"consent": True}), 415, "unsupported_media")
    assert "multipart/form-data" in problem["detail"]


def test_too_many_or_too_large_fields(client: Client) -> None:
    check(client.order(portrait="x" * 600_000), 413, "upload_too_large")
    check(client.order(**{f"field{i}": "x" for i in range(40)}), 413, "upload_too_large")


def test_a_clients_own_request_id_is_kept_if_decent(client: Client) -> None:
    for sent, kept in (("phone-17.a", True), ("x" * 65, False), ("<b>", False)):
        answer = client.get("/v1/animations/none", headers={"X-Request-Id": sent})
        assert (answer.headers["X-Request-Id"] == sent) is kept
        check(answer, 404, "not_found")


def test_the_unexpected_is_logged_and_not_shown(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(*args: object, **options: object) -> None:
        raise RuntimeError("secret in /etc/somewhere")

    monkeypatch.setattr("server.api.templates.list_templates", break_down)
    answer = client.get("/v1/templates")
    problem = check(answer, 500, "internal")
    assert "secret" not in answer.text and "Traceback" not in answer.text
    assert "secret" in caplog.text and problem["request_id"] in caplog.text


def test_what_is_wrong_with_the_installation_names_no_folder(
    make_app: Callable[..., APIFlask], tmp_path: Path
) -> None:
    client = make_app(portraits=tmp_path / "none", templates=tmp_path / "none").test_client()
    answer = client.get("/v1/portraits")
    check(answer, 503, "setup")
    empty = client.get("/v1/templates/nod")
    check(empty, 404, "template_not_found")
    assert str(tmp_path) not in answer.text + empty.text


def test_a_form_that_names_no_face_or_two_is_told_what_there_is(client: Client) -> None:
    face = "Send exactly one of selfie (a file), portrait (an id) and selfie_of (the id of a job)."
    for form in (
        {"portrait": None},
        {"selfie": file(b"x")} | {"portrait": "peter-i"},
        {"selfie_of": "a job"},
    ):
        assert check(client.order(**form), 422, "invalid_option")["detail"] == face
    assert (
        "driving (a file) and template (an id)"
        in check(client.order(template=None), 422, "invalid_option")["detail"]
    )


def test_the_name_of_a_file_instead_of_the_file(client: Client) -> None:
    said = check(client.order(portrait=None, selfie="me.jpg"), 422, "invalid_option")["errors"]["selfie"]
    assert "@" in said[0]


@pytest.mark.parametrize("address", ["/v1/animations", "/v1/verify"])
def test_a_fault_of_ours_is_no_damaged_clip(
    client: Client,
    address: str,
    driving: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As with a PyAV that does not take an argument any more; whoever sent the clip cannot help it."""
    monkeypatch.setitem(container._TITLES, "taken_away", "replace")
    form = {"portrait": PORTRAIT, "consent": "true"} if "verify" not in address else {}
    name = "driving" if form else "file"
    answer = client.post(address, data={**form, name: (io.BytesIO(driving.read_bytes()), "a.mp4")})
    check(answer, 500, "internal")
    assert "TypeError" in caplog.text and "Traceback" in caplog.text and "container.py" in caplog.text
