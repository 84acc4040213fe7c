"""``reenact-server doctor``: checks whether the service would run, and says how to fix problems.

It changes nothing: a folder or a table that it makes could belong to the wrong user.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Thread

from reenact import doctor
from reenact.doctor import Finding, State
from reenact.errors import MotionOutdated, SetupError, TemplateNotFound
from reenact.gallery import get_template, list_portraits, template_ids
from reenact.os_errors import reason as why
from server.commands import doctor_fleet, ports
from server.engine.certificate import anchors_of, certificate_of
from server.errors import LOADING
from server.screening import Submission, find_moderators
from server.settings import Settings, read, variable

Check = Callable[[Settings], Iterator[Finding]]
ANSWER_SECONDS = 15.0  # that a database, a broker or a bucket may take
LITTLE_SPACE = 1e9  # bytes


def run(environment: Mapping[str, str]) -> int:
    """Print the findings; return the exit status, 1 if something is broken."""
    findings = examine(environment)
    print(doctor.report(findings))
    return 1 if any(finding.state == "broken" for finding in findings) else 0


def examine(environment: Mapping[str, str]) -> list[Finding]:
    """Check the settings, all that they name, and the engine, all at once; takes a few seconds."""
    try:
        settings = read(environment)
    except SetupError as e:
        return [Finding("settings", "broken", str(e))]
    checks: dict[str, Check] = {  # by the setting that each is about
        "data": _data,
        "database": doctor_fleet.database,
        "broker": doctor_fleet.broker,
        "storage": doctor_fleet.storage,
        "more_templates": _more_templates,
        "moderator": _moderator,
        "port": _port,
        "metrics_port": _metrics_port,
        "c2pa_cert": _certificate,
    }
    seconds = {"moderator": 2 * settings.moderator_seconds + 1}  # it may take that long in the service too
    asked = [
        _start_check(name, check, settings, seconds.get(name, ANSWER_SECONDS))
        for name, check in checks.items()
    ]
    engine = doctor.examine(
        device=settings.device,
        threads=settings.threads,
        motions=settings.templates,
        require_gpu=settings.require_gpu,
    )
    set_here = ", ".join(sorted(name for name in environment if name.startswith("REENACT_"))) or "none is set"
    return [
        Finding("settings", "ok", set_here),
        *(finding for answer in asked for finding in answer()),
        *(finding for finding in engine if not finding.name.startswith("extra ")),
    ]


def _start_check(name: str, check: Check, settings: Settings, seconds: float) -> Callable[[], list[Finding]]:
    """Start a check in a thread; return a function that waits for its findings.

    A check that raises is broken, and so is one that has not finished after these seconds.
    """
    found: list[Finding] = []

    def look() -> None:
        try:
            found.extend(check(settings))
        except Exception as e:  # a report that stops half-way helps no one
            reason = " ".join(why(e).split())
            see = "" if variable(name) in reason else f"; see {variable(name)}"
            found.append(Finding(name, "broken", reason + see))

    thread, deadline = Thread(target=look, daemon=True), time.monotonic() + seconds
    thread.start()

    def answer() -> list[Finding]:
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            silence = f"no answer within {seconds:g} s; see {variable(name)}, and check for a firewall"
            return [Finding(name, "broken", silence)]
        return found

    return answer


def _data(settings: Settings) -> Iterator[Finding]:
    folder = settings.data.absolute()
    there, problem = _nearest_existing(folder)
    if problem:
        detail = f"{there} cannot be written: {problem}; change its owner or set REENACT_DATA"
        yield Finding("data", "broken", detail)
        return
    yield Finding("data", "ok", f"{folder} " + ("can be written" if there == folder else "will be made"))
    free = shutil.disk_usage(there).free
    needed = settings.upload_bytes * settings.queue_length
    if free < needed:
        detail = (
            f"{free / 1e9:.1f} GB free, a full queue needs {needed / 1e9:.1f}; make room or set REENACT_DATA"
        )
        yield Finding("disk of data", "broken", detail)
    else:
        yield Finding("disk of data", "ok" if free > LITTLE_SPACE else "note", f"{free / 1e9:.1f} GB free")


def _nearest_existing(folder: Path) -> tuple[Path, str | None]:
    """The nearest existing folder of a path, and why this user cannot write there, if so."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    try:
        tempfile.TemporaryFile(dir=there).close()
    except OSError as e:
        return there, why(e)
    return there, None


