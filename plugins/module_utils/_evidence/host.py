# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What the kernel shows of this host: disks, memory, processes, ports, its own log."""

from __future__ import annotations

import glob
import json
import os
import platform
import pwd
import socket
import time
import typing as t

from .._core import clock, moment
from .._core.command import run
from .._core.errors import CannotLook, OpsError
from .._core.limits import size
from .._system import host as system, mounts
from . import parse
from .gather import Sink

PROC = "/proc"
TOP = 30
KERNEL_RECORDS = 20_000
KERNEL_BYTES = 1024 * 1024
_FILE_BYTES = 256 * 1024


def about(sink: Sink, _seconds: float) -> None:
    """Which host this is, and since when it runs."""
    now = clock.now()
    sink.text("host.json", _json({
        "host": socket.gethostname(), "time": moment.utc(now.epoch), "boot": now.boot, "uptime_seconds": now.uptime,
        "kernel": platform.release(), "system": platform.version(), "machine": platform.machine(),
        "python": platform.python_version(), "processors": os.cpu_count(), "user": os.geteuid(),
        "load": _text(f"{PROC}/loadavg").strip(),
    }))


def disks(sink: Sink, seconds: float) -> None:
    """Room and inodes of each mount."""
    here = system.Host()
    lines = [f"{'mount':<40} {'type':<10} {'used':>10} {'free':>10} {'use%':>5} {'inodes':>10} {'free':>10}"
             f" {'use%':>5}"]
    for room in system.rooms(mounts.data(here.mounts()), seconds):
        name = f"{room.mount.path:<40} {room.mount.kind:<10}"
        if room.fault:
            lines.append(f"{name} {room.fault}")
            sink.fault(f"{room.mount.path} {room.fault}")
            continue
        lines.append(f"{name} {size(room.used_bytes):>10} {size(room.free_bytes):>10}"
                     f" {_percent(room.used_bytes, room.free_bytes):>5} {room.inodes:>10} {room.inodes_free:>10}"
                     f" {_percent(room.inodes - room.inodes_free, room.inodes_free):>5}")
    sink.text("disks.txt", "\n".join(lines) + "\n")
    sink.text("mountinfo.txt", _text(f"{PROC}/self/mountinfo"))


def memory(sink: Sink, _seconds: float) -> None:
    """Memory, pressure and the kernel's counters."""
    parts = []
    for name in ("meminfo", "swaps", "pressure/cpu", "pressure/io", "pressure/memory", "sys/fs/file-nr", "loadavg"):
        try:
            parts.append(f"== {name}\n{_text(f'{PROC}/{name}')}")
        except OSError as exc:
            parts.append(f"== {name}\n{exc.strerror}\n")
    sink.text("memory.txt", "\n".join(parts))
    sink.text("vmstat.txt", _text(f"{PROC}/vmstat"))


def processes(sink: Sink, seconds: float) -> None:
    """The largest and the busiest processes."""
    before, started = _stats(), time.monotonic()
    time.sleep(min(0.5, seconds / 4))
    after, passed = _stats(), time.monotonic() - started
    ticks, page, up = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE"), clock.now().uptime
    busy = {pid: max(0, one.ticks - before[pid].ticks) / ticks / passed * 100 for pid, one in after.items()
            if pid in before and before[pid].started == one.started}
    large = sorted(after, key=lambda pid: -after[pid].rss_pages)[:TOP]
    busiest = sorted(busy, key=lambda pid: -busy[pid])[:TOP]
    lines = [f"{len(after)} processes; the {TOP} largest and the {TOP} busiest (CPU% of one core over {passed:.1f} s)",
             f"{'pid':>8} {'parent':>8} {'user':<12} {'st':<2} {'CPU%':>6} {'rss':>10} {'seconds':>10} command"]
    for pid in dict.fromkeys([*busiest, *large]):
        one = after[pid]
        lines.append(f"{pid:>8} {one.parent:>8} {_user(pid):<12} {one.state:<2} {busy.get(pid, 0.0):>6.1f}"
                     f" {size(one.rss_pages * page):>10} {up - one.started / ticks:>10.0f} {_command(pid, one.name)}")
    stopped = [f"{one.name} ({pid})" for pid, one in after.items() if one.state in "TtD"]
    lines.append(f"stopped or waiting for a disk: {', '.join(stopped[:TOP]) or 'none'}")
    sink.text("processes.txt", "\n".join(lines) + "\n")


def ports(sink: Sink, _seconds: float) -> None:
    """Who listens where."""
    found = []
    for table in ("tcp", "tcp6"):
        try:
            found += parse.listeners(_text(f"{PROC}/net/{table}", 8 * 1024 * 1024))
        except FileNotFoundError:
            continue  # a host without IPv6
    owners, hidden = _socket_owners({one.inode for one in found})
    lines = [f"{'address':<46} {'port':>5} {'uid':>6} owner"]
    for one in sorted(found, key=lambda listener: (listener.port, listener.address)):
        who = [f"{_command(pid, '')} (pid {pid})" for pid in owners.get(one.inode, ())]
        lines.append(f"{one.address:<46} {one.port:>5} {one.uid:>6} {'; '.join(who) or 'not visible to this user'}")
    sink.text("ports.txt", "\n".join(lines) + "\n")
    if hidden:
        sink.fault(f"the sockets of {hidden} processes are not visible to this user; become root")


