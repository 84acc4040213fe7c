"""The kinds of work. Each has a queue of its own, so that other machines can do it."""

from __future__ import annotations

from typing import TypeAlias

from server.jobs.order import Order
from server.settings import SettingInvalid

Kind: TypeAlias = str  # in the database there may also be kinds of a newer release
DEFAULT: Kind = "animate"  # of all orders of the releases that knew no kinds
KINDS: tuple[Kind, ...] = (DEFAULT, "swap")  # that this release can do


def kind_of(order: Order) -> Kind:
    """The kind of an order, one of ``KINDS``."""
    return order.effect


def read_kinds(text: str | None) -> tuple[Kind, ...]:
    """The kinds that a setting names, separated by commas; None names all; raises SettingInvalid."""
    if text is None:
        return KINDS
    named = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in named if name not in KINDS]
    if unknown or not named:
        wrong = f"names {unknown[0]!r}" if unknown else "names no kind of work"
        raise SettingInvalid(f"REENACT_KINDS {wrong}; this version does {', '.join(KINDS)}.")
    return named
