"""Unreadable forms are errors, not empty forms."""

from __future__ import annotations

from typing import IO, Any

from flask import Request
from werkzeug.formparser import FormDataParser

from server.errors import BodyBroken


class StrictParser(FormDataParser):
    """Werkzeug's parser, which would return an empty form on failure."""

    def parse(self, stream: IO[bytes], *about: Any, **more: Any) -> Any:
        """The stream, fields and files of a form; raises BodyBroken."""
        self.silent = False
        try:
            found = super().parse(stream, *about, **more)
        except ValueError as e:
            raise BodyBroken(
                "The form cannot be read: it is cut off, or its parts do not have the boundary of the "
                "Content-Type. Let your HTTP client make both, and do not set the Content-Type yourself."
            ) from e
        if any(None in each for each in found[1:]):
            raise BodyBroken(
                "A part of the form has no name. Give each part a name in its Content-Disposition."
            )
        return found


class StrictRequest(Request):
    """Flask's request with that parser."""

    form_data_parser_class = StrictParser
