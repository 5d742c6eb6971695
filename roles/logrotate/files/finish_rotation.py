# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finish what logrotate began, and lose no line: cut a copied log, or have its writers open the new one.

Called by logrotate's postrotate with the log and its newest generation. docs/adr/0012 says why it works like this.
It needs nothing but Python 3.9, for it also runs where no other program can: in the sandbox of logrotate.service.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import fcntl
import glob
import os
import pwd
import select
import shutil
import signal
import stat
import subprocess
import sys
import time
import typing as t

CHUNK_BYTES = 1024 * 1024
LINE_BYTES = 1024 * 1024  # a line longer than this is cut wherever the log ends
COMPARED_BYTES = 64 * 1024
NEARLY_BYTES = 64 * 1024  # what may be left to copy when the writers are stopped
WATCHDOG_SECONDS = 2.0  # the longest that anybody stays stopped
CUT_SECONDS = 1.0  # the longest that we plan for
STOP_SECONDS = 0.5
READY_SECONDS = 10.0
ATTEMPTS = 3

Identity = tuple[int, int]


class GaveUp(Exception):
    """The log is as it was; the text says why and what to do."""


class Busy(GaveUp):
    """The same, but another attempt may work."""


class Writer(t.NamedTuple):
    """A process that has a log open for writing; its start tells it from another one with the same number."""

    pid: int
    start: int
    appends: bool


# --- what is known about processes ---


def identity(found: os.stat_result) -> Identity:
    return found.st_dev, found.st_ino


def stat_fields(pid: int, task: t.Optional[int] = None) -> list[str]:
    """The fields of /proc/PID/stat after the name, which may hold anything: the first is the state."""
    path = f"/proc/{pid}/stat" if task is None else f"/proc/{pid}/task/{task}/stat"
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()


def start_of(pid: int) -> int:
    return int(stat_fields(pid)[19])


def open_flags(fdinfo: str) -> int:
    """The flags with which a file was opened, out of /proc/PID/fdinfo/FD."""
    for line in fdinfo.splitlines():
        if line.startswith("flags:"):
            return int(line.split()[1], 8)
    return 0


def writes(flags: int) -> bool:
    return flags & os.O_ACCMODE in (os.O_WRONLY, os.O_RDWR)


def open_files(pid: int) -> t.Iterator[tuple[str, os.stat_result, int]]:
    """(path, what it is, flags) of each file of a process; OSError when this process must not be looked at."""
    folder = f"/proc/{pid}/fd"
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            path = os.readlink(f"{folder}/{name}")
            if not path.startswith("/") or path.startswith("/dev/"):
                continue  # sockets and pipes are most of what is open
            found = os.stat(f"{folder}/{name}")
            if stat.S_ISREG(found.st_mode):
                with open(f"/proc/{pid}/fdinfo/{name}", encoding="ascii") as file:
                    yield path, found, open_flags(file.read())


def processes() -> list[int]:
    own = os.getpid()
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != own]


def writers_of(log: Identity) -> set[Writer]:
    """Every process that has this file open for writing."""
    found = set()
    for pid in processes():
        try:
            flags = [flags for dummy, what, flags in open_files(pid) if identity(what) == log and writes(flags)]
            if flags:
                found.add(Writer(pid, start_of(pid), all(one & os.O_APPEND for one in flags)))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        except PermissionError as exc:
            if os.geteuid() == 0 and pid_lives(pid):
                raise GaveUp(f"root may not see which files process {pid} has open: it may write here unseen") from exc
    return found


def pid_lives(pid: int) -> bool:
    try:
        return stat_fields(pid)[0] not in "ZXx"
    except OSError:
        return False


def named(writer: Writer) -> str:
    try:
        with open(f"/proc/{writer.pid}/comm", encoding="utf-8", errors="replace") as file:
            return f"process {writer.pid} ({file.read().strip()})"
    except OSError:
        return f"process {writer.pid}"


