"""``reenact swap``."""

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
    add_face,
    add_marks,
    add_size,
    encode_options,
    keep_inputs,
    marks,
    say_made,
)
from reenact.config import MOTIONS

if TYPE_CHECKING:
    from reenact.options import SwapOptions


def register(verbs: Verbs[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    verb = add_verb(
        verbs,
        "swap",
        "put the face of a picture into a clip",
        _swap,
        "Put the face of a picture over that of the person in a clip. The clip keeps its size, its rate, its "
        "sound and all that is not the face. In a crowd the largest face is replaced, unless --cast says "
        "else.",
    )
    verb.add_argument("selfie", type=Path, help="JPEG, PNG, WebP, HEIC or AVIF; - for standard input")
    verb.add_argument(
        "clip",
        metavar="CLIP|ID",
        help="MP4, MOV, WebM, MKV, GIF or animated WebP, - for standard input; or a template with a clip",
    )
    verb.add_argument("--out", "-o", required=True, type=Path, help="a .mp4, .gif or .webp file")
    verb.add_argument(
        "--motions", type=Path, default=MOTIONS, metavar="FOLDER", help="folder of the templates"
    )
    _add_swap(verb.add_argument_group("swap"))
    group = verb.add_argument_group("result")
    add_size(
        group,
        "largest side in pixels of the square that is painted; less where the face in the clip is smaller; "
        "default 512, or 256 if the model has no other",
    )
    add_encoding(group)
    add_marks(verb.add_argument_group("marks"))
    add_engine_options(verb)
    add_quiet(verb)


def _add_swap(group: Group) -> None:
    group.add_argument(
        "--start", type=float, default=0.0, metavar="SECONDS", help="where in the clip to begin; default 0"
    )
    group.add_argument(
        "--end", type=float, metavar="SECONDS", help="where in the clip to end; default: where it ends itself"
    )
    group.add_argument(
        "--likeness",
        type=float,
        default=1.0,
        help="proportions of the face: 1 the picture's own, 0 those of the person in the clip; default 1",
    )
    add_face(group, "which face of the picture; 0 is the largest")
    group.add_argument(
        "--cast",
        type=_cast_member,
        action="append",
        default=[],
        metavar="PERSON[=PICTURE]",
        help="replace this person of the clip, with the face of another picture if one is named; 0 is who "
        "fills most of the clip. May be given several times",
    )


def _swap(arguments: argparse.Namespace) -> int:
    from reenact.media import check_output
    from reenact.pipeline import swap

    began = time.perf_counter()
    options = _options(arguments)  # first: a wrong option fails before the model is loaded
    check_output(arguments.out)
    named = Path(arguments.clip)
    with plain_files(arguments.selfie, named) as (selfie, file):
        engine = open_engine(arguments)
        name = arguments.clip if file == named else str(file)
        clip = template_or_clip(name, arguments.motions, engine.model)
        keep_inputs(arguments.out, selfie, clip, *(each for _, each in arguments.cast if each))
        if arguments.size is None and not engine.renderer.scales:
            options = replace(options, size=256)
        with progress(arguments.quiet) as watch:
            result = swap(engine, selfie, clip, arguments.out, options, watch)
    say_made(result.written, began, arguments.quiet, options.certificate)
    return 0


def _cast_member(text: str) -> tuple[int, Path | None]:
    """A person's number and a picture, for argparse."""
    person, named, picture = text.partition("=")
    if not person.isdecimal() or (named and not picture):
        raise argparse.ArgumentTypeError(f"{text!r} is neither a person's number nor NUMBER=PICTURE")
    return int(person), Path(picture) if picture else None


def _options(arguments: argparse.Namespace) -> SwapOptions:
    from reenact.media import Span
    from reenact.options import CastMember, SwapOptions

    cast = [
        CastMember(person, picture, "largest" if picture else arguments.face)
        for person, picture in arguments.cast
    ]
    return SwapOptions(
        cast=tuple(cast),
        size=arguments.size or 512,
        face=arguments.face,
        likeness=arguments.likeness,
        span=Span(arguments.start, arguments.end),
        encode=encode_options(arguments),
        **marks(arguments),
    )
