"""Files: a place for each job's uploads while it lives, results under unguessable names until they expire.

LocalStorage is today's only body; issue 4 puts fsspec (s3://) behind the same interface.
"""

from server.storage.local import LocalStorage
from server.storage.storage import DRIVING, SELFIE, Found, Storage, Stored

__all__ = ["DRIVING", "SELFIE", "Found", "LocalStorage", "Storage", "Stored"]
