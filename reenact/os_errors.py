"""Reasons of operating system errors, in words that a user can act on.

``[Errno 28] No space left on device: '/var/...'`` tells a programmer. Every message of ours that passes on
why a file or a connection failed takes its words from here.
"""

from __future__ import annotations

import errno
from ssl import SSLError

from reenact.errors import DiskFull, OutputError

FAULTS = (TypeError, AttributeError, NameError, ImportError, AssertionError, NotImplementedError)
FULL = (errno.ENOSPC, errno.EDQUOT)
_WORDS = {
    errno.ENOENT: "there is no such file or folder",
    errno.EACCES: "permission denied; grant it with chmod or chown",
    errno.EPERM: "permission denied; grant it with chmod or chown",
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the disk quota is used up; free some space",
    errno.EFBIG: "the file would exceed the size limit; raise `ulimit -f` or name another disk",
    errno.EROFS: "the file system is read-only; choose another",
    errno.EIO: "the disk reports an I/O error; check it",
    errno.EISDIR: "it is a folder, not a file",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.EEXIST: "a file or folder has that name already; choose another",
    errno.ENOTEMPTY: "a file or folder has that name already; choose another",
    errno.ENAMETOOLONG: "the name is too long; use a shorter one",
    errno.ELOOP: "its symbolic links form a loop",
    errno.EMFILE: "too many files are open; raise `ulimit -n`",
    errno.ENFILE: "too many files are open; close other programs",
    errno.ENOMEM: "out of memory; close other programs",
}


def reason(error: BaseException) -> str:
    """The second half of a sentence: why, and what to do where that helps; no number, path or full stop."""
    inner = getattr(error, "reason", None)  # of a URLError
    if isinstance(inner, BaseException):
        return reason(inner)
    number, said = getattr(error, "errno", None), getattr(error, "strerror", None)
    if isinstance(error, SSLError):
        number = None  # its number is one of OpenSSL's
    if isinstance(error, MemoryError):
        number = errno.ENOMEM
    if isinstance(error, ValueError) and "embedded null" in str(error):
        return "the name has a zero byte in it"
    words = _WORDS.get(number, said) if isinstance(number, int) else said
    return str(words or inner or str(error) or type(error).__name__).rstrip(".")


def is_programming_error(error: BaseException) -> bool:
    """Whether the program is to blame, whatever file it was given: such an error is passed on as it is.

    Decoders raise nearly everything on damaged files, also ValueError, IndexError and SyntaxError.
    """
    return isinstance(error, FAULTS)


def is_disk_full(error: BaseException) -> bool:
    """Whether it is for want of room on a disk."""
    return isinstance(error, DiskFull) or getattr(error, "errno", None) in FULL


def unwritable(what: str, error: BaseException) -> OutputError:
    """The error to raise where something cannot be written; ``what`` begins its sentence: "The file x"."""
    kind = DiskFull if is_disk_full(error) else OutputError
    return kind(f"{what} cannot be written: {reason(error)}.")
