"""The certificate that signs results."""

from __future__ import annotations

import logging

from reenact.provenance.certificate import (
    Certificate,
    development_certificate,
    open_certificate,
    read_anchors,
)
from server.settings import Settings

log = logging.getLogger(__name__)
FOLDER = "credentials"  # in the data folder


def certificate_of(settings: Settings) -> Certificate:
    """The operator's certificate, or the data folder's development one; raises SetupError."""
    if settings.c2pa_cert and settings.c2pa_key:
        return open_certificate(settings.c2pa_cert, settings.c2pa_key)
    return development_certificate(settings.data.absolute() / FOLDER)


def anchors_of(settings: Settings) -> str | None:
    """The roots that are believed, in PEM form; raises SetupError."""
    return read_anchors(settings.c2pa_trust) if settings.c2pa_trust else None


def announce(settings: Settings) -> None:
    """Say who signs the results of this process before it starts to work; raises SetupError."""
    certificate = certificate_of(settings)
    if certificate.development:
        log.warning(
            "Results are signed with a DEVELOPMENT certificate: it shows tampering, but not who made them. "
            "Set REENACT_C2PA_CERT and REENACT_C2PA_KEY to sign in your own name."
        )
    else:
        log.info("Results are signed by %s", certificate.name)
