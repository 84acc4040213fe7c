"""Whether a picture may be animated: what is asked before a job is rendered, and what is kept of consent.

blocklist.py    faces of people who asked not to be used, as fingerprints
moderation.py   what an operator's own check says: a program behind an address, or a Python entry point
screen.py       both, in that order
consents.py     records of consent
"""

from server.screening.blocklist import Blocklist
from server.screening.consents import Consents
from server.screening.moderation import Moderator, Moderators, Submission, digest, find_moderators
from server.screening.screen import Screen

__all__ = [
    "Blocklist",
    "Consents",
    "Moderator",
    "Moderators",
    "Screen",
    "Submission",
    "digest",
    "find_moderators",
]
