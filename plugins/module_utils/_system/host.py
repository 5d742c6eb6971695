# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Look at this host: /proc, /sys and statvfs, each within a time limit."""

from __future__ import annotations

import dataclasses
import errno
import os
import stat
import threading
import time
import typing as t

from .._core.errors import CannotLook
from . import kernel, mounts
from .facts import Deleted, Kills, Limit, Room

OnDisk = t.Callable[[str], bool]
Result = t.TypeVar("Result")

FILES = 500_000  # open files looked at, at most
RECORDS = 200_000  # kernel log records read, at most
SHOWN = 10
MEMORY = ("/memfd:", "/SYSV", "/dev/zero", "/[aio]")  # names of what never was a file on a disk


@dataclasses.dataclass(frozen=True)
class Host:
    """Where the kernel shows its tables; other roots are for tests."""

    proc: str = "/proc"
    cgroups: t.Optional[str] = None
    kmsg: str = "/dev/kmsg"

    def text(self, name: str) -> str:
        """A file below /proc; CannotLook when it cannot be read."""
        return _text(os.path.join(self.proc, name))

    def mounts(self) -> list[mounts.Mount]:
        return mounts.parse(self.text("self/mountinfo"))


def rooms(found: t.Sequence[mounts.Mount], timeout_seconds: float, statvfs: t.Callable[[str], t.Any] = os.statvfs) \
        -> list[Room]:
    """The room on each mount; one that does not answer (a dead file server) is told so and holds up nobody."""
    boxes: list[list[Room]] = [[] for _mount in found]
    threads = [threading.Thread(target=lambda m=mount, b=box: b.append(_room(m, statvfs)), daemon=True)
               for mount, box in zip(found, boxes)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + timeout_seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    silent = f"does not answer within {timeout_seconds:g} s"
    return [box[0] if box else Room(mount, fault=silent) for mount, box in zip(found, boxes)]


def _room(mount: mounts.Mount, statvfs: t.Callable[[str], t.Any]) -> Room:
    try:
        answer = statvfs(mount.path)
    except OSError as exc:
        return Room(mount, fault=f"cannot be looked at: {exc.strerror}")
    return Room(mount, (answer.f_blocks - answer.f_bfree) * answer.f_frsize, answer.f_bavail * answer.f_frsize,
                answer.f_files, answer.f_ffree)


def deleted_files(host: Host, on_disk: OnDisk, timeout_seconds: float) -> Deleted:
    """Walk the open files of all processes; it ends with what it has when the time is over."""
    deadline = time.monotonic() + timeout_seconds
    seen: dict[tuple[int, int], dict[str, t.Any]] = {}
    hidden = looked = 0
    complete = True
    for pid in filter(str.isdigit, os.listdir(host.proc)):
        if not complete:
            break
        folder = os.path.join(host.proc, pid)
        try:
            names = os.listdir(os.path.join(folder, "fd"))
        except PermissionError:
            hidden += _is_program(folder)
            continue
        except OSError:
            continue  # ended meanwhile
        for name in names:
            looked += 1
            if looked > FILES or time.monotonic() > deadline:
                complete = False
                break
            _remember(seen, folder, name, on_disk)
    largest = sorted(seen.values(), key=lambda row: -row["bytes"])
    return Deleted(sum(row["bytes"] for row in largest), tuple(largest[:SHOWN]), hidden, complete)


def _remember(seen: dict[tuple[int, int], dict[str, t.Any]], folder: str, name: str, on_disk: OnDisk) -> None:
    link = os.path.join(folder, "fd", name)
    try:
        path = os.readlink(link)
        if not path.endswith(" (deleted)") or path.startswith(MEMORY):
            return
        status = os.stat(link)
        key = (status.st_dev, status.st_ino)
        device = f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}"
        if key in seen or status.st_nlink or not stat.S_ISREG(status.st_mode) or not on_disk(device):
            return
        seen[key] = {"pid": int(os.path.basename(folder)), "name": _text(os.path.join(folder, "comm")).strip(),
                     "path": path[:-len(" (deleted)")], "bytes": status.st_blocks * 512}
    except (OSError, CannotLook):
        return  # closed meanwhile


def _is_program(folder: str) -> bool:
    """Whether this is a program and not one of the kernel's own threads, which hold no files."""
    try:
        return bool(_text(os.path.join(folder, "cmdline")))
    except CannotLook:
        return False