def _more_templates(settings: Settings) -> Iterator[Finding]:
    folder, name = settings.more_templates.absolute(), "templates added"
    there, problem = _nearest_existing(folder)
    if there != folder:
        missing = f"{folder} does not exist yet; adding the first template creates it"
        if settings.broker:
            missing += "; all servers and workers must see the same folder there: is it mounted?"
        yield Finding(name, "note" if settings.broker else "ok", missing)
    else:
        entries = sorted(each.name for each in folder.iterdir() if not each.name.startswith("."))
        left_out = [finding for id in entries for finding in _added(id, settings)]
        yield from left_out
        yield Finding(name, "ok", f"{len(entries) - len(left_out)} of {len(entries)} in {folder} are shown")
    if problem:
        yield Finding(
            name,
            "note",
            f"templates cannot be added: {there} cannot be written ({problem}); change its owner",
        )


def _added(id: str, settings: Settings) -> Iterator[Finding]:
    """Why the gallery does not show this entry of the folder of added templates, if so."""
    name = f"template {id}"
    if id in template_ids(settings.templates):
        yield Finding(
            name, "note", "a template that ships has the same id and is shown instead; rename the added one"
        )
    elif id not in template_ids(settings.more_templates):
        rule = (
            "a template is a folder with a template.toml, named with lower-case letters, digits and hyphens"
        )
        yield Finding(name, "note", f"in REENACT_MORE_TEMPLATES, but not a template: {rule}; remove it")
    else:
        remedy = f"it is not shown: DELETE /v1/templates/{id}, and add its clip again"
        try:
            get_template(id, settings.more_templates)
        except MotionOutdated:
            yield Finding(name, "broken", f"its motion was made with another model; {remedy}")
        except TemplateNotFound as e:
            yield Finding(name, "broken", f"{e} Therefore {remedy}")


def _moderator(settings: Settings) -> Iterator[Finding]:
    """Ask each check about a portrait that ships, as a job for it would."""
    checks = find_moderators(settings.moderator, settings.moderator_secret, settings.moderator_seconds)
    if not checks:
        yield Finding("moderator", "ok", "none: only the block list is checked before a job is rendered")
    portrait = list_portraits()[0]
    submission = Submission("doctor", None, portrait.path, portrait.id, None, template_ids()[0])
    for each, check in checks.items():
        name = "moderator" if each == settings.moderator else f"moderator {each}"
        try:
            reason = check(submission)
        except Exception as e:  # of whatever code an operator plugs in
            yield Finding(name, "broken", _failure(settings, e))
            continue
        if reason is None:
            yield Finding(name, "ok", f"answers, and allows our portrait {portrait.id}")
        else:
            detail = f"answers, but refuses our portrait {portrait.id} ({reason}): does it refuse everything?"
            yield Finding(name, "note", detail)


def _failure(settings: Settings, e: Exception) -> str:
    """The effect of a check that fails."""
    jobs = "fail" if settings.moderator_failure == "refuse" else "are rendered unchecked"
    reason = " ".join(str(e).split()) or type(e).__name__
    return f"it does not work, so jobs {jobs}: {reason}; repair it, or see REENACT_MODERATOR"


def _certificate(settings: Settings) -> Iterator[Finding]:
    anchors_of(settings)
    if settings.c2pa_cert is None:  # not made here: see above
        detail = "a development certificate: it shows tampering, but not who signed; see REENACT_C2PA_CERT"
        yield Finding("certificate", "note", detail)
    else:
        yield Finding("certificate", "ok", f"results are signed by {certificate_of(settings).name}")


def _port(settings: Settings) -> Iterator[Finding]:
    yield ports.look(settings.host, "port", settings.port, "/healthz", b"alive")
    if complaint := ports.complaint(settings.host, settings.port):
        state: State = "note" if complaint.startswith(LOADING) else "broken"
        yield Finding("service", state, f"it runs, but is not ready: {complaint}")


def _metrics_port(settings: Settings) -> Iterator[Finding]:
    if settings.metrics_port is not None:
        yield ports.look(
            settings.host, "metrics_port", settings.metrics_port, "/metrics", b"reenact_build_info"
        )