def threads_stopped(pid: int) -> bool:
    """Whether no thread of a process can write any more."""
    try:
        return all(stat_fields(pid, int(task))[0] in "TZXx" for task in os.listdir(f"/proc/{pid}/task"))
    except (FileNotFoundError, ProcessLookupError):
        return not pid_lives(pid)


# --- nobody stays stopped ---


class Handle:
    """A process that cannot be mistaken for another one, however many numbers are used again."""

    def __init__(self, pid: int, start: int) -> None:
        self._file = os.pidfd_open(pid)
        if start_of(pid) != start:
            os.close(self._file)
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))

    def send(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._file, number)

    def ended(self, seconds: float) -> bool:
        return bool(select.select([self._file], [], [], seconds)[0])


def watch(main_pid: int, main_start: int) -> None:
    """Continue every process named on stdin when the cut ends unfinished, or lasts too long.

    A cut that is late is killed first: it must not empty a log that is written to again.
    """
    raise_priority()
    with contextlib.suppress(OSError):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    cutter = Handle(main_pid, main_start)
    os.write(1, b"ready\n")
    stopped: list[Handle] = []
    deadline: t.Optional[float] = None
    text = b""
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not select.select([0], [], [], left)[0]:
            cutter.send(signal.SIGKILL)
            cutter.ended(1.0)
            break
        got = os.read(0, 4096)
        if not got:
            break
        deadline = deadline or time.monotonic() + WATCHDOG_SECONDS
        *lines, text = (text + got).split(b"\n")
        for line in lines:
            if line == b"done":
                return
            with contextlib.suppress(OSError):
                stopped.append(Handle(*map(int, line.split())))
    for one in stopped:
        one.send(signal.SIGCONT)


class Pause:
    """The writers of a log, stopped for as long as the block lasts, and never longer than WATCHDOG_SECONDS."""

    def __init__(self, clock: t.Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stopped: dict[Writer, Handle] = {}
        self.began = 0.0
        self.seconds = 0.0
        self.writers = 0

    def __enter__(self) -> Pause:
        self._watchdog = start_watchdog()
        return self

    def stop(self, log: Identity) -> None:
        """Stop whoever has the file open for writing, until nobody new has."""
        for dummy in range(5):
            new = writers_of(log) - set(self._stopped)
            if self._all_stopped() and not new:
                return
            for writer in sorted(new):
                self._stop(writer)
            self._wait()
        raise Busy("more and more processes open it")

    def over(self) -> bool:
        """Whether there is no time left for the last step."""
        return self.began > 0 and self._clock() - self.began > CUT_SECONDS

    def __exit__(self, *dummy: object) -> None:
        for handle in self._stopped.values():
            handle.send(signal.SIGCONT)
        if self.began:
            self.seconds = self._clock() - self.began
        self.writers = len(self._stopped)
        with contextlib.suppress(OSError):
            self._tell("done\n")
        with contextlib.suppress(OSError):
            self._input().close()
        try:
            self._watchdog.wait(timeout=READY_SECONDS)
        except subprocess.TimeoutExpired:
            self._watchdog.kill()

    def _stop(self, writer: Writer) -> None:
        if not writer.appends:
            raise GaveUp(f"{named(writer)} writes to it without O_APPEND, so a cut log would begin with a hole; "
                         "have it append, or rotate this file by a signal to it")
        if writer.pid in (1, os.getppid()):
            raise GaveUp(f"{named(writer)} has it open and must not be stopped; have it write elsewhere")
        try:
            handle = Handle(writer.pid, writer.start)
        except (FileNotFoundError, ProcessLookupError):
            return  # it ended meanwhile
        if threads_stopped(writer.pid):
            if not pid_lives(writer.pid):
                return
            # whoever stopped it shall be the one to continue it, and may do so while we cut
            raise GaveUp(f"{named(writer)} was stopped by somebody; continue or end it, the next rotation cuts the log")
        self._tell(f"{writer.pid} {writer.start}\n")
        self.began = self.began or self._clock()
        self._stopped[writer] = handle
        handle.send(signal.SIGSTOP)

    def _wait(self) -> None:
        ends = self._clock() + STOP_SECONDS
        while not self._all_stopped():
            if self._clock() > ends:
                late = next(writer for writer in self._stopped if not threads_stopped(writer.pid))
                raise GaveUp(f"{named(late)} did not stop within {STOP_SECONDS:g} s: it waits for a disk, or a "
                             "debugger holds it")
            time.sleep(0.0002)

    def _all_stopped(self) -> bool:
        return all(threads_stopped(writer.pid) for writer in self._stopped)

    def _tell(self, line: str) -> None:
        self._input().write(line.encode())
        self._input().flush()

    def _input(self) -> t.IO[bytes]:
        assert self._watchdog.stdin
        return self._watchdog.stdin


def start_watchdog() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-S", os.path.abspath(__file__), "watch", str(os.getpid()),
               str(start_of(os.getpid()))]
    runner = shutil.which("systemd-run")
    if runner and os.geteuid() == 0 and os.path.isdir("/run/systemd/system"):
        # outside of logrotate.service: whoever kills that unit with all its processes does not kill this one
        command = [runner, "--scope", "--quiet", "--collect", *command]
    watchdog = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    assert watchdog.stdout
    with watchdog.stdout as output:
        ready = select.select([output], [], [], READY_SECONDS)[0] and output.readline() == b"ready\n"
    if not ready:
        watchdog.kill()
        watchdog.wait(timeout=READY_SECONDS)
        raise GaveUp(f"the watchdog that continues its writers did not start ({' '.join(command[:2])} …)")
    return watchdog


