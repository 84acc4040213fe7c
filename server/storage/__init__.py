"""Files: a place for each job's uploads while it lives, results under unguessable names until they expire.

storage.py  Storage: what the service asks for
local.py    in a folder of this machine
remote.py   in a bucket (s3://) that many machines share
"""

from pathlib import Path

from server.storage.local import LocalStorage
from server.storage.remote import RemoteStorage
from server.storage.storage import DRIVING, SELFIE, Found, Storage, Stored

__all__ = [
    "DRIVING",
    "SELFIE",
    "Found",
    "LocalStorage",
    "RemoteStorage",
    "Storage",
    "Stored",
    "open_storage",
]


def open_storage(url: str | None, folder: Path, lifetime: float) -> Storage:
    """The storage of a URL, or of the folder where there is none; see the classes; raises SetupError."""
    return RemoteStorage(url, folder, lifetime) if url else LocalStorage(folder, lifetime)
