"""Refuses unknown and repeated fields, so that none is ignored silently."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from apiflask import HTTPError, Schema
from apiflask.fields import List
from flask import request
from marshmallow import ValidationError, pre_load

UNKNOWN = "Unknown field."  # as marshmallow says it of forms
SENT_TWICE = "Send this once."
IN_THE_FORM = "Send this in the form, not in the query string."


class FormIn(Schema):
    """A form: each field and file once, unless it is a list, and no options in the address."""

    @pre_load
    def _refuse_unexpected(self, data: Any, **_: Any) -> Any:
        single = (name for name, field in self.fields.items() if not isinstance(field, List))
        sent = [*request.form.items(multi=True), *request.files.items(multi=True)]
        errors = {name: [IN_THE_FORM] for name in request.args} | _repeated(
            single, (name for name, _ in sent)
        )
        if errors:
            raise ValidationError(errors)
        return data


class QueryIn(Schema):
    """The options of a query string: each once, and none that is unknown."""

    @pre_load
    def _refuse_unexpected(self, data: Any, **_: Any) -> Any:
        if errors := _query_errors(self.fields):
            raise ValidationError(errors)
        return data


def require_no_query() -> None:
    """Refuse any query string; raises HTTPError of validation."""
    if errors := _query_errors(()):
        raise HTTPError(422, detail={"query": errors})


def _query_errors(known: Iterable[str]) -> dict[str, list[str]]:
    names = [name for name, _ in request.args.items(multi=True)]
    return _repeated(known, names) | {name: [UNKNOWN] for name in names if name not in known}


def _repeated(single: Iterable[str], sent: Iterable[str]) -> dict[str, list[str]]:
    """Errors for names that were sent several times but may be sent once."""
    counts = Counter(sent)
    return {name: [SENT_TWICE] for name in single if counts[name] > 1}
