"""Requests made up from the OpenAPI document, good ones and bad ones: what it does not say never comes back.

``python -m tests.server.contract --examples 2000`` runs it for itself; the test runs a few.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hypothesis
import requests
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.broker.gallery import make_gallery
from tests.broker.machines import Server

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
GOOD = {"portrait": "eileen-collins", "template": "tiny", "consent": True}
SECONDS = 120  # that an answer may take on a loaded machine


@dataclass
class Tally:
    """What was sent, and what was wrong with the answers."""

    operations: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def run(server: Server, examples: int, seed: int = 0) -> Tally:
    """Send at least so many requests, good ones and then, where there can be any, as many bad ones."""
    tally, known = Tally(), addresses(server)
    schema = schemathesis.openapi.from_url(f"{server.address}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    varied = [each for each in operations if each.path_parameters or each.query or each.body]
    each = -(-examples // len(varied))  # an operation without parameters has one request only
    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            fuzz(operation, mode, each, seed, known, tally)
    return tally


def addresses(server: Server) -> dict[str, list[str]]:
    """What stands in paths and leads somewhere."""
    id = server.order()
    url = server.ended(id, 300)["result"]["url"]
    return {
        "/v1/animations": [id],
        "/v1/templates": ["tiny"],
        "/v1/portraits": ["peter-i"],
        "/v1/results": [url],
    }


def fuzz(
    operation: Any, mode: GenerationMode, examples: int, seed: int, known: dict[str, list[str]], tally: Tally
) -> None:
    """Send made-up requests to one operation."""
    session = requests.Session()
    name = f"{operation.method.upper()} {operation.path}"
    try:
        made = operation.as_strategy(generation_mode=mode)
    except Exception as e:  # an operation without parameters has no bad requests
        if mode is GenerationMode.POSITIVE:
            raise
        tally.failures += [] if "NegativeTesting" in repr(e) or "Unsatisfiable" in repr(e) else [repr(e)]
        return

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=examples,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=made, lead=st.booleans())
    def send(case: Case, lead: bool) -> None:
        if lead:
            aim(case, operation, known)
        answer = case.call(session=session, timeout=SECONDS)
        tally.operations[name] += 1
        tally.statuses[answer.status_code] += 1
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as e:
            tally.failures += [f"{name} {answer.status_code}: {each}"[:600] for each in e.exceptions]

    try:
        send()
    except hypothesis.errors.Unsatisfiable:
        pass
    session.close()


def aim(case: Case, operation: Any, known: dict[str, list[str]]) -> None:
    """Let a made-up request meet something: ids that exist, and an order that can be done."""
    for start, ids in known.items():
        for name in case.path_parameters or {} if operation.path.startswith(start) else ():
            case.path_parameters[name] = ids[0].rpartition("/")[2]
    if operation.method == "post" and isinstance(case.body, dict):
        for name in ("selfie", "driving"):
            case.body.pop(name, None)
        case.body.update(GOOD)


def main() -> None:
    parser = argparse.ArgumentParser(description="Send requests made up from the OpenAPI document.")
    parser.add_argument("--examples", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), REENACT_TEMPLATES=str(make_gallery(Path(folder) / "templates")))
        try:
            server.ready(300)
            tally = run(server, asked.examples, asked.seed)
        finally:
            server.kill()
    print(json.dumps({"operations": tally.operations, "statuses": tally.statuses}, indent=1))
    print(f"{tally.operations.total()} requests, {len(tally.failures)} failures")
    for each, count in Counter(tally.failures).most_common(30):
        print(f"{count} x {each}")


if __name__ == "__main__":
    main()
