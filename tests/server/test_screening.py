"""What may not be animated is refused before it is rendered, and consent is kept without the picture."""

from __future__ import annotations

import hmac
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from apiflask import APIFlask
from PIL import Image

from reenact.engine import Engine
from reenact.errors import SetupError
from reenact.face.fingerprint import fingerprints
from reenact.media import read_picture
from server.container import Services, services_of
from server.screening import find_moderators

from .conftest import PORTRAIT, Client, until

pytestmark = pytest.mark.real_engine
SECRET = "a secret of two"
Make = Callable[..., APIFlask]


class Check(HTTPServer):
    """A moderator of its own, over HTTP: says what it is told to, and remembers what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.status, self.answer, self.seconds = 200, b'{"allow": true}', 0.0
        self.asked: list[tuple[dict[str, str], bytes]] = []
        Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/check"


class Answer(BaseHTTPRequestHandler):
    server: Check

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((dict(self.headers), body))
        time.sleep(self.server.seconds)
        self.send_response(self.server.status)
        self.send_header("Location", self.server.url)  # for the statuses that would lead elsewhere
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def check() -> Iterator[Check]:
    check = Check()
    yield check
    check.shutdown()
    check.server_close()


def visitor(app: APIFlask) -> Client:
    until(lambda: services_of(app).jobs.ready, bool)
    client = app.test_client()
    assert isinstance(client, Client)
    return client


def uploads(services: Services) -> list[Path]:
    return list((services.settings.data / "uploads").iterdir())


def photo(
    path: Path, change: Callable[[Image.Image], Image.Image] = lambda image: image
) -> tuple[io.BytesIO, str]:
    """An upload of a picture after a change."""
    file = io.BytesIO()
    with Image.open(path) as image:
        change(image.convert("RGB")).save(file, "JPEG", quality=70)
    return io.BytesIO(file.getvalue()), "me.jpg"


def test_a_check_over_http_sees_the_picture_and_allows(make_app: Make, check: Check, portrait: Path) -> None:
    client = visitor(make_app(moderator=check.url, moderator_secret=SECRET))
    file, name = photo(portrait)
    sent = file.getvalue()
    job = client.order(prefer="wait=30", paste="crop", selfie=(file, name)).json
    assert job is not None and job["status"] == "succeeded", job
    [(headers, body)] = check.asked
    assert sent in body
    facts = json.loads(body.partition(b'name="facts"')[2].partition(b"\r\n\r\n")[2].partition(b"\r\n")[0])
    assert facts["job"] == job["id"] and facts["selfie_sha256"] == sha256(sent).hexdigest()
    assert facts["portrait"] is facts["owner"] is None
    signed = dict(part.split("=") for part in headers["Reenact-Signature"].split(","))
    assert abs(time.time() - int(signed["t"])) < 60
    code = hmac.new(SECRET.encode(), f"{signed['t']}.".encode() + body, sha256).hexdigest()
    assert hmac.compare_digest(signed["v1"], code)


def test_a_check_refuses_before_anything_is_rendered(make_app: Make, check: Check) -> None:
    app = make_app(moderator=check.url)
    client = visitor(app)
    check.answer = b'{"allow": false, "reason": "No politicians\\nin election week."}'
    job = client.order(prefer="wait=30").json
    assert job is not None
    assert (job["status"], job["frames_done"], job["result"]) == ("rejected", 0, None)
    assert job["error"] == {"code": "rejected", "detail": "No politicians in election week."}
    assert uploads(services_of(app)) == []


@pytest.mark.parametrize(
    ("status", "answer", "seconds"),
    [
        (500, b"", 0.0),
        (302, b"", 0.0),
        (200, b"yes", 0.0),
        (200, b'{"allow": "no"}', 0.0),
        (200, b'{"allow": true}', 2.0),
    ],
)
@pytest.mark.parametrize("failure", ["refuse", "allow"])
def test_without_an_answer_nothing_is_rendered_unless_that_is_wanted(
    make_app: Make, check: Check, status: int, answer: bytes, seconds: float, failure: str
) -> None:
    client = visitor(
        make_app(moderator=check.url, moderator_seconds=0.5, moderator_failure=failure, attempts=1)
    )
    check.status, check.answer, check.seconds = status, answer, seconds
    job = client.order(prefer="wait=30", paste="crop").json
    assert job is not None
    if failure == "allow":
        assert job["status"] == "succeeded"
    else:
        assert (job["status"], job["error"]["code"]) == ("failed", "moderator_unavailable")
    assert len(check.asked) == 1  # a redirect is not followed


def test_a_check_that_is_not_there_counts_as_no_answer(make_app: Make) -> None:
    client = visitor(make_app(moderator="http://127.0.0.1:9/check", attempts=2, lease_seconds=3))
    job = client.order(prefer="wait=30").json
    assert job is not None and job["error"]["code"] == "moderator_unavailable"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """installed(code): a package that brings a moderator, as pip leaves one."""

    def install(code: str) -> None:
        site = tmp_path / "site"
        info = site / "strict-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: strict\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[reenact.moderators]\nstrict = strict_moderator:check\n")
        (site / "strict_moderator.py").write_text(code)
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.delitem(sys.modules, "strict_moderator", raising=False)

    return install


def test_an_installed_check_is_asked(make_app: Make, installed: Callable[[str], None]) -> None:
    installed(
        "def check(submission):\n"
        "    assert submission.selfie.stat().st_size > 1000\n"
        "    return None if submission.template == 'turn' else 'Only turns.'\n"
    )
    client = visitor(make_app())
    allowed, refused = (
        client.order(prefer="wait=30", template=name, paste="crop").json for name in ("turn", "long")
    )
    assert allowed is not None and allowed["status"] == "succeeded"
    assert refused is not None and (refused["status"], refused["error"]["detail"]) == (
        "rejected",
        "Only turns.",
    )


def test_an_installed_check_that_breaks_lets_nothing_through(
    make_app: Make, installed: Callable[[str], None]
) -> None:
    installed("def check(submission):\n    raise KeyError('oops')\n")
    client = visitor(make_app(attempts=1))
    job = client.order(prefer="wait=30").json
    assert job is not None and job["error"]["code"] == "moderator_unavailable"


def test_an_installed_check_that_cannot_be_loaded_stops_the_start(installed: Callable[[str], None]) -> None:
    installed("check = nothing\n")
    with pytest.raises(SetupError, match="strict"):
        find_moderators(None, None, 1)


def test_a_blocked_photo_is_refused_however_it_is_framed(
    make_app: Make, engine: Engine, portrait: Path
) -> None:
    app = make_app()
    client = visitor(app)
    blocklist = services_of(app).blocklist
    picture = read_picture(portrait)
    entry = blocklist.add(fingerprints(picture, engine.finder.find(picture))[0, 0], "request 7")

    def framed(image: Image.Image) -> Image.Image:
        width, height = image.size
        image = image.crop((width // 10, 0, width, height * 9 // 10)).transpose(
            Image.Transpose.FLIP_LEFT_RIGHT
        )
        return image.resize((image.width // 2, image.height // 2))

    for order in ({"portrait": PORTRAIT}, {"selfie": photo(portrait)}, {"selfie": photo(portrait, framed)}):
        job = client.order(prefer="wait=30", **order).json
        assert job is not None
        assert (job["status"], job["error"]["code"]) == ("rejected", "face_blocked"), order
    other = client.order(prefer="wait=30", portrait="peter-i", paste="crop").json
    assert other is not None and other["status"] == "succeeded"
    blocklist.remove(entry.id)
    job = client.order(prefer="wait=30", paste="crop").json
    assert job is not None and job["status"] == "succeeded"


def test_consent_is_kept_with_its_time_but_no_picture(make_app: Make, portrait: Path) -> None:
    app = make_app(consent_days=2.0)
    client, services = visitor(app), services_of(app)
    file, name = photo(portrait)
    digest = sha256(file.getvalue()).hexdigest()
    job = client.order(prefer="wait=30", paste="crop", selfie=(file, name)).json
    assert job is not None
    client.delete(f"/v1/animations/{job['id']}")
    [kept] = services.consents.find(digest)  # it outlives the job's deletion
    assert (kept.job, kept.owner, kept.face) == (job["id"], None, digest)
    assert abs(kept.given - time.time()) < 60
    client.order(portrait=PORTRAIT)
    assert [each.face for each in services.consents.find()] == [digest, f"portrait:{PORTRAIT}"]
    assert services.consents.purge(time.time() + 86400) == 0
    assert services.consents.purge(time.time() + 3 * 86400) == 2


def test_without_consent_nothing_is_kept(make_app: Make) -> None:
    app = make_app()
    client, services = visitor(app), services_of(app)
    assert client.order(consent="false").status_code == 422
    assert services.consents.find() == []


def test_an_operator_may_keep_no_records(make_app: Make) -> None:
    app = make_app(consent_days=0.0)
    client, services = visitor(app), services_of(app)
    client.order()
    assert services.consents.find() == []


def test_the_list_is_managed_from_the_command_line(tmp_path: Path, portrait: Path) -> None:
    def run(*arguments: str, error: str = "") -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "server", *arguments],
            env={**os.environ, "REENACT_DATA": str(tmp_path / "var")},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert error in done.stderr if error else not done.stderr, done.stderr
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout

    code, said = run("block", "add", str(portrait), "--note", "request 7")
    assert code == 0
    id = said.split()[2].rstrip(".")
    code, listed = run("block", "list")
    assert code == 0 and id in listed and "request 7" in listed
    assert run("block", "remove", "nobody", error="no blocked face") == (1, "")
    assert run("block", "add", "none.jpg", error="There is no picture file") == (1, "")
    assert run("block", "remove", id) == (0, f"{id} is allowed again.\n")
    assert run("block", "list") == (0, "")
    assert "There is no record" in run("consents", str(portrait))[1]
    assert run("consents", "none.jpg", error="There is no file none.jpg") == (1, "")
