"""Who signs a result: an operator's own certificate, or a development one that is made on the spot.

A development certificate proves that a file is as it was when it was signed, and nothing about who signed it:
anybody can make one. Its authority's key is thrown away, so that nothing else can be made with it.
"""

from __future__ import annotations

import datetime
import logging
import os
import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from reenact.errors import CertificateUnusable
from reenact.os_errors import reason

log = logging.getLogger(__name__)

DEVELOPMENT = "Reenact development certificate"  # in the subject, for everyone to read
_YEARS = 10
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
_CHAIN, _KEY, _AUTHORITY = "certificate.pem", "key.pem", "authority.pem"


@dataclass(frozen=True)
class Certificate:
    """A certificate with its key, ready to sign."""

    chain: bytes  # PEM, the signer's own certificate first
    key: bytes = field(repr=False)  # PEM, unencrypted PKCS 8
    algorithm: str  # as C2PA calls it: es256, es384, es512, ps256 or ed25519
    name: str  # who it says it is
    development: bool


def open_certificate(chain: Path, key: Path) -> Certificate:
    """Read a certificate and the key that belongs to it.

    Args:
        chain: PEM file: the signer's certificate, then those between it and the root.
        key: PEM file without a password.

    Raises:
        CertificateUnusable: a file cannot be read, is of another kind, does not match, or is out of date.
    """
    try:
        certificates = x509.load_pem_x509_certificates(_read(chain))
    except ValueError as e:
        raise CertificateUnusable(f"{chain} holds no certificate in PEM form.") from e
    try:
        private = serialization.load_pem_private_key(_read(key), password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm) as e:
        raise CertificateUnusable(f"{key} holds no private key in PEM form without a password.") from e
    own = certificates[0]
    if own.public_key() != private.public_key():
        raise CertificateUnusable(f"The key in {key} does not belong to the first certificate in {chain}.")
    now = datetime.datetime.now(datetime.UTC)
    if not own.not_valid_before_utc <= now <= own.not_valid_after_utc:
        raise CertificateUnusable(
            f"The certificate in {chain} is valid from {own.not_valid_before_utc:%Y-%m-%d} to "
            f"{own.not_valid_after_utc:%Y-%m-%d}, not today. Renew it."
        )
    return Certificate(
        b"".join(map(_pem, certificates)),
        _key_pem(private),
        _algorithm(private, key),
        _name(own),
        DEVELOPMENT in own.subject.rfc4514_string(),
    )


def development_certificate(folder: Path) -> Certificate:
    """The development certificate of a folder, made on first use and when its time is over.

    Raises:
        CertificateUnusable: the folder cannot be written, or what lies in it is broken.
    """
    try:
        if _is_expired(folder / _CHAIN):
            shutil.rmtree(folder)
        if not folder.exists():
            _make(folder)
    except OSError as e:
        raise CertificateUnusable(f"No development certificate can be made in {folder}: {reason(e)}.") from e
    return open_certificate(folder / _CHAIN, folder / _KEY)


def read_anchors(file: Path) -> str:
    """The roots in a PEM file, whose signatures are to be believed; raises CertificateUnusable."""
    content = _read(file)
    try:
        x509.load_pem_x509_certificates(content)
    except ValueError as e:
        raise CertificateUnusable(f"{file} holds no certificate in PEM form.") from e
    return content.decode(errors="replace")


def _make(folder: Path) -> None:
    """Make authority, certificate and key; they appear together, and only their owner can read them."""
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = folder.with_name(f".{secrets.token_hex(8)}.part")
    new.mkdir(mode=0o700)
    try:
        key, authority_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        authority = _issue_certificate(authority_key, authority_key, True)
        parts = {
            _CHAIN: _pem(_issue_certificate(key, authority_key, False)),
            _KEY: _key_pem(key),
            _AUTHORITY: _pem(authority),
        }
        for name, content in parts.items():
            with os.fdopen(os.open(new / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
        new.rename(folder)
        log.warning(
            "Made a development certificate in %s: its signature shows tampering, but not who signed.", folder
        )
    except OSError:
        if not folder.exists():  # otherwise another process was quicker, and its certificate does as well
            raise
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _issue_certificate(
    key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey, authority: bool
) -> x509.Certificate:
    """A certificate with the extensions that C2PA asks for (specification 2.2, 14.5.1)."""
    now = datetime.datetime.now(datetime.UTC)
    usage = dict.fromkeys(("key_cert_sign", "crl_sign"), authority) | {"digital_signature": not authority}
    unused = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    builder = (
        x509.CertificateBuilder()
        .subject_name(_subject("" if not authority else " authority"))
        .issuer_name(_subject(" authority"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))  # clocks differ
        .not_valid_after(now + datetime.timedelta(days=365 * _YEARS))
        .add_extension(x509.BasicConstraints(authority, 0 if authority else None), critical=True)
        .add_extension(
            x509.KeyUsage(**usage, **dict.fromkeys((*unused, "encipher_only", "decipher_only"), False)),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    )
    if not authority:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, critical=False)
    return builder.sign(by, hashes.SHA256())


def _subject(role: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, DEVELOPMENT),
            x509.NameAttribute(NameOID.COMMON_NAME, DEVELOPMENT + role),
        ]
    )


def _is_expired(chain: Path) -> bool:
    """Whether a certificate's time is over; one that cannot be read is left for ``open_certificate``."""
    try:
        own = x509.load_pem_x509_certificate(chain.read_bytes())
    except (OSError, ValueError):
        return False
    return own.not_valid_after_utc < datetime.datetime.now(datetime.UTC)


def _algorithm(key: PrivateKeyTypes, path: Path) -> str:
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    if isinstance(key, rsa.RSAPrivateKey):
        return "ps256"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    raise CertificateUnusable(f"The key in {path} must be one of P-256, P-384, P-521, RSA or Ed25519.")


def _name(certificate: x509.Certificate) -> str:
    """The subject's common name or, where it has none, all of it."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as e:
        raise CertificateUnusable(f"{path} cannot be read: {reason(e)}.") from e


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: PrivateKeyTypes) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
