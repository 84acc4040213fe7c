"""The page as it is served; what it does in a browser is tested with the full page (issue 5)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from apiflask import APIFlask
from PIL import Image

from .conftest import Client


@pytest.mark.parametrize("address", ["/", "/verify", "/docs"])
def test_a_page_needs_nothing_from_elsewhere_and_nothing_inline(client: Client, address: str) -> None:
    answer = client.get(address)
    page = answer.text
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy
    linked = re.findall(r'(?:src|href)="([^"#]+)"', page)
    assert linked and all(each.startswith("/") and not each.startswith("//") for each in linked)
    for each in linked:
        assert client.get(each).status_code == 200, each
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"\s(style|on\w+)=", page)
    assert '<html lang="en"' in page and 'name="viewport"' in page


@pytest.mark.parametrize(("address", "name"), [("/", "app"), ("/verify", "verify")])
def test_script_and_page_know_the_same_elements(client: Client, address: str, name: str) -> None:
    page, script = client.get(address).text, client.get(f"/static/{name}.js").text
    used = set(re.findall(r'\$\("([\w-]+)"\)', script))
    assert used and used <= set(re.findall(r'id="([\w-]+)"', page))
    assert "http://" not in script and "https://" not in script


@pytest.mark.parametrize("address", ["/", "/verify"])
def test_every_input_has_a_label(client: Client, address: str) -> None:
    page = client.get(address).text
    for input in re.findall(r"<input[^>]*>", page):
        name = re.search(r'id="([\w-]+)"', input)
        inside = re.search(rf"<label[^>]*>\s*{re.escape(input)}", page)
        assert inside or "aria-label=" in input or (name and f'for="{name[1]}"' in page), input


def test_the_best_known_face_comes_first_where_it_was_fetched(
    make_app: Callable[..., APIFlask], tmp_path: Path
) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "mona-lisa.jpg")
    page = make_app(more_portraits=tmp_path).test_client().get("/").text
    assert re.findall(r'data-id="([\w-]+)" data-licence', page)[:2] == ["mona-lisa", "eileen-collins"]


def test_answers_are_guarded_everywhere(client: Client) -> None:
    for address in ("/", "/v1/templates", "/nowhere", "/static/app.js"):
        headers = client.get(address).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'self'" in headers["Content-Security-Policy"]
