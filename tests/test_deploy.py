"""The container files say what the code says. No engine runs here, so what they name is looked up instead."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.settings import Settings, read

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LINES = re.sub(r"\\\n\s*", " ", (DEPLOY / "Dockerfile").read_text(encoding="utf-8")).splitlines()
FINAL = ("cpu", "cuda")
Words = list[tuple[str, str]]


def stages() -> dict[str, Words]:
    """The instructions of each stage, as (instruction, rest), with those of the stage that it begins from."""
    found: dict[str, Words] = {}
    present: Words = []
    for line in LINES:
        word, _, rest = line.partition(" ")
        if word == "FROM":
            origin, name = re.fullmatch(r"(\S+) AS (\S+)", rest).groups()  # type: ignore[union-attr]
            present = found[name] = [*found.get(origin, []), (word, rest)]
        elif word.isupper():
            present.append((word, rest.strip()))
    return found


def variables(stage: str) -> dict[str, str]:
    """What ENV sets in a stage."""
    words = [each for word, rest in stages()[stage] if word == "ENV" for each in shlex.split(rest)]
    return dict(each.split("=", 1) for each in words)


def said(stage: str, instruction: str) -> str:
    """The last word of a stage on something."""
    return [rest for word, rest in stages()[stage] if word == instruction][-1]


def compose(*names: str) -> dict[str, Any]:
    """Services of the files, later ones over earlier ones, with the variables filled in."""
    services: dict[str, Any] = {}
    for name in names:
        text = re.sub(r"\$\{\w+:\?[^}]*\}", "secret", (DEPLOY / name).read_text(encoding="utf-8"))
        for service, values in yaml.safe_load(text)["services"].items():
            services[service] = services.get(service, {}) | values
    return services


OURS = {name: each for name, each in compose("compose.yaml").items() if "build" in each}


def test_hadolint_finds_nothing(need: Callable[[str, object], None]) -> None:
    linter = Path(sys.executable).with_name("hadolint")
    need("hadolint", linter.exists())
    done = subprocess.run([linter, DEPLOY / "Dockerfile"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_copied_exists_and_is_sent_to_the_builder() -> None:
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    sent = {line[1:] for line in ignored if line.startswith("!")}
    copied = set()
    for rest in (rest for stage in stages().values() for word, rest in stage if word == "COPY"):
        *sources, _ = rest.split()
        if sources[0].startswith("--from="):
            assert sources[0].removeprefix("--from=") in stages()
        else:
            copied |= set(sources)
    assert copied == sent
    assert all((ROOT / name).exists() for name in copied)
    assert PROJECT["readme"] in copied and set(PROJECT["license-files"]) <= copied


@pytest.mark.parametrize(("stage", "runtime", "other"), [("cpu", "cpu", "gpu"), ("cuda", "gpu", "cpu")])
def test_extras_exist_and_are_those_that_the_settings_need(stage: str, runtime: str, other: str) -> None:
    (installed,) = re.findall(r"'\.\[([a-z0-9,]+)\]'", str(stages()[f"install-{stage}"]))
    extras = set(installed.split(","))
    assert extras <= set(PROJECT["optional-dependencies"])
    assert {runtime, "server", "postgres", "redis", "rabbitmq", "s3"} <= extras and other not in extras
    assert f"--from=install-{stage} " in str(stages()[stage])


@pytest.mark.parametrize("stage", FINAL)
def test_the_last_stages_carry_no_tools_and_run_as_nobody_in_particular(stage: str) -> None:
    assert said(stage, "USER") == "10001:10001"
    assert not re.search(
        r"apt|gcc|pip|\bmake\b|git", str([rest for word, rest in stages()[stage] if word == "RUN"])
    )
    assert said(stage, "VOLUME") == variables(stage)["REENACT_DATA"]
    assert said(stage, "EXPOSE") == variables(stage)["REENACT_PORT"]


def test_the_default_target_is_the_cpu() -> None:
    assert list(stages())[-1] == "cpu"


@pytest.mark.parametrize("stage", FINAL)
@pytest.mark.parametrize("name", [None, *OURS])
def test_settings_can_be_read_and_fit_together(stage: str, name: str | None) -> None:
    environment = variables(stage) | (OURS[name]["environment"] if name else {})
    settings = read(environment)
    assert (settings.host, settings.data, settings.log) == ("0.0.0.0", Path("/data"), "json")
    assert settings.device == ("cuda" if stage == "cuda" else Settings().device)
    if name:
        assert {"postgresql", "redis"} == {
            url.split(":")[0] for url in (settings.database or "", settings.broker or "")
        }
        seconds = int(OURS[name]["stop_grace_period"].removesuffix("s"))
        assert seconds >= settings.stop_seconds + 10


def test_the_command_and_its_verbs_exist() -> None:
    verbs = {each["command"][0] for each in OURS.values() if "command" in each}
    for stage in FINAL:
        (command,) = yaml.safe_load(said(stage, "ENTRYPOINT"))
        assert command in PROJECT["scripts"]
        verbs |= set(yaml.safe_load(said(stage, "CMD")))
    assert verbs == {"serve", "worker"}
    done = subprocess.run(
        [sys.executable, "-m", "server", "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert all(re.search(rf"^ +{verb} ", done.stdout, flags=re.MULTILINE) for verb in verbs)


def test_images_have_versions() -> None:
    own = {each["image"] for each in compose("compose.yaml", "compose.cuda.yaml").values() if "build" in each}
    bases = {rest.split()[0] for word, rest in stages()["base"] if word == "FROM"}
    others = {each["image"] for each in compose("compose.yaml").values() if "build" not in each}
    assert own <= {"reenact:cpu", "reenact:cuda"} and len(bases) == 1 and len(others) == 2
    for image in bases | others:
        assert re.search(r":[0-9]+(\.[0-9]+)*-[a-z-]+$", image), image


def test_services_name_what_there_is() -> None:
    services = compose("compose.yaml")
    volumes = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["volumes"]
    for each in services.values():
        assert set(each.get("depends_on", {})) <= set(services)
        assert all("healthcheck" in services[name] for name in each.get("depends_on", {}))
        assert {volume.split(":")[0] for volume in each.get("volumes", [])} <= set(volumes)
    hosts = {re.sub(r"^.*//(?:.*@)?([a-z]+).*$", r"\1", url) for url in urls(OURS["server"]["environment"])}
    assert hosts == {"database", "broker"} <= set(services)
    cuda = compose("compose.cuda.yaml")
    assert set(cuda) <= set(services)
    for service in (*OURS.values(), *cuda.values()):
        assert service["build"]["target"] in FINAL
    assert (DEPLOY / OURS["server"]["build"]["context"]).resolve() == ROOT
    assert (ROOT / OURS["server"]["build"]["dockerfile"]).is_file()
    (port,) = OURS["server"]["ports"]
    assert port.split(":")[-1] == variables("cpu")["REENACT_PORT"]


def urls(environment: dict[str, str]) -> list[str]:
    return [value for value in environment.values() if "://" in value]