def raise_priority() -> None:
    # logrotate.service runs at the lowest priority: on a busy host a stopped writer would have to wait for us
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)


# --- the cut ---


@contextlib.contextmanager
def acting_as(owner: pwd.struct_passwd) -> t.Iterator[None]:
    """Open files with the owner's rights only: a link they set must not lead us to a file of somebody else."""
    if os.geteuid() != 0 or owner.pw_uid == 0:
        yield
        return
    groups, gid = os.getgroups(), os.getegid()
    os.initgroups(owner.pw_name, owner.pw_gid)
    os.setegid(owner.pw_gid)
    os.seteuid(owner.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(gid)
        os.setgroups(groups)


def open_plain(path: str, flags: int) -> int:
    """Open a plain file that has one name; GaveUp for a link, a device and the like."""
    try:
        file = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as exc:
        if exc.errno == errno.ELOOP:
            raise GaveUp(f"{path} is a symbolic link; name the file it leads to") from exc
        raise GaveUp(f"{path} cannot be opened by its owner: {exc.strerror}") from exc
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode):
        os.close(file)
        raise GaveUp(f"{path} is no plain file")
    if found.st_nlink != 1:
        os.close(file)
        raise GaveUp(f"{path} has {found.st_nlink} names (hard links); a cut would empty the others as well")
    return file


def size_of(file: int) -> int:
    return os.fstat(file).st_size


def same(one: int, other: int, start: int, end: int) -> bool:
    """Whether two files hold the same bytes from start to end."""
    while start < end:
        want = min(CHUNK_BYTES, end - start)
        left = os.pread(one, want, start)
        if not left or left != os.pread(other, len(left), start):
            return False
        start += len(left)
    return True


def is_copy(log: int, copy: int) -> bool:
    """Whether the beginning of the log is what logrotate copied; by both ends, a log may be large."""
    end = size_of(copy)
    return (end <= size_of(log) and same(log, copy, 0, min(end, COMPARED_BYTES))
            and same(log, copy, max(0, end - COMPARED_BYTES), end))


def append(log: int, copy: int, end: int) -> None:
    """Bring the copy up to ``end`` bytes of the log."""
    done = size_of(copy)
    while done < end:
        block = os.pread(log, min(CHUNK_BYTES, end - done), done)
        if not block:
            raise Busy("it became shorter")
        while block:
            written = os.pwrite(copy, block, done)
            block = block[written:]
            done += written


