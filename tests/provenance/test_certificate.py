"""A development certificate is made once, kept private and named as such; a wrong one is refused in words."""

from __future__ import annotations

import datetime
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec
from cryptography.x509.oid import NameOID

from reenact.errors import CertificateUnusable
from reenact.provenance import certificate as room
from reenact.provenance.certificate import DEVELOPMENT, development_certificate, open_certificate
from reenact.provenance.credentials import check_certificate


def written(folder: Path, name: str, key: object, password: bytes | None = None) -> Path:
    hidden = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden)
    (folder / name).write_bytes(key.private_bytes(*form))  # type: ignore[attr-defined]
    return folder / name


def self_signed(folder: Path, key: object, days: int = 1) -> Path:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Somebody")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    builder = builder.public_key(key.public_key())  # type: ignore[attr-defined]
    builder = builder.not_valid_before(now - datetime.timedelta(9))
    made = builder.not_valid_after(now + datetime.timedelta(days)).sign(key, hashes.SHA256())  # type: ignore[arg-type]
    path = folder / "own.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return path


def test_a_development_certificate_is_made_once_and_named_as_such(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "credentials"
    first = development_certificate(folder)
    assert development_certificate(folder) == first
    assert (first.development, first.algorithm) == (True, "es256")
    own = x509.load_pem_x509_certificate(first.chain)
    assert DEVELOPMENT in own.subject.rfc4514_string() and own.subject != own.issuer
    assert b"PRIVATE" not in repr(first).encode()
    check_certificate(first)


def test_only_its_owner_can_read_the_key(tmp_path: Path) -> None:
    development_certificate(tmp_path / "credentials")
    assert stat.S_IMODE((tmp_path / "credentials").stat().st_mode) == 0o700
    for file in (tmp_path / "credentials").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["credentials"]


def test_many_processes_agree_on_one_certificate(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(development_certificate, [tmp_path / "credentials"] * 8))
    assert len({each.key for each in made}) == 1


def test_a_development_certificate_whose_time_is_over_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(room, "_YEARS", 0)  # it ends the moment it is made
        with pytest.raises(CertificateUnusable, match="valid from"):
            development_certificate(tmp_path / "credentials")
    check_certificate(development_certificate(tmp_path / "credentials"))


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CertificateUnusable, match="No development certificate can be made"):
        development_certificate(tmp_path / "file" / "credentials")


def test_wrong_files_are_refused_with_a_sentence(tmp_path: Path) -> None:
    key, other = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    right, wrong = written(tmp_path, "key.pem", key), written(tmp_path, "other.pem", other)
    locked = written(tmp_path, "locked.pem", key, b"secret")
    chain = self_signed(tmp_path, key)
    (tmp_path / "text.pem").write_text("hello")
    cases = [
        (tmp_path / "none.pem", right, "cannot be read"),
        (tmp_path / "text.pem", right, "no certificate in PEM form"),
        (chain, tmp_path / "text.pem", "no private key"),
        (chain, locked, "without a password"),
        (chain, wrong, "does not belong"),
    ]
    for certificate, private, said in cases:
        with pytest.raises(CertificateUnusable, match=said):
            open_certificate(certificate, private)
    with pytest.raises(CertificateUnusable, match=r"cannot sign|not valid"):
        check_certificate(open_certificate(chain, right))  # a self-signed one
    with pytest.raises(CertificateUnusable, match="Renew it"):
        open_certificate(self_signed(tmp_path, key, days=-1), right)


def test_a_key_of_a_kind_that_cannot_sign_is_refused(tmp_path: Path) -> None:
    key = dsa.generate_private_key(1024)
    with pytest.raises(CertificateUnusable, match="must be one of"):
        open_certificate(self_signed(tmp_path, key), written(tmp_path, "key.pem", key))
