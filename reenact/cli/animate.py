"""``reenact animate`` and ``reenact reconstruct``."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from reenact.cli.common import (
    Group,
    Verbs,
    add_engine_options,
    add_quiet,
    add_verb,
    open_engine,
    progress,
    say,
)
from reenact.cli.inputs import plain_files
from reenact.config import MOTIONS, development

if TYPE_CHECKING:
    from reenact.media import EncodedFile
    from reenact.options import AnimateOptions
    from reenact.provenance.certificate import Certificate
    from reenact.types import Template


def register(verbs: Verbs[argparse.ArgumentParser]) -> None:
    """Declare both verbs."""
    verb = add_verb(verbs, "animate", "make the face in a picture move", _animate)
    verb.add_argument("selfie", type=Path, help="JPEG, PNG, WebP, HEIC or AVIF; - for standard input")
    verb.add_argument(
        "--template",
        "-t",
        required=True,
        metavar="ID|CLIP",
        help="a template (see `reenact templates list`), or a video of a moving face",
    )
    verb.add_argument("--out", "-o", required=True, type=Path, help="a .mp4, .gif or .webp file")
    verb.add_argument(
        "--motions", type=Path, default=MOTIONS, metavar="FOLDER", help="folder of the templates"
    )
    _add_movement(verb.add_argument_group("movement"))
    _add_result(verb.add_argument_group("result"))
    _add_marks(verb.add_argument_group("marks"))
    add_engine_options(verb)
    add_quiet(verb)

    verb = add_verb(
        verbs,
        "reconstruct",
        "rebuild a clip from its first frame and its motion",
        _reconstruct,
        "Rebuild a clip from its first frame and its own absolute motion: the test that models are evaluated "
        "with. A clip of the result's size is not cropped. The result has as many frames as the clip.",
    )
    verb.add_argument("clip", type=Path)
    verb.add_argument("out", type=Path, help="a .mp4, .gif or .webp file")
    _add_size(verb, "side of the result in pixels; default 256", 256)
    add_engine_options(verb)
    add_quiet(verb)


def _add_movement(group: Group) -> None:
    group.add_argument(
        "--mode",
        choices=("relative", "absolute"),
        default="relative",
        help="relative: the template's changes since its start; absolute: the template's poses",
    )
    group.add_argument(
        "--strength", type=float, default=1.0, help="strength of the movement, 0 to 2; default 1"
    )
    group.add_argument(
        "--start",
        choices=("first", "best"),
        default="first",
        help="which frame of the template corresponds to the picture's own pose",
    )
    group.add_argument(
        "--face", type=_face, default="largest", metavar="N", help="which face to animate; 0 is the largest"
    )
    group.add_argument("--mirror", action="store_true", help="mirror the movement: left becomes right")


def _add_result(group: Group) -> None:
    _add_size(
        group, "side of the animated square in pixels; default 512, or 256 if the model has no other", None
    )
    group.add_argument(
        "--paste",
        choices=("full", "crop"),
        default="full",
        help="the whole picture, or only the animated square",
    )
    group.add_argument("--crf", type=int, default=16, help="mp4: 0 (lossless) to 51 (small); default 16")
    group.add_argument(
        "--encoder", choices=("x264", "nvenc"), default="x264", help="mp4: on the CPU, or on an NVIDIA GPU"
    )
    group.add_argument("--no-sound", action="store_true", help="mp4: leave the clip's sound out")


def _add_size(group: Group | argparse.ArgumentParser, help: str, default: int | None) -> None:
    group.add_argument("--size", type=int, choices=(256, 512, 1024), default=default, help=help)


def _add_marks(group: Group) -> None:
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


def _animate(arguments: argparse.Namespace) -> int:
    from reenact.media import check_output
    from reenact.pipeline import animate

    began = time.perf_counter()
    options = _options(arguments)  # first: a wrong option fails before the model is loaded
    check_output(arguments.out)
    named = Path(arguments.template)
    with plain_files(arguments.selfie, named) as (selfie, driving):
        engine = open_engine(arguments)
        if arguments.size is None and not engine.renderer.scales:
            options = replace(options, size=256)
        name = arguments.template if driving == named else str(driving)
        template = _template(name, arguments.motions, engine.model)
        _keep_inputs(arguments.out, selfie, template)
        with progress(arguments.quiet) as watch:
            result = animate(engine, selfie, template, arguments.out, options, watch)
    say(_summary(result.written, began), arguments.quiet)
    if options.certificate:
        say(_signed_by(options.certificate), arguments.quiet)
    return 0


def _reconstruct(arguments: argparse.Namespace) -> int:
    from reenact.media import check_output
    from reenact.pipeline import reconstruct

    began = time.perf_counter()
    check_output(arguments.out)
    with plain_files(arguments.clip) as (clip,):
        _keep_inputs(arguments.out, clip)
        engine = open_engine(arguments)
        with progress(arguments.quiet) as watch:
            written = reconstruct(engine, clip, arguments.out, watch, arguments.size)
    say(_summary(written, began), arguments.quiet)
    return 0


def _options(arguments: argparse.Namespace) -> AnimateOptions:
    from reenact.media import EncodeOptions
    from reenact.motion.transfer import TransferOptions
    from reenact.options import AnimateOptions
    from reenact.watermark.embed import Watermark

    return AnimateOptions(
        size=arguments.size or 512,
        paste=arguments.paste,
        face=arguments.face,
        mirror=arguments.mirror,
        transfer=TransferOptions(arguments.mode, arguments.strength, arguments.start),
        label=arguments.language if arguments.label else None,
        watermark=None if arguments.no_watermark else Watermark(),
        certificate=None if arguments.no_credentials else _certificate(arguments),
        encode=EncodeOptions(crf=arguments.crf, encoder=arguments.encoder, sound=not arguments.no_sound),
    )


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


def _template(name: str, folder: Path, model: str) -> Template | Path:
    """A template of this id, or else the file; ``./nod`` is always a file."""
    from reenact.errors import TemplateNotFound
    from reenact.gallery import get_template, template_ids

    if name in template_ids(folder):
        return get_template(name, folder, model)
    if Path(name).is_file():
        return Path(name)
    if Path(name).suffix or Path(name).name != name:
        raise TemplateNotFound(f"There is no clip {name}, and no template with this name.")
    return get_template(name, folder, model)  # raises, and names similar ids


def _face(text: str) -> int | str:
    """A choice of ``choose``, for argparse."""
    if text != "largest" and not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is neither largest nor a whole number from 0 on")
    return text if text == "largest" else int(text)


def _keep_inputs(out: Path, *inputs: Path | Template) -> None:
    """Refuse to write the result over a file that it is made of; raises InvalidOption."""
    from reenact.errors import InvalidOption

    for each in inputs:
        if isinstance(each, Path) and out.exists() and each.exists() and out.samefile(each):
            raise InvalidOption(
                f"The output {out} is also an input and would be overwritten. Choose another file."
            )


def _summary(written: EncodedFile, began: float) -> str:
    seconds = float(written.frames / written.fps)
    return (
        f"{written.path}: {written.width}x{written.height}, {written.frames} frames, {seconds:.2f} s, "
        f"{written.bytes / 1000:.0f} kB (made in {time.perf_counter() - began:.1f} s)"
    )
