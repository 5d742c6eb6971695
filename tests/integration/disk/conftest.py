# SPDX-License-Identifier: GPL-3.0-or-later
"""A real small disk, ext4 in a file, with what fills disks on an app host."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import time
import typing as t
from pathlib import Path

import pytest

from tests.modules import call

DAY = 86400
MIB = 1024 * 1024
NPM_USER = 64242


class Disk:
    """The folders of an application on a disk of its own."""

    def __init__(self, mount: Path, folder: Path) -> None:
        self.mount = mount
        self.folder = folder
        self.state = mount / "state"
        self.app = mount / "app"
        self.logs = mount / "logs"
        self.pm2 = mount / "pm2"
        self.backups = mount / "backups"
        self.cache = mount / "home" / "_cacache"
        for path in (self.state, self.app / "releases", self.logs, self.pm2 / "logs", self.backups):
            path.mkdir(parents=True)

    def options(self, **changed: t.Any) -> dict[str, t.Any]:
        """This disk and no other one."""
        return {"paths": [str(self.mount)], "app_root": str(self.app), "state_directory": str(self.state),
                "log_directories": [str(self.logs)], "pm2_home": str(self.pm2), "npm_caches": [str(self.cache)],
                "dump_directories": [str(self.backups)], "journal_directory": str(self.mount / "journal"),
                "upload_directories": [str(self.mount / "uploads")], **changed}

    def free(self, check_mode: bool = False, **changed: t.Any) -> dict[str, t.Any]:
        return call("disk_free", check_mode=check_mode, **self.options(**changed))

    def info(self, **changed: t.Any) -> dict[str, t.Any]:
        return call("disk_info", **self.options(**changed))

    @staticmethod
    def file(path: Path, mebibytes: float = 1, days: float = 0) -> Path:
        """A file with real blocks, last written so many days ago."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(os.urandom(int(mebibytes * MIB)))
            file.flush()
            os.fsync(file.fileno())  # before that ext4 only promises the blocks
        os.utime(path, (time.time() - days * DAY,) * 2)
        return path

    def npm_cache(self, files: t.Mapping[str, float]) -> None:
        """A cache of npm, of a user of its own: npm of others on this machine must not decide a test."""
        for name, mebibytes in files.items():
            self.file(self.cache / name, mebibytes)
        for path in (self.cache.parent, self.cache, *self.cache.rglob("*")):
            os.chown(path, NPM_USER, NPM_USER)

    def dump(self, name: str, days: float, verified: bool = True, mebibytes: float = 1) -> Path:
        """A dump, and the proof that postgresql_backup would have left."""
        path = self.file(self.backups / name, mebibytes)
        path.write_bytes(b"PGDMP" + path.read_bytes()[5:])
        if verified:
            proof = path.with_name(path.name + ".verified.json")
            proof.write_text(json.dumps({"sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                                         "size": path.stat().st_size}))
            os.utime(proof, (time.time() - days * DAY + 5,) * 2)
        os.utime(path, (time.time() - days * DAY,) * 2)
        return path

    def fill(self) -> Path:
        """Take every byte that is left, by one growing log that somebody writes."""
        path = self.logs / "combined.log"
        with path.open("ab", buffering=0) as file:
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * 65536)
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x")
            os.fsync(file.fileno())
        assert self.free_bytes() < 4096
        return path

    def percent(self) -> float:
        """As df says it."""
        room = os.statvfs(self.mount)
        used = room.f_blocks - room.f_bfree
        return 100.0 * used / (used + room.f_bavail)

    def free_bytes(self) -> int:
        room = os.statvfs(self.mount)
        return room.f_bavail * room.f_frsize


def names(rows: t.Iterable[t.Mapping[str, t.Any]]) -> list[str]:
    return [Path(row["path"]).name for row in rows]


@pytest.fixture
def disk(tmp_path: Path) -> t.Iterator[Disk]:
    if os.geteuid():
        pytest.fail("this test mounts a file system: run it as root")
    image, mount = tmp_path / "image", tmp_path / "disk"
    mount.mkdir()
    with image.open("wb") as file:
        file.truncate(64 * MIB)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", "-N", "2000", str(image)], check=True, timeout=30)
    subprocess.run(["mount", "-o", "loop", str(image), str(mount)], check=True, timeout=30)
    try:
        yield Disk(mount, tmp_path)
    finally:
        subprocess.run(["umount", str(mount)], check=True, timeout=30)


@pytest.fixture
def writer() -> t.Iterator[t.Callable[[Path], subprocess.Popen[bytes]]]:
    """Start a process that has a file open and writes a line to it ten times a second."""
    started: list[subprocess.Popen[bytes]] = []

    def start(path: Path) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(["python3", "-c", (
            "import sys, time\nfile = open(sys.argv[1], 'ab', buffering=0)\nprint('up', flush=True)\nn = 0\n"
            "while True:\n n += 1\n try:\n  file.write(b'line %d\\n' % n)\n except OSError:\n  pass\n time.sleep(0.1)"),
            str(path)], stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout
        process.stdout.readline()
        return process

    yield start
    for process in started:
        process.kill()
        process.wait(timeout=10)
        if process.stdout:
            process.stdout.close()
