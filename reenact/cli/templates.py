"""``reenact templates list|add|build`` and ``reenact portraits list|fetch``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from reenact.cli.common import Verbs, add_engine_options, add_quiet, add_verb, open_engine, report_error, say
from reenact.cli.inputs import plain_files
from reenact.config import MORE_PORTRAITS, MOTIONS
from reenact.errors import InvalidOption

CLIPS = Path("..") / "shared" / "faces"  # beside the checkout, where training data lies


def register(verbs: Verbs[argparse.ArgumentParser]) -> None:
    """Declare the verbs."""
    group = verbs.add_parser("templates", help="list, add or rebuild templates")
    actions = group.add_subparsers(dest="action", required=True, metavar="ACTION")
    _folder_option(add_verb(actions, "list", "list the templates", _list))
    _register_add(actions)
    _register_build(actions)
    group = verbs.add_parser("portraits", help="list portraits, or fetch famous ones")
    actions = group.add_subparsers(dest="action", required=True, metavar="ACTION")
    _more_option(add_verb(actions, "list", "list the portraits", _portraits))
    fetch = add_verb(
        actions,
        "fetch",
        "fetch famous portraits from Wikimedia Commons",
        _fetch,
        "Fetch famous portraits from Wikimedia Commons, all in the public domain. Existing files are kept.",
    )
    _more_option(fetch)
    add_quiet(fetch)


def _register_add(actions: Verbs[argparse.ArgumentParser]) -> None:
    verb = add_verb(actions, "add", "make a template from a clip", _add)
    verb.add_argument(
        "clip", type=Path, help="a video of one face; it should start calm, with open eyes and a closed mouth"
    )
    verb.add_argument("--id", required=True, help="small letters, digits and hyphens")
    verb.add_argument("--title", help="default: the id in words")
    verb.add_argument("--tags", default="", help="comma-separated words")
    verb.add_argument("--licence", required=True, help="of the motion, for instance CC0-1.0")
    verb.add_argument("--attribution", required=True, help="whose movement it is")
    verb.add_argument(
        "--keep-clip",
        action="store_true",
        help="also store the clip with its sound; only with the consent of the person",
    )
    verb.add_argument(
        "--effect",
        choices=("animate", "swap"),
        default="animate",
        help="swap: faces are put into the clip, which is kept; default: animate, only the motion is",
    )
    verb.add_argument("--overwrite", action="store_true", help="replace a template of this id")
    motion = verb.add_argument_group("motion", "trim and retime the captured motion")
    motion.add_argument("--first", type=int, default=0, help="first frame, counted from 0")
    motion.add_argument("--last", type=int, help="last frame")
    motion.add_argument("--fps", type=int, help="frames per second of the motion; default: the clip's")
    motion.add_argument("--speed", type=float, default=1.0, help="2 is twice as fast")
    motion.add_argument("--strength", type=float, default=1.0, help="1.5 exaggerates the movement")
    motion.add_argument(
        "--smooth", type=float, default=0.0, help="standard deviation in frames; 0.5 removes jitter"
    )
    motion.add_argument(
        "--loop", choices=("none", "blend", "pingpong"), default="none", help="how the motion repeats"
    )
    motion.add_argument("--repeat", type=int, default=1, help="number of repetitions; default 1")
    _folder_option(verb)
    add_engine_options(verb)
    add_quiet(verb)


def _register_build(actions: Verbs[argparse.ArgumentParser]) -> None:
    verb = add_verb(
        actions,
        "build",
        "rebuild motions and previews with the current model",
        _build,
        "Rebuild motions and previews with the current model. A motion needs the clip it came from: the "
        "template's own driving.mp4, or the one its template.toml names below --data. Without it only the "
        "preview is rebuilt.",
    )
    verb.add_argument("ids", nargs="*", metavar="ID", help="default: all")
    verb.add_argument(
        "--data",
        type=Path,
        default=CLIPS,
        metavar="FOLDER",
        help=f"folder of the clips; default {CLIPS}",
    )
    _folder_option(verb)
    add_engine_options(verb)
    add_quiet(verb)


def _folder_option(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--folder", type=Path, default=MOTIONS, help="folder of the templates; default: those that ship"
    )


def _more_option(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--folder",
        type=Path,
        default=MORE_PORTRAITS,
        help=f"folder of portraits that do not ship; default {MORE_PORTRAITS}",
    )


def _list(arguments: argparse.Namespace) -> int:
    from reenact.gallery import list_templates

    if not arguments.folder.is_dir():
        raise InvalidOption(f"There is no folder {arguments.folder}.")
    rows = [
        (
            template.id,
            template.effect,
            f"{template.motion.seconds:.1f} s",
            template.title,
            " ".join(template.tags),
        )
        for template in list_templates(arguments.folder)
    ]
    _print_table(("ID", "FOR", "LENGTH", "TITLE", "TAGS"), rows)
    return 0


def _portraits(arguments: argparse.Namespace) -> int:
    from reenact.gallery import list_portraits

    portraits = list_portraits(more=arguments.folder)
    rows = [(it.id, it.title, it.licence, it.attribution, str(it.path)) for it in portraits]
    _print_table(("ID", "TITLE", "LICENCE", "BY", "FILE"), rows)
    return 0


def _fetch(arguments: argparse.Namespace) -> int:
    from reenact.gallery import fetch_portraits

    code = 0
    for fetched in fetch_portraits(arguments.folder):
        if fetched.error is None:
            say(f"{fetched.id}: {'fetched' if fetched.new else 'already there'}", arguments.quiet)
        else:
            code = report_error(fetched.error)
    return code


def _add(arguments: argparse.Namespace) -> int:
    from reenact.gallery import BuildRecipe, TemplateMetadata, add_template
    from reenact.motion.retime import RetimeOptions

    retime = RetimeOptions(
        first=arguments.first,
        last=arguments.last,
        fps=arguments.fps,
        speed=arguments.speed,
        smooth=arguments.smooth,
        strength=arguments.strength,
        loop=arguments.loop,
        repeat=arguments.repeat,
    )
    metadata = TemplateMetadata(
        title=arguments.title or arguments.id.replace("-", " ").capitalize(),
        licence=arguments.licence,
        attribution=arguments.attribution,
        tags=tuple(tag.strip() for tag in arguments.tags.split(",") if tag.strip()),
        build=BuildRecipe(arguments.clip.name, retime),
        effect=arguments.effect,
    )
    with plain_files(arguments.clip) as (clip,):
        template = add_template(
            open_engine(arguments),
            clip,
            arguments.id,
            metadata,
            arguments.folder,
            keep_clip=arguments.keep_clip,
            overwrite=arguments.overwrite,
        )
    motion = template.motion
    say(f"{arguments.folder / template.id}: {len(motion)} frames, {motion.seconds:.2f} s", arguments.quiet)
    return 0


def _build(arguments: argparse.Namespace) -> int:
    from reenact.gallery import build_templates, template_ids

    data = arguments.data if arguments.data.is_dir() else None
    if data is None:
        say(
            f"There are no clips in {arguments.data}. Motions need them, so only previews are rebuilt.",
            arguments.quiet,
        )
    wanted = arguments.ids or template_ids(arguments.folder)
    code = 0
    for built in build_templates(open_engine(arguments), data, arguments.folder, wanted):
        if built.error is None:
            say(
                f"{built.id}: {'motion and preview' if built.motion_rebuilt else 'preview only'}",
                arguments.quiet,
            )
        else:
            code = report_error(built.error)
    return code


def _print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their longest cell."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
