"""The service's settings, and the only place where the environment is read.

Every field is set by the variable ``REENACT_<FIELD>``, for instance ``REENACT_PORT`` for ``port``.
"""

from __future__ import annotations

import difflib
import ipaddress
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from reenact.config import MORE_MOTIONS, MORE_PORTRAITS, MOTIONS, PORTRAITS
from reenact.errors import SetupError

if TYPE_CHECKING:
    from reenact.runtime import Device

PREFIX = "REENACT_"
CHOICES = {
    "device": ("auto", "cpu", "cuda"),
    "encoder": ("x264", "nvenc"),
    "job_priority": ("nice", "idle"),
    "label": ("request", "always", "never"),
    "log": ("text", "json"),
    "moderator_failure": ("refuse", "allow"),
}
# Variables of other parts of the project, which are no mistake.
FOREIGN = {"REENACT_SHARED", "REENACT_CI"}
_SILENT = "connections on which nothing comes for 60 s are closed, and slow clients hold no thread"
REMOVED = {"head_seconds": _SILENT, "body_seconds": _SILENT}
_TRUTH = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


class SettingInvalid(SetupError):
    """A setting cannot be used; the message names its variable and what it may be."""

    code = "setting_invalid"


def _setting(default: object, low: float = -math.inf, high: float = math.inf) -> Any:
    """A field with the range that its value must keep."""
    return field(default=default, metadata={"low": low, "high": high})