def kernel(sink: Sink, seconds: float) -> None:
    """The kernel's log, read without a program and without waiting."""
    ends = time.monotonic() + seconds
    try:
        handle = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    except OSError as exc:
        raise CannotLook(f"the kernel's log cannot be read: {exc.strerror}; become root") from exc
    lines: list[str] = []
    try:
        for _record in range(KERNEL_RECORDS):
            if time.monotonic() > ends:
                break
            try:
                record = os.read(handle, 8192).decode("utf-8", "replace")
            except BlockingIOError:
                break
            except BrokenPipeError:  # overwritten meanwhile, the next read goes on after it
                continue
            head, found, message = record.partition(";")
            fields = head.split(",")
            if found and len(fields) > 2 and fields[2].isdigit():
                lines.append(f"[{int(fields[2]) / 1e6:14.6f}] {message.splitlines()[0] if message else ''}")
    finally:
        os.close(handle)
    sink.text("kernel.txt", _last("\n".join(lines) + "\n", KERNEL_BYTES))


def journal(units: t.Sequence[str], lines: int) -> t.Callable[[Sink, float], None]:
    """The last hour of the journal of some units and of the kernel."""
    def collect(sink: Sink, seconds: float) -> None:
        usual = ["journalctl", "--no-pager", "--quiet", "--output=short-iso", "--since=-1h", f"--lines={lines}"]
        ends = time.monotonic() + seconds
        for name, which in (("units", [f"--unit={unit}" for unit in units]), ("kernel", ["--dmesg"])):
            if name == "units" and not units:
                continue
            output = run([*usual, *which], max(0.1, ends - time.monotonic()))
            sink.text(f"journal-{name}.txt", output.out.decode("utf-8", "replace"))
            said = output.err.decode("utf-8", "replace").strip()[:200]
            if output.code and "No data available" not in said:  # no unit of that name has ever run here
                sink.fault(f"journalctl ended with {output.code}: {said}")
    return collect


def _stats() -> dict[int, parse.Process]:
    found = {}
    for pid in filter(str.isdigit, os.listdir(PROC)):
        try:
            found[int(pid)] = parse.process(_text(f"{PROC}/{pid}/stat"))
        except (OSError, ValueError):
            continue  # ended meanwhile
    return found


def _command(pid: int, name: str) -> str:
    try:
        arguments = [part for part in _text(f"{PROC}/{pid}/cmdline", 16 * 1024).split("\0") if part]
        return parse.command(arguments) or f"[{name or _text(f'{PROC}/{pid}/comm').strip()}]"
    except OSError:
        return f"[{name}]"


def _user(pid: int) -> str:
    try:
        uid = os.stat(f"{PROC}/{pid}").st_uid
        return pwd.getpwuid(uid).pw_name
    except OSError:
        return "?"
    except KeyError:
        return str(uid)


def _socket_owners(inodes: set[str]) -> tuple[dict[str, list[int]], int]:
    links = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[str, list[int]] = {}
    hidden = 0
    for folder in glob.iglob(f"{PROC}/[0-9]*/fd"):
        pid = int(folder.split("/")[-2])
        try:
            names = os.listdir(folder)
        except PermissionError:
            hidden += 1
            continue
        except OSError:
            continue
        for name in names:
            try:
                inode = links.get(os.readlink(f"{folder}/{name}"))
            except OSError:
                continue
            if inode and pid not in found.setdefault(inode, []):
                found[inode].append(pid)
    return found, hidden


def environments(learn: t.Callable[[set[str]], None], seconds: float) -> None:
    """Tell the secrets with which the programs of this host were started, one by one: none is lost at the end."""
    ends = time.monotonic() + seconds
    for path in glob.iglob(f"{PROC}/[0-9]*/environ"):
        if time.monotonic() > ends:
            raise OpsError("the environments of the processes could not all be read in time")
        try:
            learn(parse.secret_values(parse.environment(_text(path))))
        except OSError:
            continue  # ended meanwhile, or another user's


def _text(path: str, most_bytes: int = _FILE_BYTES) -> str:
    with open(path, "rb") as file:
        return file.read(most_bytes).decode("utf-8", "replace")


def _last(text: str, most: int) -> str:
    return text if len(text) <= most else parse.whole_lines(text[-most:], False) or ""


def _percent(used: int, free: int) -> str:
    return f"{100 * used / (used + free):.0f}" if used + free > 0 else "-"


def _json(data: t.Any) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False, default=str) + "\n"
