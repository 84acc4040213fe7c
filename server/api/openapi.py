"""The last touches to the OpenAPI document, which APIFlask makes from the routes and schemas."""

from __future__ import annotations

from typing import Any

from apiflask import APIFlask
from flask import Response, json, request

from server.api import examples
from server.api.responses import ProblemOut
from server.http.problems import MIMETYPE

DESCRIPTION = (
    "Animate the face of one picture with the movement of a template or of a clip, or put it into a clip. "
    "Errors are RFC 9457 problem details; their `code` never changes and is explained at `/docs`. Every "
    "answer has an `X-Request-Id`."
)
_PREFER = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`wait=N` answers when the job has ended, at the latest after N seconds.",
    "schema": {"type": "string", "examples": ["wait=30"]},
}
_PROBLEM = {MIMETYPE: {"schema": {"$ref": "#/components/schemas/ProblemOut"}}}
_IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and the same order within 24 hours give the same job.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}


def init_app(app: APIFlask) -> None:
    """Describe what the code cannot."""
    app.config["DESCRIPTION"] = DESCRIPTION
    app.config["AUTO_OPERATION_ID"] = True
    app.config["AUTO_SERVERS"] = False  # the address of whoever asks first is not everyone's
    app.config["HTTP_ERROR_SCHEMA"] = ProblemOut
    app.config["VALIDATION_ERROR_SCHEMA"] = ProblemOut
    app.config["LICENSE"] = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    app.config["SECURITY_SCHEMES"] = {"key": {"type": "http", "scheme": "bearer"}}
    app.spec_processor(_finish)
    app.after_request(_name_prefix)


def _name_prefix(response: Response) -> Response:
    """Tell clients of a proxy that serves this under a path where the document's paths begin."""
    if request.endpoint == "openapi.spec" and request.root_path and response.status_code == 200:
        response.set_data(json.dumps({**(response.json or {}), "servers": [{"url": request.root_path}]}))
    return response


def _finish(spec: Any) -> Any:
    # What clients come for goes before what looks after the server.
    spec["paths"] = dict(sorted(spec["paths"].items(), key=lambda it: (not it[0].startswith("/v1/"), it[0])))
    for operations in spec["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict):
                _describe_problems(operation)
            if isinstance(operation, dict) and "requestBody" in operation:
                operation["responses"]["400"] = {"description": "bad_request", "content": _PROBLEM}
                operation["responses"]["507"] = {"description": "disk_full", "content": _PROBLEM}
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            if path.startswith("/v1/animations"):
                away = {"description": "database_unavailable", "content": _PROBLEM}
                operation["responses"].setdefault("503", away)
            if path.startswith(("/v1/animations", "/v1/verify")) or (
                path.startswith("/v1/templates") and method in ("post", "delete")
            ):
                operation["security"] = [{"key": []}, {}]  # {}: none is needed on one's own machine
    orders = {"examples": examples.ORDERS}
    _describe_order(spec["paths"]["/v1/animations"]["post"], orders, examples.MADE)
    _describe_order(spec["paths"]["/v1/templates"]["post"], {"example": examples.ADDITION}, examples.ADDED)
    return spec


def _describe_order(create: dict[str, Any], orders: dict[str, Any], made: object) -> None:
    """What an order may have in its head, and how it is answered."""
    create.setdefault("parameters", []).extend((_PREFER, _IDEMPOTENCY))
    accepted = create["responses"]["202"]
    accepted["headers"] = {"Location": {"description": "The job's address.", "schema": {"type": "string"}}}
    ended = accepted["content"]["application/json"] | {"example": made}
    create["responses"]["200"]["content"] = {"application/json": ended}
    create["requestBody"]["content"]["multipart/form-data"].update(orders)


def _describe_problems(operation: dict[str, Any]) -> None:
    """Every error answer is problem details, of that media type."""
    for status, response in operation.get("responses", {}).items():
        if status[0] in "45":
            response["content"] = _PROBLEM
