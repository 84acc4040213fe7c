"""What verbs that make a clip share: options of the file and its marks, and what is said of it."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from reenact.cli.common import Group, say
from reenact.config import development

if TYPE_CHECKING:
    from reenact.media import EncodedFile, EncodeOptions
    from reenact.provenance.certificate import Certificate
    from reenact.provenance.label import Language
    from reenact.types import Template
    from reenact.watermark.embed import Watermark


class Marks(TypedDict):
    """The fields of ``AnimateOptions`` and ``SwapOptions`` that say how a result is marked."""

    label: Language | None
    watermark: Watermark | None
    certificate: Certificate | None


def add_size(group: Group | argparse.ArgumentParser, help: str, default: int | None = None) -> None:
    """``--size``."""
    group.add_argument("--size", type=int, choices=(256, 512, 1024), default=default, help=help)


def add_face(group: Group, help: str) -> None:
    """``--face``."""
    group.add_argument("--face", type=_face, default="largest", metavar="N", help=help)


def add_encoding(group: Group) -> None:
    """``--crf``, ``--encoder`` and ``--no-sound``."""
    group.add_argument("--crf", type=int, default=16, help="mp4: 0 (lossless) to 51 (small); default 16")
    group.add_argument(
        "--encoder", choices=("x264", "nvenc"), default="x264", help="mp4: on the CPU, or on an NVIDIA GPU"
    )
    group.add_argument("--no-sound", action="store_true", help="mp4: leave the clip's sound out")


def add_marks(group: Group) -> None:
    """The label, the watermark and the Content Credentials."""
    group.add_argument(
        "--label",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="show a label 'Made with AI' in a corner; off by default",
    )
    group.add_argument(
        "--language", choices=("en", "nl", "ar"), default="en", help="language of the label; default en"
    )
    group.add_argument("--no-watermark", action="store_true", help="do not add the invisible watermark")
    group.add_argument(
        "--no-credentials", action="store_true", help="do not add signed Content Credentials (C2PA)"
    )
    group.add_argument(
        "--certificate", type=Path, metavar="FILE", help="PEM chain that signs; default: a development one"
    )
    group.add_argument(
        "--certificate-key", type=Path, metavar="FILE", help="PEM private key of the certificate"
    )


def encode_options(arguments: argparse.Namespace) -> EncodeOptions:
    """What ``add_encoding`` asked; raises InvalidOption."""
    from reenact.media import EncodeOptions

    return EncodeOptions(crf=arguments.crf, encoder=arguments.encoder, sound=not arguments.no_sound)


def marks(arguments: argparse.Namespace) -> Marks:
    """What ``add_marks`` asked.

    Raises:
        InvalidOption: a certificate without its key.
        CertificateUnusable: it cannot sign.
    """
    from reenact.watermark.embed import Watermark

    return {
        "label": arguments.language if arguments.label else None,
        "watermark": None if arguments.no_watermark else Watermark(),
        "certificate": None if arguments.no_credentials else _certificate(arguments),
    }


def keep_inputs(out: Path, *inputs: Path | Template) -> None:
    """Refuse to write the result over a file that it is made of; raises InvalidOption."""
    from reenact.errors import InvalidOption

    for each in inputs:
        if isinstance(each, Path) and out.exists() and each.exists() and out.samefile(each):
            raise InvalidOption(
                f"The output {out} is also an input and would be overwritten. Choose another file."
            )


def say_made(written: EncodedFile, began: float, quiet: bool, certificate: Certificate | None = None) -> None:
    """Tell what was made, since ``began`` on the performance counter, and who signed it."""
    say(_summary(written, began), quiet)
    if certificate:
        say(_signed_by(certificate), quiet)


def _certificate(arguments: argparse.Namespace) -> Certificate:
    """The certificate that the options name, or this person's development certificate."""
    from reenact.errors import CertificateUnusable, InvalidOption
    from reenact.provenance.certificate import development_certificate, open_certificate
    from reenact.provenance.credentials import check_certificate

    chain, key = arguments.certificate, arguments.certificate_key
    if (chain is None) != (key is None):
        raise InvalidOption("Give --certificate and --certificate-key together, or neither.")
    try:
        certificate = open_certificate(chain, key) if chain else development_certificate(development())
    except (CertificateUnusable, RuntimeError) as e:  # RuntimeError: nobody's home is known
        raise CertificateUnusable(f"{e} To write the result unsigned, use --no-credentials.") from e
    check_certificate(certificate)
    return certificate


def _signed_by(certificate: Certificate) -> str:
    if not certificate.development:
        return f"Signed (C2PA) by {certificate.name}."
    return "Signed (C2PA) with a DEVELOPMENT certificate: it shows tampering, but not who made the file."


def _face(text: str) -> int | str:
    """A choice of ``choose``, for argparse."""
    if text != "largest" and not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is neither largest nor a whole number from 0 on")
    return text if text == "largest" else int(text)


def _summary(written: EncodedFile, began: float) -> str:
    seconds = float(written.frames / written.fps)
    return (
        f"{written.path}: {written.width}x{written.height}, {written.frames} frames, {seconds:.2f} s, "
        f"{written.bytes / 1000:.0f} kB (made in {time.perf_counter() - began:.1f} s)"
    )
