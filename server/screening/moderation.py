"""The operator's own check: none by default, a program behind an address, or a Python entry point.

Where a check cannot be asked, nothing is rendered unless the operator says otherwise: whoever could keep the
check from answering could else get anything through.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import file_digest
from importlib.metadata import entry_points
from pathlib import Path

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.filepost import encode_multipart_formdata

from reenact.errors import SetupError
from server.access.signature import SIGNATURE, sign
from server.errors import ModeratorUnavailable, Rejected

log = logging.getLogger(__name__)
GROUP = "reenact.moderators"
ANSWER_BYTES = 64_000
REASON_LENGTH = 300
NO_REASON = "The operator of this server does not allow this."


@dataclass(frozen=True)
class Submission:
    """What is to be rendered, as a check sees it. The files are gone when the job has ended."""

    job: str  # its id
    owner: str | None  # id of the access key; None where no keys are used
    selfie: Path  # the picture: an upload, or a portrait of the gallery
    portrait: str | None  # id, where it is one of the gallery
    driving: Path | None  # the clip, where one was uploaded
    template: str | None  # id, where the motion is one of the gallery
    effect: str = "animate"  # or swap: the face goes into the clip
    stills: tuple[Path, ...] = ()  # of a swap: pictures spread over the clip, JPEG


Moderator = Callable[[Submission], str | None]
"""A check: None allows, a text is the reason to refuse, for clients to read. What it raises is a failure."""


class Moderators:
    """All checks of one installation."""

    def __init__(self, checks: dict[str, Moderator], allow_on_failure: bool) -> None:
        """Checks by the name they have in the log; ``allow_on_failure`` lets pass what cannot be checked."""
        self._checks, self._allow_on_failure = checks, allow_on_failure

    def check(self, submission: Submission) -> None:
        """Ask all.

        Raises:
            Rejected: one refuses; the message is its reason.
            ModeratorUnavailable: one cannot be asked.
        """
        for name, check in self._checks.items():
            try:
                reason = check(submission)
            except Exception as e:  # of whatever code an operator plugs in
                log.error("Moderator %s failed for job %s: %s: %s", name, submission.job, type(e).__name__, e)
                if self._allow_on_failure:
                    continue
                raise ModeratorUnavailable(
                    "The operator's check failed or did not answer. Try again later."
                ) from e
            if reason is not None:
                log.info("Moderator %s refused job %s", name, submission.job)
                raise Rejected(" ".join(str(reason).split())[:REASON_LENGTH] or NO_REASON)


class HttpModerator:
    """A program behind an address that the operator names.

    It is sent a form with ``facts`` (JSON), the file ``selfie`` and, of a swap, files ``still``; it is signed
    as webhooks are. It answers 200 with {"allow": true} or {"allow": false, "reason": "..."}.
    """

    def __init__(self, url: str, secret: str | None, seconds: float) -> None:
        """``secret`` signs; ``seconds`` is how long it may take to connect, and then to answer."""
        self._url, self._secret = url, secret
        self._pool = urllib3.PoolManager(timeout=urllib3.Timeout(seconds), retries=False)

    def __call__(self, submission: Submission) -> str | None:
        """Ask; the reason to refuse, or None.

        Raises:
            OSError: it cannot be reached or does not answer in time.
            ValueError: its answer is none.
        """
        stills = (("still", (each.name, each.read_bytes())) for each in submission.stills)
        body, kind = encode_multipart_formdata(
            [
                ("facts", json.dumps(facts(submission))),
                ("selfie", ("selfie", submission.selfie.read_bytes())),
                *stills,
            ]
        )
        headers = {"Content-Type": kind}
        if self._secret:
            headers[SIGNATURE] = sign(body, self._secret, int(time.time()))
        try:
            answer = self._pool.request(
                "POST", self._url, body=body, headers=headers, redirect=False, preload_content=False
            )
            text = answer.read(ANSWER_BYTES)
            answer.close()
        except HTTPError as e:
            raise ConnectionError(type(e).__name__) from e
        if answer.status != 200:
            raise ValueError(f"it answered {answer.status}")
        said = json.loads(text)
        if not isinstance(said, dict) or not isinstance(said.get("allow"), bool):
            raise ValueError("its answer has no boolean `allow`")
        return None if said["allow"] else str(said.get("reason") or NO_REASON)


def facts(submission: Submission) -> dict[str, str | None]:
    """A submission without its files: their SHA-256 instead."""
    fields = asdict(submission)
    del fields["stills"]
    for name in ("selfie", "driving"):
        path: Path | None = fields.pop(name)
        fields[f"{name}_sha256"] = digest(path) if path else None
    return fields


def digest(file: Path) -> str:
    """SHA-256 of a file."""
    with file.open("rb") as content:
        return file_digest(content, "sha256").hexdigest()


def find_moderators(url: str | None, secret: str | None, seconds: float) -> dict[str, Moderator]:
    """The checks that are installed under the entry point group, and the one behind an address.

    Raises:
        SetupError: one that is installed cannot be loaded.
    """
    checks: dict[str, Moderator] = {}
    for each in entry_points(group=GROUP):
        try:
            checks[each.name] = each.load()
        except Exception as e:
            raise SetupError(f"The moderator {each.name} ({each.value}) cannot be loaded: {e}") from e
    if url:
        checks[url] = HttpModerator(url, secret, seconds)
    return checks
