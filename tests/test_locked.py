"""What pyproject.toml asks for is locked, once, within its bounds, on every Python and system."""

from __future__ import annotations

import re
import tomllib
from itertools import chain, product
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SERVING = ("cpu", "gpu", "server", "postgres", "redis", "rabbitmq", "s3")
EXTRAS = {"serving": SERVING, "development": set(PROJECT["optional-dependencies"]) - {"gpu", "convert"}}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
MACHINES = [
    {"python_version": python, "python_full_version": f"{python}.4", "sys_platform": system}
    for python, system in product(PYTHONS, ("linux", "darwin"))
]
CHOSEN = {"torch"}  # by TORCH in the Makefile


def name(requirement: Requirement) -> str:
    return re.sub(r"[-_.]+", "-", requirement.name).lower()


def applies(requirement: Requirement, machine: dict[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(machine)


def locked(file: str) -> list[Requirement]:
    text = (ROOT / "requirements" / f"{file}.txt").read_text(encoding="utf-8")
    return [Requirement(line) for line in text.splitlines() if not line.startswith("#")]


def versions(file: str, machine: dict[str, str]) -> dict[str, list[str]]:
    """Each package's locked versions on one machine."""
    found: dict[str, list[str]] = {}
    for each in locked(file):
        if applies(each, machine):
            (pin,) = each.specifier
            assert pin.operator == "==" and each.url is None, str(each)
            found.setdefault(name(each), []).append(pin.version)
    return found


def asked(file: str) -> list[Requirement]:
    """What pyproject.toml asks for in the extras that the file is for."""
    extras = PROJECT["optional-dependencies"]
    lists = [PROJECT["dependencies"], *(extras[extra] for extra in EXTRAS[file])]
    return [Requirement(each) for each in chain.from_iterable(lists)]


@pytest.mark.parametrize("machine", MACHINES, ids=lambda each: "-".join(each.values()))
@pytest.mark.parametrize("file", EXTRAS)
def test_every_dependency_is_locked_once_within_its_bounds(file: str, machine: dict[str, str]) -> None:
    found = versions(file, machine)
    assert all(len(several) == 1 for several in found.values()), found
    for each in asked(file):
        if applies(each, machine) and name(each) not in CHOSEN:
            assert found[name(each)][0] in each.specifier, f"{each}: run `make lock`"


@pytest.mark.parametrize("machine", MACHINES, ids=lambda each: "-".join(each.values()))
def test_tests_run_with_the_versions_that_serve(machine: dict[str, str]) -> None:
    serving, development = (versions(file, machine) for file in EXTRAS)
    beside = {each for each in serving if each not in development}
    assert all(each.startswith(("nvidia-", "onnxruntime-gpu")) for each in beside), beside
    assert {each: serving[each] for each in serving.keys() - beside}.items() <= development.items()


@pytest.mark.parametrize("file", EXTRAS)
def test_torch_and_its_cuda_are_left_to_whoever_installs(file: str) -> None:
    names = {name(each) for each in locked(file)}
    assert not names & {"torch", "triton"}
    assert file == "serving" or not any(each.startswith("nvidia-") for each in names)


def test_locked_for_the_pythons_that_are_allowed() -> None:
    allowed = SpecifierSet(PROJECT["requires-python"])
    assert [f"3.{minor}" for minor in range(20) if f"3.{minor}.4" in allowed] == list(PYTHONS)


def test_every_dependency_has_an_upper_bound_or_a_reason_to_have_none() -> None:
    unbounded = {
        name(each)
        for each in {*asked("serving"), *asked("development")}
        if not any(bound.operator in ("<", "==") for bound in each.specifier)
    }
    # Dates for numbers, or see pyproject.toml.
    assert unbounded == {"cryptography", "s3fs", "ncnn", "types-tqdm"}
