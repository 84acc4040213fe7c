"""Runs the block list and the operator's check, the cheap one first."""

from __future__ import annotations

from pathlib import Path

from reenact.engine import Engine
from reenact.face.fingerprint import fingerprints
from reenact.media import read_picture
from server.errors import FaceBlocked
from server.screening.blocklist import BlockedFace, Blocklist, find_match
from server.screening.moderation import Moderators, Submission


class Screen:
    """The checks that an order must pass before it is rendered."""

    def __init__(self, blocklist: Blocklist, moderators: Moderators) -> None:
        """Do nothing yet."""
        self._blocklist, self._moderators = blocklist, moderators

    def check(self, engine: Engine, submission: Submission) -> None:
        """Refuse what may not be rendered.

        All faces of the picture are looked up, not only the one that would move, and of a swap all faces in
        the stills of the clip, not only the one that would be replaced.

        Raises:
            FaceBlocked: the picture is of someone who asked not to be used.
            Rejected: the operator's check refuses.
            ModeratorUnavailable: the operator's check cannot be asked.
            InputError: the picture cannot be read.
        """
        blocked = self._blocklist.all()
        if blocked and _shows_any(engine, submission.selfie, blocked):
            raise FaceBlocked(
                "Someone in this picture asked not to be animated here. Choose another picture."
            )
        if blocked and any(_shows_any(engine, still, blocked) for still in submission.stills):
            raise FaceBlocked("Someone in this clip asked not to be used here. Choose another clip.")
        self._moderators.check(submission)


def _shows_any(engine: Engine, picture: Path, blocked: list[BlockedFace]) -> bool:
    pixels = read_picture(picture)
    return find_match(fingerprints(pixels, engine.finder.find(pixels)), blocked) is not None