def cgroup_limit(host: Host, found: t.Sequence[mounts.Mount]) -> t.Optional[Limit]:
    """The tightest memory limit above this process; None when there is none."""
    unified, memory = kernel.cgroup_paths(host.text("self/cgroup"))
    limits: list[Limit] = []
    for kind, path, names in (("cgroup2", unified, ("memory.max", "memory.current", "inactive_file")),
                              ("cgroup", memory, ("memory.limit_in_bytes", "memory.usage_in_bytes",
                                                  "total_inactive_file"))):
        base = next((m for m in found if m.kind == kind and (kind == "cgroup2" or m.path.endswith("/memory"))), None)
        if path is None or (base is None and host.cgroups is None):
            continue
        root = host.cgroups or (base.path if base else "")
        inside = path[len(base.root):] if base and base.root != "/" and path.startswith(base.root) else path
        limits += _limits(root, inside, *names)
    return min(limits, key=lambda limit: limit.limit_bytes, default=None)


def _limits(root: str, path: str, limit: str, used: str, cache: str) -> t.Iterator[Limit]:
    parts = [part for part in path.split("/") if part and part != ".."]
    for depth in range(len(parts), -1, -1):
        folder = os.path.join(root, *parts[:depth])
        try:
            most, now = _text(os.path.join(folder, limit)).strip(), int(_text(os.path.join(folder, used)))
            inactive = kernel.table(_text(os.path.join(folder, "memory.stat"))).get(cache, 0)
        except (CannotLook, ValueError):
            continue
        if most.isdigit():
            yield Limit(int(most), max(0, now - inactive))


def kills(host: Host) -> Kills:
    """The kills in the kernel's log, or at least how many there were since the boot."""
    uptime = float(host.text("uptime").split()[0])
    since_boot = kernel.table(host.text("vmstat")).get("oom_kill")
    log, begins = _kernel_log(host.kmsg)
    return Kills(log, since_boot, uptime, begins)


def _kernel_log(path: str) -> tuple[t.Optional[tuple[kernel.Kill, ...]], float]:
    """The kills in the log (None when it cannot be read) and the seconds since the boot at which it begins."""
    begins: t.Optional[float] = None
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return None, 0.0
    found: list[kernel.Kill] = []
    try:
        for _record in range(RECORDS):
            try:
                record = os.read(handle, 8192)
            except BlockingIOError:
                break
            except OSError as exc:
                if exc.errno == errno.EPIPE:  # overwritten meanwhile, the next read goes on after it
                    continue
                return None, 0.0
            if not record:
                break
            text = record.decode("utf-8", "replace")
            if begins is None:
                begins = kernel.record_seconds(text)
            kill = kernel.oom_kill(text)
            if kill:
                found.append(kill)
    finally:
        os.close(handle)
    return tuple(found), begins or 0.0


class Processor:
    """CPU use between its making and ``percent``, without what this process used itself."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._started = time.monotonic()
        self._own = self._own_ticks()
        self._before = kernel.ticks(host.text("stat"))

    def percent(self, at_least_seconds: float) -> t.Optional[float]:
        time.sleep(max(0.0, self._started + at_least_seconds - time.monotonic()))
        after = kernel.ticks(self._host.text("stat"))
        return kernel.cpu_percent(self._before, after, self._own_ticks() - self._own)

    @staticmethod
    def _own_ticks() -> float:
        now = os.times()
        return (now.user + now.system) * os.sysconf("SC_CLK_TCK")


def within(work: t.Callable[[], Result], timeout_seconds: float, what: str) -> t.Callable[[], Result]:
    """Begin some work aside; the returned function waits for its result. CannotLook when the time is over."""
    box: list[t.Union[Result, BaseException]] = []

    def run() -> None:
        try:
            box.append(work())
        except Exception as exc:
            box.append(exc)

    thread = threading.Thread(target=run, daemon=True)
    deadline = time.monotonic() + timeout_seconds
    thread.start()

    def result() -> Result:
        thread.join(max(0.0, deadline - time.monotonic()))
        if not box:
            raise CannotLook(f"{what} did not answer within {timeout_seconds:g} s")
        if isinstance(box[0], BaseException):
            raise box[0]
        return box[0]

    return result


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError as exc:
        raise CannotLook(f"{path} cannot be read: {exc.strerror}") from exc
