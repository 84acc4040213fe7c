"""Assignment of motions to the faces of a picture, and of faces to the people of a clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reenact.driver import Driver, MotionDriver, in_step, open_driver
from reenact.engine import Engine
from reenact.errors import FaceIndexOutOfRange, InvalidOption
from reenact.face_track import FaceTrack
from reenact.footage import Footage, PeopleChoice, open_footage
from reenact.footage_file import template_footage
from reenact.media import read_picture
from reenact.motion.transfer import TransferOptions
from reenact.options import SwapOptions
from reenact.types import Face, Picture, ProgressCallback, Template


@dataclass(frozen=True)
class Portrait:
    """A picture and its faces, largest first."""

    picture: Picture
    faces: list[Face]


def open_portrait(engine: Engine, selfie: bytes | Path) -> Portrait:
    """Read a picture and find its faces; raises InputError where it cannot be read."""
    picture = read_picture(selfie)
    return Portrait(picture, engine.finder.find(picture))


def cast_footage(
    engine: Engine,
    clip: Path | Template | Footage,
    options: SwapOptions,
    on_progress: ProgressCallback | None,
) -> Footage:
    """A clip with its face tracks: stored ones, or newly tracked."""
    if isinstance(clip, Footage):
        return clip.trimmed(options.span)
    if isinstance(clip, Template) and not (options.cast and clip.driving):
        return template_footage(engine, clip, options.span, on_progress)
    path = clip if isinstance(clip, Path) else clip.driving
    assert path is not None
    people: PeopleChoice = {each.person for each in options.cast} if options.cast else "largest"
    return open_footage(engine, path, people=people, span=options.span, on_progress=on_progress)


def track_of(footage: Footage, person: int) -> FaceTrack:
    """The face track of one person of a clip."""
    if person not in footage.people:
        raise FaceIndexOutOfRange(
            f"The person {person} was not followed in this clip, only "
            f"{', '.join(str(each) for each in footage.people)}. Follow all people of it."
        )
    return footage.tracks[footage.people.index(person)]


def assign_templates(
    template: Template | Path, motions: Mapping[int, Template | Path], chosen: tuple[int, ...]
) -> list[Template | Path]:
    """The motion of each chosen face; raises InvalidOption where a motion is given for another face."""
    if unknown := sorted(set(motions) - set(chosen)):
        raise InvalidOption(f"There is a motion for face {unknown[0]}, which is not among those that move.")
    return [motions.get(number, template) for number in chosen]


def open_drivers(
    engine: Engine,
    templates: Sequence[Template | Path],
    transfer: TransferOptions,
    on_progress: ProgressCallback | None,
) -> list[Driver]:
    """Synchronized drivers; a template or clip that drives several faces is opened once."""
    opened: dict[str | Path, MotionDriver] = {}
    for each in templates:
        key = each.id if isinstance(each, Template) else each
        if key not in opened:
            opened[key] = open_driver(engine, each, transfer, on_progress)
    return in_step([opened[each.id if isinstance(each, Template) else each] for each in templates])
