"""Famous portraits from Wikimedia Commons, requested by file name and checked like any upload."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from PIL import Image

from reenact.engine import open_face_finder
from reenact.errors import ImageTooLarge, NoFaceFound, ReenactError, SetupError, UnsupportedMedia
from reenact.gallery.portraits import FAMOUS
from reenact.media import read_picture
from reenact.os_errors import reason, unwritable
from reenact.types import Picture

TYPES = ("image/jpeg", "image/png", "image/webp")
WIDTH = 960  # pixels; one of the widths that Commons keeps ready (https://www.mediawiki.org/wiki/Common_thumbnail_sizes)
SIDE = 900  # pixels of the longer side that is kept: enough to animate, light enough for a gallery
MAX_BYTES = 8_000_000  # bytes
READ_TIMEOUT, TOTAL_TIMEOUT = 15.0, 60.0  # seconds without a byte, and for one whole picture
AGENT = "Reenact/0.1 (self-hosted; `reenact portraits fetch`)"  # Commons refuses who does not say


@dataclass(frozen=True)
class Famous:
    """A portrait that can be fetched."""

    id: str
    commons: str  # name of its file on Wikimedia Commons


@dataclass(frozen=True)
class Fetched:
    """What became of one portrait; without an error it is in the folder."""

    id: str
    new: bool = False
    error: ReenactError | None = None


@dataclass(frozen=True)
class PortraitHost:
    """Where files are asked for by name, and the only hosts it may send on to, under the same scheme."""

    address: str = "https://commons.wikimedia.org/wiki/Special:FilePath/"
    hosts: frozenset[str] = frozenset({"commons.wikimedia.org", "upload.wikimedia.org"})

    def of(self, file: str) -> str:
        """The address of a file, ``WIDTH`` pixels wide."""
        return f"{self.address}{quote(file)}?width={WIDTH}"

    def allows(self, address: str) -> bool:
        """Whether an address lies with these hosts."""
        asked = urlsplit(address)
        return asked.scheme == urlsplit(self.address).scheme and asked.hostname in self.hosts


class Unreachable(SetupError):
    """The host cannot be reached, so requesting another file is of no use."""


def famous_portraits() -> list[Famous]:
    """All portraits that can be fetched."""
    entries = tomllib.loads(FAMOUS.read_text(encoding="utf-8"))["portraits"]
    return [Famous(entry["id"], entry["commons"]) for entry in entries]


def fetch_portraits(
    folder: Path, wanted: Iterable[Famous] | None = None, host: PortraitHost | None = None
) -> Iterator[Fetched]:
    """Fetch what is not in the folder yet, one after another; nothing is ever replaced.

    A picture is kept only if it is whole, of an accepted type and size, and shows a face. It is written anew,
    so that nothing but its pixels comes along. ``Fetched.error`` is one of:

    SetupError: the portal refuses, or cannot be reached; then no other is asked for. UnsupportedMedia,
    ImageTooLarge, ImageUnreadable, NoFaceFound: what came is no such picture. OutputError: the folder cannot
    be written.
    """
    for each in wanted or famous_portraits():
        path = folder / f"{each.id}.jpg"
        if path.exists():
            yield Fetched(each.id)
            continue
        try:
            picture = read_picture(download(host or PortraitHost(), each.commons))
            _check_face(picture)
            _write(picture, path)
            yield Fetched(each.id, new=True)
        except ReenactError as error:
            yield Fetched(each.id, error=error)
            if isinstance(error, Unreachable):
                return


def download(host: PortraitHost, file: str) -> bytes:
    """The bytes of a picture on the portal; raises as ``fetch_portraits`` says."""
    request = Request(host.of(file), headers={"User-Agent": AGENT, "Accept": ", ".join(TYPES)})
    try:
        with build_opener(_Redirects(host)).open(request, timeout=READ_TIMEOUT) as answer:
            kind = answer.headers.get_content_type()
            if kind not in TYPES:
                raise UnsupportedMedia(
                    f"{file}: the server sent {kind}, which is not a supported picture type."
                )
            return _read(answer, file)
    except HTTPError as error:
        error.close()
        raise SetupError(f"{file}: the server answered {error.code}. Try again later.") from error
    except URLError as error:
        name = urlsplit(host.address).hostname
        raise Unreachable(
            f"{name} cannot be reached: {reason(error)}. Check the network connection."
        ) from error
    except (OSError, HTTPException) as error:
        raise SetupError(
            f"{file}: the download was interrupted ({reason(error)}). Try again later."
        ) from error


class _Redirects(HTTPRedirectHandler):
    """Follows the portal to its own hosts and to nowhere else."""

    def __init__(self, host: PortraitHost) -> None:
        self._portal = host

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        if not self._portal.allows(newurl):
            fp.close()
            raise SetupError(
                f"The server redirected to {urlsplit(newurl).hostname}, which is not an allowed host."
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _read(answer: Any, file: str) -> bytes:
    deadline = time.monotonic() + TOTAL_TIMEOUT
    parts, size = [], 0
    while part := answer.read1(65536):
        parts.append(part)
        size += len(part)
        if size > MAX_BYTES:
            raise ImageTooLarge(f"{file}: the file is larger than {MAX_BYTES // 1_000_000} MB.")
        if time.monotonic() > deadline:
            raise SetupError(f"{file}: the download took more than {TOTAL_TIMEOUT:.0f} s. Try again later.")
    return b"".join(parts)


def _check_face(picture: Picture) -> None:
    if not open_face_finder("cpu", 1).find(picture):
        raise NoFaceFound("No face was found in the downloaded picture.")


def _write(picture: Picture, path: Path) -> None:
    """As a JPEG that appears only when it is whole."""
    image = Image.fromarray(picture)
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    temporary = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(temporary, "JPEG", quality=88, progressive=True)
        temporary.replace(path)
    except OSError as error:
        raise unwritable(f"The portrait {path}", error) from error
    finally:
        temporary.unlink(missing_ok=True)
