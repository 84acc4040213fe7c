"""Forms as newcomers send them, and what they are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask

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
    assert "form" in problem["detail"] and "consent:" not in problem["detail"]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"consent": ""}, "consent: Must be true"),
        ({"consent": "maybe"}, "consent: Must be true"),
        ({"metadata": "a\0b"}, "no zero byte"),
        ({"portrait": "/etc/passwd"}, "portrait: Must be an id, not a path."),
        ({"portrait": None, "selfie": file(b"x"), "template": "../nod"}, "There is no template '../nod'."),
    ],
)
def test_what_is_wrong_is_said_in_words_that_help(client: Client, form: dict[str, Any], said: str) -> None:
    answer = client.order(**form)
    assert answer.json and set(answer.json) <= PROBLEM | {"errors"}
    assert said in answer.json["detail"]


def test_too_many_fields_are_not_called_too_many_bytes_alone(client: Client) -> None:
    problem = check(client.order(**{f"field{i}": "x" for i in range(40)}), 413, "upload_too_large")
    assert "32 fields" in problem["detail"]


def test_what_is_wrong_in_a_list_is_said(client: Client) -> None:
    form = {"title": "T", "licence": "L", "attribution": "A", "consent": "true", "tags": ["", "x"]}
    form["driving"] = file(b"GIF89a")  # type: ignore[assignment]
    problem = check(client.post("/v1/templates", data=form), 422, "invalid_option")
    assert problem["errors"] == {"tags": ["Length must be between 1 and 30."]}


def test_a_template_that_nobody_added_names_no_folder(
    make_app: Callable[..., APIFlask], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    client = make_app(more_templates=Path("var/motions")).test_client()
    problem = check(client.delete("/v1/templates/none"), 404, "template_not_found")
    assert problem["detail"] == "There is no template 'none' among those that were added."
