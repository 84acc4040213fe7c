"""Portraits beyond those that ship: a folder of one's own, and fetching from a real (local) portal."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from PIL import Image

from reenact.errors import SetupError
from reenact.gallery import (
    Famous,
    Fetched,
    PortraitHost,
    famous_portraits,
    fetch_portraits,
    get_portrait,
    list_portraits,
)
from reenact.gallery.fetch import MAX_BYTES, SIDE
from reenact.gallery.templates import is_slug
from reenact.media import read_picture


class Commons(BaseHTTPRequestHandler):
    """A portal of a few files: a face behind a redirect, and everything that may go wrong."""

    picture = b""

    def do_GET(self) -> None:
        name = unquote(urlsplit(self.path).path).lstrip("/")
        here = f"http://127.0.0.1:{self.server.server_address[1]}"
        sent = {
            "Face.jpg": (302, f"{here}/thumb/Face.jpg", b""),
            "Elsewhere.jpg": (302, "http://localhost/Face.jpg", b""),
            "Local.jpg": (302, "file:///etc/hostname", b""),
            "thumb/Face.jpg": (200, "image/jpeg", self.picture),
            "Cut.jpg": (200, "image/jpeg", self.picture[:900]),
            "Page.jpg": (200, "text/html", b"<p>Not now</p>"),
            "Wall.jpg": (200, "image/png", self.wall()),
            "Endless.jpg": (200, "image/jpeg", bytes(MAX_BYTES + 1)),
        }
        status, kind, body = sent.get(name, (404, "text/plain", b"no"))
        self.send_response(status)
        self.send_header("Location" if status == 302 else "Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:  # the other side had enough
            self.close_connection = True

    def wall(self) -> bytes:
        from io import BytesIO

        file = BytesIO()
        Image.fromarray(np.full((300, 300, 3), 90, np.uint8)).save(file, "PNG")
        return file.getvalue()

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def host(portrait_file: Path) -> Iterator[PortraitHost]:
    Commons.picture = portrait_file.read_bytes()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Commons)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield PortraitHost(f"http://127.0.0.1:{server.server_port}/", frozenset({"127.0.0.1"}))
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_portrait_is_fetched_once_and_then_listed(host: PortraitHost, tmp_path: Path) -> None:
    folder, wanted = tmp_path / "deep" / "portraits", [Famous("mona-lisa", "Face.jpg")]
    assert list(fetch_portraits(folder, wanted, host)) == [Fetched("mona-lisa", new=True)]
    found = get_portrait("mona-lisa", more=folder)
    assert (found.title, found.licence) == ("Mona Lisa", "Public domain")
    assert "Leonardo" in found.attribution and found.source.startswith("https://commons.wikimedia.org/")
    assert max(read_picture(found.path).shape) <= SIDE
    assert list(fetch_portraits(folder, wanted, host)) == [Fetched("mona-lisa")]
    assert [path.name for path in folder.iterdir()] == ["mona-lisa.jpg"]


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("Cut.jpg", "image_unreadable"),
        ("Page.jpg", "unsupported_media"),
        ("Wall.jpg", "no_face_found"),
        ("Endless.jpg", "image_too_large"),
        ("Missing.jpg", "setup"),
        ("Elsewhere.jpg", "setup"),
        ("Local.jpg", "setup"),
    ],
)
def test_what_is_no_portrait_is_not_kept(host: PortraitHost, tmp_path: Path, file: str, code: str) -> None:
    (fetched,) = fetch_portraits(tmp_path, [Famous("it", file)], host)
    assert fetched.error and fetched.error.code == code
    assert list(tmp_path.iterdir()) == []


def test_without_a_network_that_is_said_once_and_nothing_is_made(tmp_path: Path) -> None:
    nobody = PortraitHost("http://127.0.0.1:9/", frozenset({"127.0.0.1"}))
    (fetched,) = fetch_portraits(tmp_path / "none", [Famous("a", "A.jpg"), Famous("b", "B.jpg")], nobody)
    assert fetched.error and fetched.error.code == "setup"
    assert "127.0.0.1 cannot be reached" in str(fetched.error)
    assert not (tmp_path / "none").exists()


def test_one_that_is_refused_does_not_stop_the_others(host: PortraitHost, tmp_path: Path) -> None:
    wanted = [Famous("gone", "Missing.jpg"), Famous("mona-lisa", "Face.jpg")]
    assert [each.new for each in fetch_portraits(tmp_path, wanted, host)] == [False, True]


def test_what_is_known_of_the_famous_is_whole() -> None:
    assert len(famous_portraits()) >= 7
    assert all(is_slug(each.id) and each.commons.endswith(".jpg") for each in famous_portraits())
    assert not {each.id for each in famous_portraits()} & {each.id for each in list_portraits()}
    address = PortraitHost().of(famous_portraits()[0].commons)
    assert PortraitHost().allows(address) and " " not in address
    assert not PortraitHost().allows("https://commons.wikimedia.org.example/x")
    assert not PortraitHost().allows("http://commons.wikimedia.org/x")


def test_a_folder_of_ones_own(portrait_file: Path, tmp_path: Path) -> None:
    for name in ("my-aunt.jpg", "uncle.png", "Not A Slug.jpg", "notes.txt", "eileen-collins.jpg"):
        (tmp_path / name).write_bytes(portrait_file.read_bytes())
    more = list_portraits(more=tmp_path)[len(list_portraits()) :]
    assert [(each.id, each.title, each.licence) for each in more] == [
        ("my-aunt", "My Aunt", "Unknown"),
        ("uncle", "Uncle", "Unknown"),
    ]
    (tmp_path / "portraits.toml").write_text(
        '[[portraits]]\nid = "uncle"\ntitle = "Uncle Bob"\nlicence = "CC0"\nattribution = "Me"\n'
    )
    assert get_portrait("uncle", more=tmp_path).title == "Uncle Bob"
    (tmp_path / "portraits.toml").write_text("[[portraits")
    with pytest.raises(SetupError, match=r"portraits\.toml"):
        list_portraits(more=tmp_path)
    assert list_portraits(more=tmp_path / "missing") == list_portraits()
