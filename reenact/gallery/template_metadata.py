"""``template.toml``: what a template is called, whose it is, and how its motion is made again."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from reenact.errors import InvalidOption, TemplateNotFound
from reenact.motion.retime import RetimeOptions
from reenact.os_errors import reason
from reenact.types import EFFECTS, Effect

FILE = "template.toml"
_SOURCES = ("clip", "portrait", "motion")  # of a recipe


@dataclass(frozen=True)
class BuildRecipe:
    """How a template was made.

    ``clip`` is relative to a data folder, and ``retime`` was done to its motion. Or the clip is one of our
    own ``portrait``s, moved by the template ``motion``.
    """

    clip: str = ""
    retime: RetimeOptions = field(default_factory=RetimeOptions)
    portrait: str = ""
    motion: str = ""


@dataclass(frozen=True)
class TemplateMetadata:
    """Content of ``template.toml``. Licence and attribution are those of the motion."""

    title: str
    licence: str
    attribution: str
    tags: tuple[str, ...] = ()
    build: BuildRecipe | None = None
    made_by: str | None = None  # id of the job that built it; not published
    effect: Effect = "animate"  # what it is meant for

    def __post_init__(self) -> None:
        """Refuse what cannot be shown or stored; raises InvalidOption."""
        for name, text in (
            ("title", self.title),
            ("licence", self.licence),
            ("attribution", self.attribution),
        ):
            if not text.strip() or not text.isprintable():
                raise InvalidOption(f"The {name} of a template is one line of text, not {text!r}.")
        if self.effect not in EFFECTS:
            raise InvalidOption(f"The effect of a template is animate or swap, not {self.effect!r}.")
        for tag in self.tags:
            if not tag.strip() or not tag.isprintable():
                raise InvalidOption(f"A tag is a word, not {tag!r}.")


def read_metadata(folder: Path) -> TemplateMetadata:
    """The card of the template that lies in ``folder``.

    Raises:
        TemplateNotFound: ``template.toml`` is missing or damaged.
    """
    try:
        table = tomllib.loads((folder / FILE).read_text(encoding="utf-8"))
        recipe = table.get("build")
        return TemplateMetadata(
            title=_text(table, "title"),
            licence=_text(table, "licence"),
            attribution=_text(table, "attribution"),
            tags=tuple(str(tag) for tag in table.get("tags", ())),
            build=None if recipe is None else _recipe(recipe),
            made_by=_text(table, "made_by") if "made_by" in table else None,
            effect=table.get("effect", "animate"),
        )
    except (OSError, ValueError, KeyError, TypeError, InvalidOption) as error:
        raise TemplateNotFound(
            f"The template {folder.name} has no readable {FILE}: {reason(error)}."
        ) from error


def write_metadata(metadata: TemplateMetadata, folder: Path) -> None:
    """Write ``template.toml`` into ``folder``."""
    lines = [
        f"title = {_quoted(metadata.title)}",
        f"tags = [{', '.join(map(_quoted, metadata.tags))}]",
        f"licence = {_quoted(metadata.licence)}",
        f"attribution = {_quoted(metadata.attribution)}",
    ]
    if metadata.made_by is not None:
        lines.append(f"made_by = {_quoted(metadata.made_by)}")
    if metadata.effect != "animate":
        lines.append(f"effect = {_quoted(metadata.effect)}")
    if metadata.build is not None:
        named = [
            f"{name} = {_quoted(value)}" for name in _SOURCES if (value := getattr(metadata.build, name))
        ]
        lines += ["", "[build]", *named, *_changed(metadata.build.retime)]
    (folder / FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _recipe(table: dict[str, Any]) -> BuildRecipe:
    options = {name: value for name, value in table.items() if name not in _SOURCES}
    sources = {name: _text(table, name) for name in _SOURCES if name in table}
    return BuildRecipe(retime=RetimeOptions(**options), **sources)


def _text(table: dict[str, Any], name: str) -> str:
    value = table[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    return value


def _changed(options: RetimeOptions) -> list[str]:
    """The options that are not the default, as lines of TOML."""
    plain = RetimeOptions()
    pairs = [(it.name, getattr(options, it.name)) for it in fields(options)]
    return [f"{name} = {json.dumps(value)}" for name, value in pairs if value != getattr(plain, name)]


def _quoted(text: str) -> str:
    # A printable JSON string is a TOML string, as long as nothing is written as a surrogate pair.
    return json.dumps(text, ensure_ascii=False)
