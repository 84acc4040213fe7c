"""What is sent is read as it was meant or refused: of what comes twice, neither is dropped in silence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from apiflask import HTTPError, Schema
from apiflask.fields import List
from flask import request
from marshmallow import ValidationError, pre_load

UNKNOWN = "Unknown field."  # as marshmallow says it of forms
TWICE = "Send this once."
IN_THE_FORM = "Send this in the form, not in the address."


class FormIn(Schema):
    """A form: each field and file once, unless it is a list, and no options in the address."""

    @pre_load
    def _refuse_odd(self, data: Any, **_: Any) -> Any:
        once = (name for name, field in self.fields.items() if not isinstance(field, List))
        sent = [*request.form.items(multi=True), *request.files.items(multi=True)]
        wrong = {name: [IN_THE_FORM] for name in request.args} | _twice(once, (name for name, _ in sent))
        if wrong:
            raise ValidationError(wrong)
        return data


class QueryIn(Schema):
    """The options of an address: each once, and none that nobody reads."""

    @pre_load
    def _refuse_odd(self, data: Any, **_: Any) -> Any:
        if wrong := _odd_query(self.fields):
            raise ValidationError(wrong)
        return data


def want_no_query() -> None:
    """Refuse options in an address that has none; raises HTTPError of validation."""
    if wrong := _odd_query(()):
        raise HTTPError(422, detail={"query": wrong})


def _odd_query(known: Iterable[str]) -> dict[str, list[str]]:
    names = [name for name, _ in request.args.items(multi=True)]
    return _twice(known, names) | {name: [UNKNOWN] for name in names if name not in known}


def _twice(once: Iterable[str], sent: Iterable[str]) -> dict[str, list[str]]:
    """What is wrong with names that were sent several times, of those that may come once."""
    counts = Counter(sent)
    return {name: [TWICE] for name in once if counts[name] > 1}
