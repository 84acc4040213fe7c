from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import c2pa
import numpy as np
import pytest
from PIL import Image

from reenact.provenance.certificate import Certificate, development_certificate

PHOTO = "John Doe at home.jpg"
CAPTURE = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return development_certificate(tmp_path_factory.mktemp("data") / "credentials")


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture that carries no manifest."""
    path = tmp_path_factory.mktemp("photos") / PHOTO
    pixels = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(pixels).resize((128, 128)).save(path)
    return path


@pytest.fixture(scope="session")
def signed_photo(photo: Path, certificate: Certificate) -> Path:
    """The same as a camera with Content Credentials stores it: with a thumbnail and what it was told."""
    created = {"action": "c2pa.created", "digitalSourceType": CAPTURE}
    manifest = {
        "claim_generator_info": [{"name": "A \x1b[31mcamera", "version": "1"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}],
    }
    info = c2pa.C2paSignerInfo(b"es256", certificate.chain, certificate.key, None)
    path = photo.with_name("signed.jpg")
    with c2pa.Builder(manifest) as builder, c2pa.Signer.from_info(info) as signer:
        builder.sign_file(photo, path, signer)
    return path


@pytest.fixture
def unreachable() -> Iterator[str]:
    """An address of this machine; fails the test when anybody asks it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/secret.c2pa"
        with pytest.raises(TimeoutError):
            listener.accept()