def whole_lines(tail: bytes, end: int) -> int:
    """How many of ``end`` bytes are whole lines, seen from their last bytes; all when no line ends in these."""
    newline = tail.rfind(b"\n")
    return end if newline < 0 else end - len(tail) + newline + 1


def empty(log: int, copy: int, end: int) -> None:
    """Take the whole lines out of the log that the copy holds. At each step every byte is in one of the two."""
    reach = min(end, LINE_BYTES)
    keep = whole_lines(os.pread(log, reach, end - reach), end)
    rest = os.pread(log, end - keep, keep)
    os.ftruncate(log, 0)
    while rest:
        rest = rest[os.write(log, rest):]
    os.ftruncate(copy, keep)


def cut_once(log: int, copy: int) -> Pause:
    for dummy in range(20):
        append(log, copy, size_of(log))
        if size_of(log) - size_of(copy) <= NEARLY_BYTES:
            break
    os.fsync(copy)  # a day of lines must be on the disk before the log forgets them; the rest is seconds old
    with Pause() as pause:
        pause.stop(identity(os.fstat(log)))
        end = size_of(log)
        if end - size_of(copy) > 16 * CHUNK_BYTES:
            raise Busy("it grows faster than it can be copied")
        append(log, copy, end)
        if pause.over():
            raise Busy(f"it took longer than {CUT_SECONDS:g} s to copy its end")
        if size_of(log) != end:
            raise Busy("somebody writes to it who does not keep it open")
        empty(log, copy, end)
    os.fsync(copy)
    return pause


def withdraw(log: int, copy: int, rotated: str, owner: pwd.struct_passwd) -> None:
    """Take away a copy all of which is still in the log, so that the next rotation does not keep its lines twice."""
    end = size_of(copy)
    if end <= size_of(log) and same(log, copy, 0, end) and identity(os.lstat(rotated)) == identity(os.fstat(copy)):
        with acting_as(owner):
            os.unlink(rotated)


def cut(path: str, rotated: str, owner: pwd.struct_passwd, mode: int) -> str:
    """Move what is in the log to its newest generation, which logrotate began as a copy; how it went, in a sentence."""
    with acting_as(owner):
        log = open_plain(path, os.O_RDWR | os.O_APPEND)
        copy = open_plain(rotated, os.O_RDWR)
    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise GaveUp("another rotation is at work on it") from None
    if not is_copy(log, copy):
        raise GaveUp(f"{rotated} is no copy of its beginning; use `copy` in logrotate's configuration")
    before = size_of(copy)
    try:
        pause = attempts(lambda: cut_once(log, copy))
    except (GaveUp, OSError):
        withdraw(log, copy, rotated, owner)
        raise
    os.fchmod(log, mode)
    os.fchmod(copy, mode)
    return (f"{path}: cut; {max(0, size_of(copy) - before)} bytes came while it was copied, {pause.writers} writers "
            f"paused for {pause.seconds * 1000:.1f} ms")


def attempts(act: t.Callable[[], Pause]) -> Pause:
    for left in reversed(range(ATTEMPTS)):
        try:
            return act()
        except Busy:
            if not left:
                raise
            time.sleep(0.2)
    raise AssertionError("unreachable")


# --- writers that open the new file themselves ---


def read_pid(path: str) -> int:
    try:
        with open(path, encoding="ascii") as file:
            pid = int(file.read(20))
    except FileNotFoundError:
        raise GaveUp(f"there is no pid file {path}: nobody runs who could open the new log") from None
    except (OSError, ValueError) as exc:
        raise GaveUp(f"the pid file {path} cannot be read: {exc}") from exc
    if pid <= 1:
        raise GaveUp(f"the pid file {path} holds {pid}, which is no process of an application")
    return pid


