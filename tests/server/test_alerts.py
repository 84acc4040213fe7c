"""The alert rules ask for numbers that the service has, by labels and values that these have."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from apiflask import APIFlask
from prometheus_client.parser import text_string_to_metric_families

from server.codes import CODES
from server.container import services_of
from server.jobs.endings import CANCELLED, REQUEUED
from server.settings import Settings, variable

from .conftest import Client, until

FILE = Path(__file__).parents[2] / "docs" / "samples" / "alerts.yml"
RULES: list[dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["groups"][0]["rules"]
SCRAPED = {"job", "instance"}  # the labels that Prometheus adds to all
WORDS = {
    "and", "or", "by", "kind", "le", "max", "sum", "rate", "histogram_quantile",
}  # fmt: skip
SELECTOR = re.compile(r"(?<![\w\[.])([a-z_]+)(?:\{([^}]*)\})?")


def selectors(expression: str) -> list[tuple[str, dict[str, str]]]:
    """What an expression asks for: names of samples, each with the labels that must match."""
    found = [
        (name, dict(re.findall(r'(\w+)(?:=~|=)"([^"]*)"', labels)))
        for name, labels in SELECTOR.findall(expression)
        if name not in WORDS
    ]
    assert found, expression
    return found


@pytest.fixture
def exposed(make_app: Callable[..., APIFlask]) -> dict[str, list[dict[str, str]]]:
    """By the names of the samples of a service that has done a job: their labels."""
    app = make_app()
    use = services_of(app)
    until(lambda: use.jobs.ready, bool)
    client = app.test_client()
    assert isinstance(client, Client)
    client.ended(client.order())
    # A process of its own has the same numbers, told of under this name, as `Services` has them told.
    use.metrics.watch_engine(lambda: os.getpid())
    samples: dict[str, list[dict[str, str]]] = {"up": [{}]}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for each in family.samples:
            samples.setdefault(each.name, []).append(each.labels)
    return samples


def test_all_that_the_rules_ask_for_is_exposed(exposed: dict[str, list[dict[str, str]]]) -> None:
    for rule in RULES:
        for name, labels in selectors(rule["expr"]):
            assert name in exposed, f"{rule['alert']}: {name}"
            assert labels.keys() - SCRAPED <= set().union(*exposed[name]), f"{rule['alert']}: {name}"


def test_the_values_of_labels_are_those_that_there_are(exposed: dict[str, list[dict[str, str]]]) -> None:
    known = {
        "outcome": set(CODES) | {"succeeded", CANCELLED, REQUEUED},
        "state": {each["state"] for each in exposed["reenact_jobs"]},
        "route": {each["route"] for each in exposed["reenact_http_requests_total"]},
        "method": {"GET", "POST"},
        "status": {"5..", "429"},
        "job": {"reenact"},
    }
    asked = [pair for rule in RULES for _, labels in selectors(rule["expr"]) for pair in labels.items()]
    assert {name for name, _ in asked} == set(known)
    for name, value in asked:
        assert set(value.split("|")) <= known[name], (name, value)


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_a_rule_is_whole(rule: dict[str, Any]) -> None:
    assert rule.keys() == {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"\d+m", rule["for"])
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"].keys() == {"summary", "action"}
    for pair in ("()", "{}", "[]"):
        assert rule["expr"].count(pair[0]) == rule["expr"].count(pair[1])
    named = set(re.findall(r"REENACT_[A-Z_]+", str(rule)))
    assert named <= {variable(name) for name in Settings.__dataclass_fields__}
