"""Forms as newcomers send them, and what they are told."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask

from server.app import FORM_PARTS

from .conftest import Client
from .test_bad_input import PROBLEM, check, file

PART = b'--b\r\nContent-Disposition: form-data; name="consent"\r\n\r\ntrue\r\n'


@pytest.mark.parametrize("address", ["/v1/animations", "/v1/templates", "/v1/previews", "/v1/verify"])
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", PART + b"--b--\r\n"),  # set by hand, and so without its boundary
        ("multipart/form-data; boundary=a", PART + b"--b--\r\n"),
        ("multipart/form-data; boundary=b", PART),
        ("multipart/form-data; boundary=b", b"garbage"),
        ("multipart/form-data; boundary=\xfc", PART),
        ("multipart/form-data; boundary=b", PART.replace(b' name="consent"', b"") + b"--b--\r\n"),
    ],
)
def test_a_form_that_cannot_be_read_is_not_taken_for_an_empty_one(
    client: Client, address: str, kind: str, body: bytes
) -> None:
    problem = check(client.post(address, data=body, content_type=kind), 400, "bad_request")
    assert "errors" not in problem


@pytest.mark.parametrize(
    ("form", "code", "field"),
    [
        ({"consent": ""}, "consent_required", "consent"),
        ({"consent": "maybe"}, "consent_required", "consent"),
        ({"metadata": "a\0b"}, "invalid_option", "metadata"),
        ({"portrait": "/etc/passwd"}, "invalid_option", "portrait"),
        ({"portrait": None, "selfie": file(b"x"), "template": "../nod"}, "template_not_found", None),
    ],
)
def test_the_field_that_is_wrong_is_named(
    client: Client, form: dict[str, Any], code: str, field: str | None
) -> None:
    answer = client.order(**form)
    assert answer.json and set(answer.json) <= PROBLEM | {"errors"}
    assert answer.json["code"] == code and list(answer.json.get("errors", [None])) == [field]


def test_too_many_fields_are_not_called_too_many_bytes_alone(client: Client) -> None:
    problem = check(client.order(**{f"field{i}": "x" for i in range(40)}), 413, "upload_too_large")
    assert str(FORM_PARTS) in problem["detail"]


def test_what_is_wrong_in_a_list_is_said(client: Client) -> None:
    form = {"title": "T", "licence": "L", "attribution": "A", "consent": "true", "tags": ["", "x"]}
    form["driving"] = file(b"GIF89a")  # type: ignore[assignment]
    problem = check(client.post("/v1/templates", data=form), 422, "invalid_option")
    assert list(problem["errors"]) == ["tags"]


def test_a_template_that_nobody_added_names_no_folder(
    make_app: Callable[..., APIFlask], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    client = make_app(more_templates=Path("var/motions")).test_client()
    problem = check(client.delete("/v1/templates/none"), 404, "template_not_found")
    assert "motions" not in problem["detail"]


ORDER = {"portrait": "eileen-collins", "template": "turn", "consent": "true"}
ADDED = {"title": "T", "licence": "L", "attribution": "A", "consent": "true"}


def photo() -> tuple[io.BytesIO, str]:
    return io.BytesIO(b"x"), "x.jpg"


@pytest.mark.parametrize(
    ("address", "form", "twice"),
    [
        ("/v1/animations", ORDER, {"format": ["gif", "mp4"]}),
        ("/v1/animations", ORDER, {"format": ["gif", "gif"], "template": ["turn", "long"]}),
        ("/v1/animations", ORDER, {"consent": ["true", "true"]}),
        ("/v1/animations", ORDER, {"selfie": [photo(), photo()]}),
        ("/v1/animations", ORDER, {"driving": [photo(), photo()]}),
        ("/v1/animations", ORDER, {"selfie": [photo(), "text"]}),
        ("/v1/templates", ADDED, {"driving": [photo(), photo()]}),
        ("/v1/templates", ADDED, {"title": ["a", "b"]}),
        ("/v1/previews", {}, {"selfie": [photo(), photo()]}),
        ("/v1/verify", {}, {"file": [photo(), photo()]}),
    ],
)
def test_what_may_come_once_and_comes_twice_is_named(
    client: Client, address: str, form: dict[str, Any], twice: dict[str, Any]
) -> None:
    answer = client.post(address, data={**form, **twice}, content_type="multipart/form-data")
    problem = check(answer, 422, "invalid_option")
    assert set(problem["errors"]) == set(twice)


def test_a_list_may_come_often(client: Client) -> None:
    form = {**ADDED, "tags": ["a", "b"], "driving": file(b"GIF89a")}
    check(client.post("/v1/templates", data=form), 422, "driving_unreadable")


@pytest.mark.parametrize("address", ["/v1/animations", "/v1/templates", "/v1/previews", "/v1/verify"])
def test_options_in_the_address_of_a_form_are_refused(client: Client, address: str) -> None:
    options, kind = "?format=gif&size=512", "multipart/form-data"
    answer = client.post(address + options, data={"consent": "true"}, content_type=kind)
    assert set(check(answer, 422, "invalid_option")["errors"]) == {"format", "size"}


@pytest.mark.parametrize(
    ("address", "wrong"),
    [
        ("/v1/animations?limit=1&page=2", "page"),
        ("/v1/animations?limit=1&limit=2", "limit"),
        ("/v1/templates?tag=head", "tag"),
        ("/v1/portraits?limit=1", "limit"),
    ],
)
def test_a_question_to_a_list_that_nobody_reads_is_refused(client: Client, address: str, wrong: str) -> None:
    assert set(check(client.get(address), 422, "invalid_option")["errors"]) == {wrong}