@dataclass(frozen=True)
class Settings:
    """How the service runs. Made by ``read``; a test makes it directly."""

    host: str = "127.0.0.1"  # listening address; other than loopback needs a key, see `reenact-server keys`
    port: int = _setting(8000, 0, 65535)  # listening port; 0 takes any free one, named in the start message
    data: Path = Path("var")  # folder of uploads and results; created if missing, readable by its owner only
    templates: Path = MOTIONS  # folder of the motion templates that ship
    more_templates: Path = MORE_MOTIONS  # folder of templates added by operators; shared by all processes
    portraits: Path = PORTRAITS  # folder of the portraits that ship
    more_portraits: Path = MORE_PORTRAITS  # folder of downloaded portraits and your own; may be missing
    upload_bytes: int = _setting(20_000_000, 1, 125_000_000)  # of a request; selfies to 20, clips to 100 MB
    selfie_pixels: int = _setting(50_000_000, 1, 50_000_000)  # maximum width times height; the engine's limit
    driving_seconds: float = _setting(60.0, 0.1, 60)  # maximum length of a clip; the engine's limit is 60
    driving_side: int = _setting(1920, 16, 1920)  # maximum longer side in pixels; the engine's limit
    result_hours: float = _setting(24.0, 0.001, 24 * 365)  # how long a result can be downloaded
    sweep_seconds: float = _setting(300.0, 0.1, 86400)  # interval between deletions of expired files and jobs
    queue_length: int = _setting(20, 1, 10_000)  # maximum of waiting jobs of a kind; further ones get 429
    unfinished_per_key: int = _setting(10, 1, 10_000)  # maximum number of unfinished jobs of one key
    orders_per_minute: int = _setting(60, 1, 100_000)  # rate limit of each key and of each client address
    webhook_hosts: str | None = None  # private hosts that webhooks may call, separated by commas
    cors_origins: str | None = None  # origins whose pages may call the API, separated by commas; * for all
    proxies: int = _setting(0, 0, 10)  # how many trusted proxies set X-Forwarded-... headers
    wait_seconds: float = _setting(30.0, 0, 300)  # maximum of `Prefer: wait`
    log: Literal["text", "json"] = "text"  # text for people; json: one object a line, requests included
    metrics_port: int | None = _setting(None, 1, 65535)  # separate port for metrics; none: the server's port
    http_threads: int = _setting(16, 2, 256)  # threads that answer requests; half may wait or stream events
    database: str | None = None  # sqlite:///file or postgresql://...; none: an SQLite file in the data folder
    storage: str | None = None  # s3://bucket/folder for uploads and results; none: the data folder
    broker: str | None = None  # redis://... or amqp://... for `reenact-server worker`; none: jobs run here
    kinds: str | None = None  # kinds of work that this process takes, separated by commas; none: all
    job_threads: int = _setting(1, 1, 64)  # jobs at once in one process; above 1 only useful on a GPU
    job_priority: Literal["nice", "idle"] = "nice"  # nice: low CPU priority; idle: only idle CPU
    jobs_per_key: int = _setting(10_000, 1, 10_000)  # jobs of one key that may run at once, in all processes
    lease_seconds: float = _setting(15.0, 1, 3600)  # time without heartbeat until a job is started again
    hang_seconds: float = _setting(60.0, 1, 3600)  # time without progress until the engine is restarted
    attempts: int = _setting(3, 1, 1000)  # how often a job is started before it fails
    moderator: str | None = None  # https://... that is asked before each job is rendered; none: no check
    moderator_secret: str | None = None  # secret that signs requests to the moderator, as for webhooks
    moderator_seconds: float = _setting(10.0, 0.1, 60)  # time limit to connect, and again to get the answer
    moderator_failure: Literal["refuse", "allow"] = "refuse"  # refuse or allow if the check fails
    consent_days: float = _setting(90.0, 0, 3650)  # how long records of consent are kept; 0: none are made
    label: str = "request"  # visible label: request (each order decides), always or never
    watermark_key: str | None = None  # secret key of the invisible watermark; none: a public key
    c2pa_cert: Path | None = None  # PEM certificates that sign results; none: a generated one for development
    c2pa_key: Path | None = None  # PEM private key of that certificate, without a password
    c2pa_trust: Path | None = None  # PEM root certificates that `verify` trusts; none: it trusts no signer
    stop_seconds: float = _setting(20.0, 0, 600)  # grace period for running jobs when the service stops
    device: Device = "auto"  # device that runs the model: auto, cpu or cuda
    encoder: str = "x264"  # MP4 encoder: x264, or nvenc on an NVIDIA GPU; falls back to x264
    require_gpu: bool = False  # yes: do not start unless the whole model runs on an NVIDIA GPU
    threads: int | None = _setting(None, 1, 1024)  # CPU threads per job; none: all cores, shared by the jobs

    def __post_init__(self) -> None:
        """Check every range; raises SettingInvalid."""
        for each in fields(self):
            _check_range(each.name, getattr(self, each.name), each.metadata)
        for name, choices in CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                *others, last = choices
                raise SettingInvalid(
                    f"{variable(name)} is {value!r}; it must be {', '.join(others)} or {last}."
                )

        if (self.c2pa_cert is None) != (self.c2pa_key is None):
            raise SettingInvalid("Set REENACT_C2PA_CERT and REENACT_C2PA_KEY together, or neither.")

    @property
    def private_hosts(self) -> frozenset[str]:
        """The names of ``webhook_hosts``."""
        return frozenset(name.lower() for name in _names(self.webhook_hosts))

    @property
    def hang_after(self) -> float:
        """Seconds without a sign of work after which a job hangs: waiting for a moderator is none."""
        return self.hang_seconds + (2 * self.moderator_seconds if self.moderator else 0)

    @property
    def origins(self) -> list[str]:
        """The origins of ``cors_origins``."""
        return _names(self.cors_origins)

    @property
    def local(self) -> bool:
        """Whether only this machine can reach the address."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def single_process(self) -> bool:
        """Whether no other process can share jobs or files with this one."""
        return not (self.broker or self.database or self.storage)


def read(environment: Mapping[str, str]) -> Settings:
    """Settings from the environment; what is not set keeps its default.

    Raises:
        SettingInvalid: a value is not of its kind or out of range, or a variable is unknown.
    """
    known = {variable(each.name): each.name for each in fields(Settings)}
    given = {name: text for name, text in environment.items() if name.startswith(PREFIX) and text.strip()}
    unknown = sorted(given.keys() - known.keys() - FOREIGN)
    for name, instead in REMOVED.items():
        if variable(name) in unknown:
            raise SettingInvalid(f"{variable(name)} is no longer a setting: {instead}. Remove it.")
    if unknown:
        near = difflib.get_close_matches(unknown[0], known, n=2, cutoff=0.85)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"Settings: {', '.join(known)}."
        raise SettingInvalid(f"{unknown[0]} is not a setting. {hint}")
    values = {known[name]: _cast(known[name], text.strip()) for name, text in given.items() if name in known}
    return Settings(**values)


def variable(name: str) -> str:
    """The environment variable of a field."""
    return PREFIX + name.upper()


def _cast(name: str, text: str) -> Any:
    """The text as the field's type."""
    kinds: dict[str, tuple[Callable[[str], object], str]] = {
        "int": (int, "a whole number"),
        "int | None": (int, "a whole number"),
        "float": (float, "a number"),
        "bool": (_truth, "yes or no"),
        "Path": (Path, "a folder"),
        "Path | None": (Path, "a file"),
    }
    annotation = next(str(each.type) for each in fields(Settings) if each.name == name)
    cast, what = kinds.get(annotation, (str, "a text"))
    try:
        return cast(text)
    except ValueError as e:
        raise SettingInvalid(f"{variable(name)} is {text!r}; it must be {what}.") from e


def _truth(text: str) -> bool:
    if text.lower() not in _TRUTH:
        raise ValueError(text)
    return _TRUTH[text.lower()]


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _check_range(name: str, value: object, allowed: Mapping[str, float]) -> None:
    if not allowed or value is None:
        return
    low, high = allowed["low"], allowed["high"]
    if not isinstance(value, int | float) or not low <= value <= high:
        raise SettingInvalid(f"{variable(name)} is {value!r}; it must be from {low:g} to {high:g}.")
