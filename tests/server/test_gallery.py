from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask import Response
from PIL import Image

from reenact.gallery import list_portraits
from server.api import templates as templates_api

from .conftest import FRAMES, PORTRAIT, TEMPLATE, Client


def test_templates_are_listed_with_all_that_a_page_shows(client: Client) -> None:
    listed = {each["id"]: each for each in client.get("/v1/templates").json["templates"]}  # type: ignore[index]
    assert set(listed) == {TEMPLATE, "long"}
    turn = listed[TEMPLATE]
    assert (turn["title"], turn["tags"], turn["seconds"], turn["fps"]) == ("Turn", ["test"], FRAMES / 10, 10)
    assert (turn["licence"], turn["attribution"], turn["has_audio"]) == ("CC0-1.0", "These tests", False)
    assert listed["long"]["preview_url"] is None
    assert client.get(f"/v1/templates/{TEMPLATE}").json == turn | {"frames": FRAMES}


def test_a_preview_is_served_and_may_be_kept(client: Client, templates: Path) -> None:
    listed = client.get(f"/v1/templates/{TEMPLATE}").json
    assert listed is not None
    answer = client.get(listed["preview_url"])
    assert (answer.mimetype, answer.data) == (
        "image/webp",
        (templates / TEMPLATE / "preview.webp").read_bytes(),
    )
    assert answer.cache_control.max_age
    again = client.get(listed["preview_url"], headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_every_shipped_portrait_is_listed_with_licence_and_picture(client: Client) -> None:
    listed = client.get("/v1/portraits").json["portraits"]  # type: ignore[index]
    assert [each["id"] for each in listed] == [each.id for each in list_portraits()]
    assert PORTRAIT in [each["id"] for each in listed]
    for each in listed:
        assert each["title"] and each["licence"] and each["attribution"] and each["source"]
        answer = client.get(each["image_url"])
        assert (answer.status_code, answer.data[:3]) == (200, b"\xff\xd8\xff")
        with Image.open(io.BytesIO(client.get(each["thumbnail_url"]).data)) as small:
            assert (small.format, small.size) == ("JPEG", (256, 256))


def test_an_operators_own_picture_is_listed_small(make_app: Callable[..., APIFlask], tmp_path: Path) -> None:
    def paint(colour: str, age: int) -> None:
        tall = Image.new("RGB", (1000, 4000), "white")
        tall.paste(colour, (0, 0, 1000, 1400))  # the square begins a fifth of what is left over below the top
        tall.save(tmp_path / "mine" / "my-aunt.png")
        os.utime(tmp_path / "mine" / "my-aunt.png", (age, age))

    def small() -> Image.Image:
        return Image.open(io.BytesIO(client.get(address).data))

    (tmp_path / "mine").mkdir()
    paint("red", 1)
    (tmp_path / "mine" / "broken.jpg").write_bytes(b"no picture")
    client = make_app(more_portraits=tmp_path / "mine").test_client()
    listed = {each["id"]: each for each in client.get("/v1/portraits").json["portraits"]}  # type: ignore[index]
    address = listed["my-aunt"]["thumbnail_url"]
    answer = client.get(address)
    assert len(answer.data) < 10_000 and answer.cache_control.max_age
    assert small().size == (256, 256)
    assert small().getpixel((128, 128))[0] > 200 > 50 > small().getpixel((128, 128))[2]  # type: ignore[index,operator]
    assert small().getpixel((128, 250)) == (255, 255, 255)
    assert client.get(address, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    paint("blue", 2)
    assert client.get(address).data != answer.data

    broken = client.get(listed["broken"]["thumbnail_url"])
    assert broken.status_code == 404 and "broken" in broken.json["detail"]  # type: ignore[index]


def test_a_picture_that_is_deleted_just_before_it_is_opened_is_not_found(
    client: Client, templates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, kept = templates / TEMPLATE / "preview.webp", (templates / TEMPLATE / "preview.webp").read_bytes()
    send = templates_api.send_file

    def lose_and_send(path: Path, **more: Any) -> Response:
        path.unlink()
        return send(path, **more)

    monkeypatch.setattr(templates_api, "send_file", lose_and_send)
    try:
        answer = client.get(f"/v1/templates/{TEMPLATE}/preview")
    finally:
        shown.write_bytes(kept)
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")  # type: ignore[index]
