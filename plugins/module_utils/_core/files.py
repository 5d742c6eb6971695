# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Write the collection's own small files so that neither a crash nor another process leaves half of one behind."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import tempfile
import time
import typing as t

from .errors import OpsError

Owner = tuple[int, int]
Result = t.TypeVar("Result")

FOLDER_MODE = 0o750
FILE_MODE = 0o640
BALLAST = ".ballast"
BALLAST_BYTES = 1024 * 1024
_SLICE_BYTES = 128 * 1024  # given up piece by piece: what is given up may be taken by others
_POLL_SECONDS = 0.02
_FULL = (errno.ENOSPC, errno.EDQUOT)


class NoRoom(OpsError):
    """The disk is full."""


def private_folder(path: str, mode: int = FOLDER_MODE) -> bool:
    """Make a folder (and those above it) unless it is there; whether it was made. OpsError says why it cannot be."""
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), mode=0o755, exist_ok=True)
        try:
            os.mkdir(path, mode)
        except FileExistsError:
            if not os.path.isdir(path):
                raise OpsError(f"{path} must be a folder, but something else has that name; move it away") from None
            return False
        os.chmod(path, mode)  # what the umask took away
    except OSError as exc:
        raise OpsError(f"the folder {path} cannot be made: {exc.strerror or exc}") from exc
    return True


def atomic_write(path: str, data: t.Union[str, bytes], mode: int = FILE_MODE,
                 owner: t.Optional[Owner] = None) -> None:
    """Replace a file in one step: who reads it sees the old or the new text, also after a power failure."""
    folder, name = os.path.split(os.path.abspath(path))
    try:
        handle, draft = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    except OSError as exc:
        raise _cannot_write(path, exc) from exc
    try:
        try:
            _write(handle, data.encode() if isinstance(data, str) else data)
            os.fchmod(handle, mode)
            if owner is not None:
                os.fchown(handle, *owner)
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(draft, path)
        sync_folder(folder)
    except OSError as exc:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)
        raise _cannot_write(path, exc) from exc


def append_line(path: str, line: str, mode: int = FILE_MODE) -> None:
    """Add one line durably, by one write; a torn last line of an earlier crash is ended first.

    What was written only in part (a full disk) is taken back, and OpsError raised.
    """
    if "\n" in line:
        raise ValueError("a line has no line feed")
    try:
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
        try:
            size = os.fstat(handle).st_size
            torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            data = (b"\n" if torn else b"") + line.encode() + b"\n"
            try:
                if os.write(handle, data) != len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(handle)
            except OSError:
                os.ftruncate(handle, size)
                raise
        finally:
            os.close(handle)
        if not size:
            sync_folder(os.path.dirname(os.path.abspath(path)))
    except OSError as exc:
        raise _cannot_write(path, exc) from exc


def reserved(folder: str, write: t.Callable[[], Result]) -> Result:
    """Write what must be written even when the disk of this folder is full, out of a reserve that is kept in it.

    The reserve is made, or made whole again, after a write when there is room. NoRoom when it is used up.
    """
    result = _giving_way(folder, write)
    _refill(folder)
    return result


def remove(path: str) -> bool:
    """Take a file away durably; whether it was there."""
    try:
        os.unlink(path)
        sync_folder(os.path.dirname(os.path.abspath(path)))
    except FileNotFoundError:
        return False
    except OSError as exc:
        raise OpsError(f"{path} cannot be removed: {exc.strerror or exc}") from exc
    return True


@contextlib.contextmanager
def guarded(path: str, timeout_seconds: float = 10.0,
            clock: t.Callable[[], float] = time.monotonic) -> t.Iterator[None]:
    """Be the only one, among all who use the same guard file; OpsError when it does not become free in time.

    The file stays: a guard that is removed guards two at once.
    """
    try:
        handle = _giving_way(os.path.dirname(path), lambda: _open_private(path))
    except OSError as exc:
        raise _cannot_write(path, exc) from exc
    try:
        ends = clock() + timeout_seconds
        while not _lock(handle, path):
            if clock() >= ends:
                raise OpsError(f"another process holds {path} for more than {timeout_seconds:g} s; see who has it open")
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(handle)  # which also unlocks


def sync_folder(folder: str) -> None:
    """Make names that were made, changed or removed in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _giving_way(folder: str, write: t.Callable[[], Result]) -> Result:
    while True:
        try:
            return write()
        except OSError as exc:
            if exc.errno not in _FULL or not _give_way(folder):
                raise
        except NoRoom as exc:
            if not _give_way(folder):
                raise NoRoom(f"{exc}; what {os.path.join(folder, BALLAST)} keeps for this is used up") from exc  # pylint: disable=bad-exception-cause


def _give_way(folder: str) -> bool:
    """Give a piece of the reserve up; whether there was any."""
    try:
        handle = os.open(os.path.join(folder, BALLAST), os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        size = os.fstat(handle).st_size
        os.ftruncate(handle, max(0, size - _SLICE_BYTES))
        os.fsync(handle)  # some file systems free the blocks only then
    except OSError:
        return False
    finally:
        os.close(handle)
    return size > 0


def _refill(folder: str) -> None:
    """Make the reserve whole when there is room for twice as much; without one the next write works as well."""
    path = os.path.join(folder, BALLAST)
    with contextlib.suppress(OSError):
        with contextlib.suppress(FileNotFoundError):
            seen = os.lstat(path)
            if min(seen.st_size, seen.st_blocks * 512) >= BALLAST_BYTES:
                return
        room = os.statvfs(folder)
        if room.f_bavail * room.f_frsize < 2 * BALLAST_BYTES:
            return
        handle = _open_private(path)
        try:
            os.posix_fallocate(handle, 0, BALLAST_BYTES)
            os.fsync(handle)
        finally:
            os.close(handle)


def _open_private(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _lock(handle: int, path: str) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as exc:
        raise OpsError(f"{path} cannot be locked: {exc.strerror or exc}") from exc
    return True


def _write(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest):]


def _cannot_write(path: str, exc: OSError) -> OpsError:
    advice = {errno.EACCES: "; become root", errno.EPERM: "; become root", errno.ENOSPC: "; free some space",
              errno.EDQUOT: "; free some space", errno.EROFS: "; see why the file system became read-only"}
    kind = NoRoom if exc.errno in _FULL else OpsError
    return kind(f"{path} cannot be written: {exc.strerror or exc}{advice.get(exc.errno or 0, '')}")
