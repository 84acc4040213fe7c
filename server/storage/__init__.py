"""Files: a folder for the uploads of each job, and results under random names until they expire.

storage.py    Storage: the interface
local.py      in a folder of this machine
remote.py     in a bucket that many machines share
bucket.py     the requests to that bucket (s3://)
own.py        the local folder of one process, deleted with it
leftovers.py  files that are still to be deleted
breaker.py    circuit breaker for a service that does not answer
"""

from pathlib import Path

from server.database.database import Database
from server.storage.leftovers import Leftovers
from server.storage.local import LocalStorage
from server.storage.remote import RemoteStorage
from server.storage.storage import DRIVING, SELFIE, ResultFile, Storage, StoredResult

__all__ = [
    "DRIVING",
    "SELFIE",
    "LocalStorage",
    "RemoteStorage",
    "ResultFile",
    "Storage",
    "StoredResult",
    "open_storage",
]


def open_storage(url: str | None, folder: Path, lifetime: float, database: Database | None = None) -> Storage:
    """The storage of a URL, or of the folder where there is none; see the classes; raises SetupError.

    What could not be deleted is remembered in the database.
    """
    if url is None:
        return LocalStorage(folder, lifetime)
    return RemoteStorage(url, folder, lifetime, Leftovers(database) if database else None)
