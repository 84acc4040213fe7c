"""Runs the block list and the operator's check, the cheap one first."""

from __future__ import annotations

from reenact.engine import Engine
from reenact.face.fingerprint import fingerprints
from reenact.media import read_picture
from server.errors import FaceBlocked
from server.screening.blocklist import Blocklist, find_match
from server.screening.moderation import Moderators, Submission


class Screen:
    """The checks that an order must pass before it is rendered."""

    def __init__(self, blocklist: Blocklist, moderators: Moderators) -> None:
        """Do nothing yet."""
        self._blocklist, self._moderators = blocklist, moderators

    def check(self, engine: Engine, submission: Submission) -> None:
        """Refuse what may not be rendered.

        All faces of the picture are looked up, not only the one that would move.

        Raises:
            FaceBlocked: the picture is of someone who asked not to be used.
            Rejected: the operator's check refuses.
            ModeratorUnavailable: the operator's check cannot be asked.
            InputError: the picture cannot be read.
        """
        blocked = self._blocklist.all()
        if blocked:
            picture = read_picture(submission.selfie)
            seen = fingerprints(picture, engine.finder.find(picture))
            if find_match(seen, blocked):
                raise FaceBlocked(
                    "Someone in this picture asked not to be animated here. Choose another picture."
                )
        self._moderators.check(submission)
