from __future__ import annotations

from pathlib import Path

from reenact.gallery import list_portraits

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
