"""What the Content Credentials of a file say, and whether they hold."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import c2pa

from reenact.provenance.certificate import DEVELOPMENT
from reenact.provenance.credentials import ANIMATION, GENERATOR, open_manifest_store

log = logging.getLogger(__name__)
UNREADABLE = "unreadable"  # a problem of our own, beside C2PA's codes
_UNTRUSTED = "signingCredential.untrusted"
_LONGEST, _MOST = 200, 50  # letters of a word, entries of a list
_JUMBF, _STORE = b"jumb", b"c2pa"  # stand in every file with a manifest store


@dataclass(frozen=True)
class Ingredient:
    """Something that a file was made of."""

    title: str
    relationship: str  # parentOf, componentOf or inputTo
    signed: bool  # whether its own manifest was kept


@dataclass(frozen=True)
class Manifest:
    """The active manifest of a file. What it claims counts only when it is valid."""

    valid: bool  # the file is as it was when it was signed
    trusted: bool  # by a root that is believed; False says nothing against a signer
    development: bool  # signed with a certificate that calls itself a development one
    signer: str | None  # as the certificate names it
    program: str | None  # that made it, with its version
    ours: bool  # that program calls itself Reenact
    time: str | None  # when it was made, ISO 8601, as the program says
    source_type: str | None  # last word of the IPTC digital source type
    actions: tuple[str, ...]  # for instance c2pa.created
    model: str | None  # SHA-256 of our model's list of files
    template: str | None  # id of our template
    act: str | None  # of ours: swap where a face was put into a clip, else animate; None: by others
    ingredients: tuple[Ingredient, ...]
    problems: tuple[str, ...]  # C2PA's failure codes, or ``UNREADABLE``

    @property
    def made_by_ai(self) -> bool:
        """Whether it says that trained algorithms made the pictures, wholly or partly."""
        return "trainedalgorithmicmedia" in (self.source_type or "").lower()


def read_manifest(file: Path, anchors: str | None = None) -> Manifest | None:
    """The manifest of a file; None where it has none, or only names one elsewhere on the network.

    Args:
        file: any format; what can carry no manifest has none.
        anchors: PEM of the roots that are believed; without them nobody is trusted.
    """
    try:
        with file.open("rb") as content:
            reader = open_manifest_store(content, anchors)
            if reader is None:
                return None
            with reader:
                return _manifest(json.loads(reader.json()))
    except c2pa.C2paError as e:
        log.info("The manifest cannot be read: %s", e)
        return _broken() if _has_store(file) else None


def _manifest(store: dict[str, Any]) -> Manifest | None:
    """What a store says; a stranger may have written it, so anything may stand anywhere."""
    active = _dict(_dict(store.get("manifests")).get(str(store.get("active_manifest"))))
    if not active:
        return None
    data = {str(each.get("label")): _dict(each.get("data")) for each in _dicts(active.get("assertions"))}
    actions = _dicts((data.get("c2pa.actions.v2") or data.get("c2pa.actions") or {}).get("actions"))
    first, animation = (actions or [{}])[0], data.get(ANIMATION)
    source_types = filter(None, (_text(each.get("digitalSourceType")) for each in actions))
    signature = _dict(active.get("signature_info"))
    program = (_dicts(active.get("claim_generator_info")) or [{}])[0]
    named = " ".join(filter(None, (_text(program.get("name")), _text(program.get("version")))))
    return Manifest(
        valid=store.get("validation_state") in ("Valid", "Trusted"),
        trusted=store.get("validation_state") == "Trusted",
        development=DEVELOPMENT in str(signature.get("issuer")),
        signer=_text(signature.get("common_name")) or _text(signature.get("issuer")),
        program=named or _text(active.get("claim_generator")),
        ours=program.get("name") == GENERATOR,
        time=_text(signature.get("time")) or _text(first.get("when")),
        source_type=next(source_types, "").rpartition("/")[2] or None,
        actions=tuple(_text(each.get("action")) or "" for each in actions),
        model=_text((animation or {}).get("model")),
        template=_text((animation or {}).get("template")),
        act=None if animation is None else _text(animation.get("act")) or "animate",
        ingredients=tuple(map(_ingredient, _dicts(active.get("ingredients")))),
        problems=_problems(store),
    )


def _problems(store: dict[str, Any]) -> tuple[str, ...]:
    """The failures of the active manifest, without that nobody trusts its signer."""
    active = _dict(_dict(store.get("validation_results")).get("activeManifest"))
    return tuple(sorted({str(each.get("code")) for each in _dicts(active.get("failure"))} - {_UNTRUSTED}))


def _ingredient(each: dict[str, Any]) -> Ingredient:
    title, relationship = _text(each.get("title")), _text(each.get("relationship"))
    return Ingredient(title or "", relationship or "", "active_manifest" in each)


def _text(value: object) -> str | None:
    """Words that can be shown: nothing that steers a terminal, and not too many."""
    if not isinstance(value, str):
        return None
    return "".join(letter for letter in value[:_LONGEST] if letter.isprintable()) or None


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)][:_MOST] if isinstance(value, list) else []


def _broken() -> Manifest:
    """A manifest so damaged that nothing of it can be read."""
    return Manifest(
        *(False, False, False, None, None, False, None, None, (), None, None, None, ()),
        problems=(UNREADABLE,),
    )


def _has_store(file: Path) -> bool:
    content = file.read_bytes()
    return _JUMBF in content and _STORE in content