def signal_one(pid_file: str, number: signal.Signals, owner: pwd.struct_passwd, expected: bytes) -> None:
    """Signal the process of a pid file, after it was seen that it is the one that is meant."""
    pid = read_pid(pid_file)
    try:
        handle = Handle(pid, start_of(pid))
        uid = os.stat(f"/proc/{pid}").st_uid
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            line = file.read()
    except OSError:
        raise GaveUp(f"{pid_file} names process {pid}, which does not run: a stale pid file") from None
    if uid != owner.pw_uid or expected not in line:
        raise GaveUp(f"{pid_file} names process {pid}, which is not {expected.decode(errors='replace')!r} of "
                     f"{owner.pw_name}: a stale pid file; nobody was signalled")
    handle.send(number)


def wait_for_release(rotated: str, seconds: float) -> None:
    """Return when nobody writes to the old file any more; GaveUp when somebody still does in the end."""
    old = identity(os.stat(rotated))
    ends = time.monotonic() + seconds
    while True:
        left = writers_of(old)
        if not left:
            return
        if time.monotonic() > ends:
            raise GaveUp(f"{named(min(left))} still writes to {rotated} {seconds:g} s after the signal; "
                         "its lines go on in the old file until it is restarted")
        time.sleep(0.05)


def strays(patterns: t.Iterable[str]) -> list[str]:
    """Processes that write to an old generation of these logs, each in a sentence."""
    old = {identity(os.stat(path)): path for pattern in patterns
           for suffix in (".[0-9]*", "-[0-9]*") for path in glob.glob(pattern + suffix)}
    return [f"{named(writer)} writes to {path}" for one, path in old.items() for writer in sorted(writers_of(one))]


# --- the command ---


def user(name: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise argparse.ArgumentTypeError(f"there is no user {name!r}") from None


def arguments(argv: t.Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("cut", "pm2", "signal"):
        command = commands.add_parser(name)
        command.add_argument("--owner", type=user, required=True)
        command.add_argument("log")
        command.add_argument("rotated")
        if name == "cut":
            command.add_argument("--mode", type=lambda text: int(text, 8), default=0o640)
        else:
            command.add_argument("--wait", type=float, default=10.0, metavar="SECONDS")
        if name == "pm2":
            command.add_argument("--home", required=True)
        if name == "signal":
            command.add_argument("--signal", required=True)
            command.add_argument("--pid-file", required=True)
            command.add_argument("--process", required=True, help="what its command line must hold")
    commands.add_parser("check").add_argument("patterns", nargs="+")
    watchdog = commands.add_parser("watch")
    watchdog.add_argument("main_pid", type=int)
    watchdog.add_argument("main_start", type=int)
    return parser.parse_args(argv)


def run(options: argparse.Namespace) -> str:
    """Do what the command says; what is worth a line, or nothing."""
    if options.command == "cut":
        raise_priority()
        return cut(options.log, options.rotated, options.owner, options.mode)
    if options.command == "watch":
        watch(options.main_pid, options.main_start)
    elif options.command == "check":
        found = strays(options.patterns)
        if found:
            raise GaveUp("; ".join(found))
    elif options.command == "pm2":
        daemon = f"God Daemon ({os.path.normpath(options.home)})".encode()
        signal_one(os.path.join(options.home, "pm2.pid"), signal.SIGUSR2, options.owner, daemon)
        wait_for_release(options.rotated, options.wait)
    else:
        number = signal.Signals[f"SIG{options.signal}"]
        signal_one(options.pid_file, number, options.owner, options.process.encode())
        wait_for_release(options.rotated, options.wait)
    return ""


def main(argv: t.Sequence[str]) -> int:
    options = arguments(argv)
    subject = f"{options.log}: " if "log" in options else ""
    try:
        said = run(options)
    except GaveUp as exc:
        sys.stderr.write(f"{subject}not rotated in full: {exc}\n")
        return 1
    except OSError as exc:
        sys.stderr.write(f"{subject}not rotated in full: {exc.strerror or exc}\n")
        return 1
    if said:
        sys.stdout.write(f"{said}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
