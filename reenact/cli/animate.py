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
)
from reenact.cli.inputs import plain_files, template_or_clip
from reenact.cli.result import (
    add_encoding,
    add_marks,
    add_size,
    encode_options,
    keep_inputs,
    marks,
    say_made,
)
from reenact.config import MOTIONS

if TYPE_CHECKING:
    from reenact.options import AnimateOptions


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
    add_marks(verb.add_argument_group("marks"))
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
    add_size(verb, "side of the result in pixels; default 256", 256)
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
        "--face",
        type=_faces,
        default="largest",
        metavar="N",
        help="which face to animate; 0 is the largest. Several: 0,2 or all",
    )
    group.add_argument("--mirror", action="store_true", help="mirror the movement: left becomes right")


def _add_result(group: Group) -> None:
    add_size(group, "side of the animated square in pixels; default 512, or 256 if the model has no other")
    group.add_argument(
        "--paste",
        choices=("full", "crop"),
        default="full",
        help="the whole picture, or only the animated square",
    )
    add_encoding(group)


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
        template = template_or_clip(name, arguments.motions, engine.model)
        keep_inputs(arguments.out, selfie, template)
        with progress(arguments.quiet) as watch:
            result = animate(engine, selfie, template, arguments.out, options, watch)
    say_made(result.written, began, arguments.quiet, options.certificate)
    return 0


def _reconstruct(arguments: argparse.Namespace) -> int:
    from reenact.media import check_output
    from reenact.pipeline import reconstruct

    began = time.perf_counter()
    check_output(arguments.out)
    with plain_files(arguments.clip) as (clip,):
        keep_inputs(arguments.out, clip)
        engine = open_engine(arguments)
        with progress(arguments.quiet) as watch:
            written = reconstruct(engine, clip, arguments.out, watch, arguments.size)
    say_made(written, began, arguments.quiet)
    return 0


def _options(arguments: argparse.Namespace) -> AnimateOptions:
    from reenact.motion.transfer import TransferOptions
    from reenact.options import AnimateOptions

    return AnimateOptions(
        size=arguments.size or 512,
        paste=arguments.paste,
        face=arguments.face,
        mirror=arguments.mirror,
        transfer=TransferOptions(arguments.mode, arguments.strength, arguments.start),
        encode=encode_options(arguments),
        **marks(arguments),
    )


def _faces(text: str) -> int | str | tuple[int, ...]:
    """A choice of ``choose_several``, for argparse."""
    if text in ("largest", "all"):
        return text
    numbers = text.split(",")
    if not all(number.isdecimal() for number in numbers):
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither largest, nor all, nor whole numbers from 0 on with commas between"
        )
    return int(text) if len(numbers) == 1 else tuple(int(number) for number in numbers)
