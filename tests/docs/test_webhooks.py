"""The code for receivers accepts what the service signs, and nothing else."""

from __future__ import annotations

import json
import runpy
import secrets
import shutil
import subprocess
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from server.access.signature import standard_headers

SAMPLES = Path(__file__).parents[2] / "docs" / "samples"
BODY = '{"id": "x", "metadata": "Zoë, 3 > 2"}'.encode()
SECRET = "whsec_" + b64encode(secrets.token_bytes(32)).decode()
Verify = Callable[[str, dict[str, str], bytes], bool]
RUN = """
const { verifyWebhook } = await import(process.argv[1]);
const [secret, headers, body] = JSON.parse(process.argv[2]);
try {
  await verifyWebhook(secret, headers, Buffer.from(body, "base64"));
  process.exitCode = 0;
} catch (error) {
  console.log(error.message);
  process.exitCode = 9;
}
"""


def python(secret: str, headers: dict[str, str], body: bytes) -> bool:
    verify = runpy.run_path(str(SAMPLES / "verify_webhook.py"))["verify_webhook"]
    try:
        verify(secret, headers, body)
    except ValueError:
        return False
    return True


def javascript(secret: str, headers: dict[str, str], body: bytes) -> bool:
    given = json.dumps([secret, headers, b64encode(body).decode()])
    module = (SAMPLES / "verify_webhook.mjs").as_uri()
    command = ["node", "--input-type=module", "--eval", RUN, module, given]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 9), done.stderr
    return done.returncode == 0


@pytest.fixture(params=[python, javascript], ids=["python", "javascript"])
def verify(request: pytest.FixtureRequest) -> Verify:
    if request.param is javascript and not shutil.which("node"):
        pytest.skip("no node")
    chosen: Verify = request.param
    return chosen


def signed(secret: str = SECRET, age: float = 0) -> dict[str, str]:
    return standard_headers(BODY, secret, "0123abcd", int(time.time() - age))


def test_what_the_service_signs_is_accepted(verify: Verify) -> None:
    assert verify(SECRET, signed(), BODY)
    assert verify(SECRET, {name.title(): value for name, value in signed().items()}, BODY)
    assert verify(SECRET, signed(age=250), BODY)


def test_the_secret_of_an_early_release_is_accepted(verify: Verify) -> None:
    early = "whsec_" + "-_ab" * 8
    assert verify(early, signed(early), BODY)


def test_a_second_signature_may_stand_before_ours(verify: Verify) -> None:
    headers = signed()
    headers["webhook-signature"] = f"v1,AAAA v1a,AAAA {headers['webhook-signature']}"
    assert verify(SECRET, headers, BODY)


def test_what_was_changed_or_is_old_or_of_another_is_refused(verify: Verify) -> None:
    other = "whsec_" + b64encode(secrets.token_bytes(32)).decode()
    assert not verify(SECRET, signed(), BODY + b" ")
    assert not verify(SECRET, signed(other), BODY)
    assert not verify(SECRET, signed() | {"webhook-id": "0123abce"}, BODY)
    assert not verify(SECRET, signed() | {"webhook-timestamp": str(int(time.time()) - 9)}, BODY)
    assert not verify(SECRET, signed(age=400), BODY)
    assert not verify(SECRET, signed(age=-400), BODY)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_header_that_is_missing_or_damaged_is_refused(verify: Verify, name: str) -> None:
    headers = signed()
    del headers[name]
    assert not verify(SECRET, headers, BODY)
    assert not verify(SECRET, signed() | {name: "é, nothing"}, BODY)
