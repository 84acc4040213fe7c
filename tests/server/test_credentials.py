"""Every result of the service is signed, and who signs is said at the start."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import c2pa
import pytest

from reenact.engine import Engine
from reenact.errors import CertificateUnusable
from reenact.provenance.certificate import development_certificate
from server.app import create_app
from server.container import services_of
from server.engine.certificate import announce, certificate_of
from server.settings import SettingInvalid, Settings, read

from .conftest import TEMPLATE, Client, until

pytestmark = pytest.mark.real_engine
MIME = {"mp4": "video/mp4", "gif": "image/gif", "webp": "image/webp"}


@pytest.mark.parametrize("format", MIME)
def test_a_result_is_signed_and_recorded_as_signed(client: Client, format: str) -> None:
    job = client.order(prefer="wait=30", format=format, paste="crop").json
    assert job is not None and job["status"] == "succeeded", job
    content = client.get(job["result"]["url"]).data
    assert len(content) == job["result"]["bytes"]
    assert hashlib.sha256(content).hexdigest() == job["result"]["sha256"]
    part = client.get(job["result"]["url"], headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.data) == (206, content[100:200])
    with c2pa.Reader(MIME[format], BytesIO(content)) as reader:
        assert reader.get_validation_state() == "Valid"
        manifest = reader.get_active_manifest()
    assert manifest is not None
    data = {each["label"]: each["data"] for each in manifest["assertions"]}
    assert data["reenact.animation"]["template"] == TEMPLATE
    assert "development certificate" in manifest["signature_info"]["issuer"]


def test_who_signs_is_said_loudly(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    settings = Settings(data=tmp_path)
    announce(settings)
    assert "DEVELOPMENT certificate" in caplog.text
    assert (tmp_path / "credentials").is_dir()
    assert certificate_of(settings) == certificate_of(settings)


def test_a_certificate_of_ones_own_is_used_or_refused_in_words(tmp_path: Path) -> None:
    own = development_certificate(tmp_path / "own")
    chain, key = tmp_path / "own" / "certificate.pem", tmp_path / "own" / "key.pem"
    assert certificate_of(Settings(data=tmp_path / "x", c2pa_cert=chain, c2pa_key=key)) == own
    assert not (tmp_path / "x").exists()
    with pytest.raises(CertificateUnusable, match="cannot be read"):
        announce(Settings(data=tmp_path, c2pa_cert=tmp_path / "none", c2pa_key=key))
    with pytest.raises(SettingInvalid, match="together"):
        read({"REENACT_C2PA_CERT": str(chain)})
    assert read({"REENACT_C2PA_CERT": str(chain), "REENACT_C2PA_KEY": str(key)}).c2pa_key == key


def test_a_service_that_cannot_sign_does_not_start(
    settings: Settings, engine: Engine, tmp_path: Path
) -> None:
    development_certificate(tmp_path / "own")
    chain, key = tmp_path / "own" / "authority.pem", tmp_path / "own" / "key.pem"  # of another key
    wrong = replace(settings, data=tmp_path / "var", c2pa_cert=chain, c2pa_key=key)
    told: list[Exception] = []
    app = create_app(wrong, lambda: engine, told.append)
    services_of(app).start()
    until(lambda: told, bool)
    assert isinstance(told[0], CertificateUnusable) and not services_of(app).jobs.ready
    services_of(app).close()
