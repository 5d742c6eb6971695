# SPDX-License-Identifier: GPL-3.0-or-later
"""A real PM2 daemon with a PM2_HOME of our own."""

from __future__ import annotations

import fcntl
import functools
import getpass
import json
import os
import shutil
import types
import typing as t
from pathlib import Path

from . import node, ports, process
from .process import Process, StackError

RELEASES = {"5": "5.4.3", "6": "6.0.14", "7": "7.0.4"}
CACHE = Path(__file__).resolve().parents[2] / ".cache"
COMMAND_TIMEOUT_SECONDS = 60.0


def install(version: str) -> Path:
    """The pm2 script of a major version; installed by npm the first time, whole or not at all."""
    release = RELEASES.get(version)
    if release is None:
        raise StackError(f"PM2 {version} is unknown: choose one of {', '.join(RELEASES)}")
    home = CACHE / f"pm2-{release}"
    script = home / "node_modules" / "pm2" / "bin" / "pm2"
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"pm2-{release}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs may want it at once
        if not script.exists():
            draft = CACHE / f"pm2-{release}.draft"
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir()
            (draft / "package.json").write_text(json.dumps({"private": True}))
            node.npm(["install", f"pm2@{release}"], draft)
            shutil.rmtree(home, ignore_errors=True)
            draft.rename(home)
    return script


class Pm2:
    """A PM2 daemon and its apps; ``home`` is its PM2_HOME, short enough for a unix socket."""

    def __init__(self, home: Path, version: str = "7", environment: t.Optional[t.Mapping[str, str]] = None) -> None:
        if not ports.fits(home, "rpc.sock"):
            raise StackError(f"PM2_HOME {home} is too long for its socket: at most"
                             f" {ports.SOCKET_PATH_LIMIT - len('/rpc.sock')} bytes")
        self.home = home
        self.version = version
        self._environment = dict(environment or {})

    def __enter__(self) -> Pm2:
        self.home.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, kind: t.Optional[type[BaseException]], exc: t.Optional[BaseException],
                 trace: t.Optional[types.TracebackType]) -> None:
        self.kill()

    @functools.cached_property
    def script(self) -> Path:
        """The CLI; installed when it is first needed."""
        return install(self.version)

    @property
    def daemon(self) -> t.Optional[Process]:
        """The daemon when it runs; never started by asking."""
        try:
            found = Process.of(int((self.home / "pm2.pid").read_text()))
        except (OSError, ValueError):
            return None
        return found if found is not None and self._ours(found) else None

    def environment(self, more: t.Optional[t.Mapping[str, str]] = None) -> dict[str, str]:
        """What the CLI, and so the daemon and the apps, get to see: nothing of our own environment but the path."""
        inherited = node.environment()
        kept: dict[str, str] = {name: inherited[name] for name in ("PATH", "LANG", "TZ") if name in inherited}
        return {**kept, "HOME": str(self.home), "USER": getpass.getuser(), "PM2_HOME": str(self.home),
                "PM2_DISCRETE_MODE": "true", **self._environment, **(more or {})}

    def run(self, *arguments: str, environment: t.Optional[t.Mapping[str, str]] = None, cwd: t.Optional[Path] = None,
            timeout_seconds: float = COMMAND_TIMEOUT_SECONDS) -> str:
        """Run the CLI and return what it printed."""
        self.home.mkdir(parents=True, exist_ok=True)
        return process.run([str(node.node()), str(self.script), *arguments], self.environment(environment),
                           timeout_seconds, cwd=cwd or self.home)

    def start(self, target: Path, *arguments: str, environment: t.Optional[t.Mapping[str, str]] = None,
              timeout_seconds: float = COMMAND_TIMEOUT_SECONDS) -> None:
        """Start an ecosystem file or a script; "started" is PM2's word, not "healthy"."""
        self.run("start", str(target), *arguments, environment=environment, cwd=target.resolve().parent,
                 timeout_seconds=timeout_seconds)

    def jlist(self, timeout_seconds: float = COMMAND_TIMEOUT_SECONDS) -> list[dict[str, t.Any]]:
        """What PM2 says of its apps; nothing when no daemon runs (and none is started for the question)."""
        if self.daemon is None:
            return []
        said = self.run("jlist", "--silent", timeout_seconds=timeout_seconds)
        apps: list[dict[str, t.Any]] = json.loads(said[said.index("[{") if "[{" in said else said.rindex("[]"):])
        return apps

    def pids(self, name: str) -> list[int]:
        """The pids of an app's processes that run."""
        return [app["pid"] for app in self.jlist() if app["name"] == name and app["pid"]]

    def family(self) -> list[Process]:
        """Daemon, apps and orphans: every process that was started with our PM2_HOME."""
        numbers = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return [one for one in map(Process.of, numbers) if one is not None and self._ours(one)]

    def kill(self) -> None:
        """End the daemon and every app, also those an earlier daemon left behind."""
        daemon = self.daemon
        if daemon is not None:
            daemon.thaw()
            try:
                self.run("kill", timeout_seconds=20)
            except StackError:
                daemon.kill()  # it does not listen; its apps are met below
        for one in self.family():
            one.stop(timeout_seconds=5)
        for name in ("rpc.sock", "pub.sock", "pm2.pid"):
            (self.home / name).unlink(missing_ok=True)

    def _ours(self, one: Process) -> bool:
        try:
            environment = Path(f"/proc/{one.pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return False
        return one.pid != os.getpid() and b"PM2_HOME=" + os.fsencode(self.home) in environment
