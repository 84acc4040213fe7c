"""A folder of a bucket (s3://), through fsspec.

Every failure of the bucket raises ``StorageUnavailable``: it cannot be reached, fails, or refuses access. The
log has the reason when that begins, and says when it ends.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, cast

from reenact.errors import ExtraMissing, SetupError
from server.disk import is_full
from server.errors import StorageUnavailable
from server.storage.breaker import Breaker

log = logging.getLogger(__name__)
_BLOCK = 1 << 20  # bytes of an object that are fetched at once
# Seconds and tries of one request. A client waits for it, and jobs come back anyway. They do not bound the
# time until a bucket says that it wants what is to be written.
_CLIENT_OPTIONS = {
    "connect_timeout": 3,
    "read_timeout": 10,
    "retries": {"mode": "standard", "total_max_attempts": 2},
}
_WRITE_SECONDS = 20.0  # seconds that an object may take to be written, and for each byte
_WRITE_SECONDS_PER_BYTE = 1 / 250_000
_SLOW_SECONDS, _PAUSE_SECONDS = 2.0, 5.0  # after a request that failed so slowly, none is made for so long


@dataclass(frozen=True)
class Object:
    """Metadata of an object."""

    name: str  # below the folder
    bytes: int
    written: float  # seconds since 1970


class Bucket:
    """The folder. All methods may be called from any thread, and raise StorageUnavailable."""

    def __init__(self, url: str) -> None:
        """Connect nothing yet.

        Args:
            url: ``s3://bucket/prefix``. Endpoint and credentials stand in the usual ``AWS_...`` variables.

        Raises:
            SetupError: the URL is of another kind.
            ExtraMissing: s3fs is not installed.
        """
        if not url.startswith("s3://"):
            raise SetupError(f"REENACT_STORAGE is {url!r}; it must look like s3://bucket/folder.")
        if find_spec("s3fs") is None:
            raise ExtraMissing("REENACT_STORAGE needs the extra 's3': pip install 'reenact[s3]'.")
        import fsspec

        # Listings are never remembered: other processes change the bucket too.
        self._fs, self._root = fsspec.core.url_to_fs(
            url, use_listings_cache=False, config_kwargs=_CLIENT_OPTIONS
        )
        self._fs.retries = 1  # what botocore tries again is enough
        self._url, self._breaker = url, Breaker()

    def probe(self) -> None:
        """Write an object and delete it; raises SetupError."""
        probe = self._path(f"uploads/{secrets.token_hex(8)}")
        try:
            self._fs.pipe_file(probe, b"may this be written?", timeout=_WRITE_SECONDS)
            self._fs.rm_file(probe)
        except Exception as e:  # of fsspec, botocore or the network
            raise SetupError(
                f"{self._url} cannot be written: {_error_text(e)}. See REENACT_STORAGE and AWS_...."
            ) from e

    def put(self, file: Path, name: str) -> None:
        """Write a file as an object."""
        with self._request(missing=False):
            seconds = _WRITE_SECONDS + file.stat().st_size * _WRITE_SECONDS_PER_BYTE
            self._fs.put_file(str(file), self._path(name), timeout=seconds)

    def get(self, name: str, to: Path) -> None:
        """Fetch an object; raises FileNotFoundError."""
        with self._request():
            self._fs.get_file(self._path(name), str(to))

    def info(self, name: str) -> Object:
        """Metadata of an object; raises FileNotFoundError."""
        with self._request():
            return self._object(self._fs.info(self._path(name)))

    def open(self, name: str) -> BinaryIO:
        """An object for reading and seeking; raises FileNotFoundError."""
        with self._request():
            return cast(BinaryIO, self._fs.open(self._path(name), "rb", block_size=_BLOCK))

    def objects(self, folder: str) -> list[Object]:
        """All objects below a folder."""
        with self._request():
            return [self._object(each) for each in self._fs.find(self._path(folder), detail=True).values()]

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects; they need not exist."""
        with self._request():
            for name in names:
                self._fs.rm_file(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _object(self, info: dict[str, Any]) -> Object:
        name = info["name"].removeprefix(f"{self._root}/")
        return Object(name, info["size"], float(info["LastModified"].timestamp()))

    @contextmanager
    def _request(self, missing: bool = True) -> Iterator[None]:
        """Translate the errors of a request; with ``missing``, a missing object is not a failure."""
        if not self._breaker.allows():
            raise StorageUnavailable
        begun = time.monotonic()
        try:
            yield
        except Exception as e:  # of fsspec, botocore or the network
            if not is_full(e) and not (missing and isinstance(e, FileNotFoundError)):
                slow = time.monotonic() - begun > _SLOW_SECONDS
                if self._breaker.failed(_PAUSE_SECONDS if slow else 0.0):
                    log.error("%s cannot be used and will be retried: %s", self._url, _error_text(e))
                raise StorageUnavailable from e
            self._answered()  # but the disk of this machine is full, or there is no such object
            raise
        self._answered()

    def _answered(self) -> None:
        if self._breaker.answered():
            log.warning("%s can be used again", self._url)


def is_unreachable(error: BaseException | None) -> bool:
    """Whether no working server was reached, as opposed to one that refused the request."""
    from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

    cause = error.__cause__ if error else None
    if isinstance(cause, ClientError):
        return bool(cause.response["ResponseMetadata"]["HTTPStatusCode"] >= HTTPStatus.INTERNAL_SERVER_ERROR)
    return isinstance(error, ConnectionError | HTTPClientError | TimeoutError)


def _error_text(error: Exception) -> str:
    """The reason in words. The errno values of s3fs do not mean what they mean for a disk."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
