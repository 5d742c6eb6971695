# SPDX-License-Identifier: GPL-3.0-or-later
"""An application in a real Git repository, a host to release it on, and a build that needs no registry."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

import pytest

from demo.stack import node as node_of_stack
from tests.modules import call

ROOT = Path(__file__).resolve().parents[3]
MAIN = """
const http = require("http");
const { version } = require("../package.json");
const mode = process.env.MODE || "";
console.log(`release ${version} starts, the password is ${process.env.DB_PASSWORD}`);
if (mode === "crash") throw new Error(`no login as ${process.env.DB_PASSWORD}`);
if (mode === "deaf") process.on("SIGTERM", () => {});
if (mode === "family") {
  const other = require("child_process").spawn("sleep", ["600"], { stdio: "ignore", detached: true });
  console.log(`child ${other.pid}`);
}
if (mode === "late crash") setTimeout(() => { console.error("the pool is gone"); process.exit(3); }, 1500);
const port = mode === "elsewhere" ? 0 : Number(process.env.PORT);
let asked = 0;
if (mode !== "mute") http.createServer((request, response) => {
  asked += 1;
  const bad = mode === "sick" || (mode === "late crash") || (mode === "flapping" && asked === 2);
  response.writeHead(bad ? 500 : 200, { "content-type": "application/json" });
  response.end(JSON.stringify({ status: bad ? "error" : "ok", version, asked, uid: process.getuid(),
                                inherited: process.env.SECRET_OF_OURS, said: process.env.DB_PASSWORD }));
}).listen(port, "127.0.0.1");
else setInterval(() => {}, 1000);
"""
BUILD = """
const fs = require("fs");
fs.mkdirSync("dist", { recursive: true });
fs.copyFileSync("src/main.js", "dist/main.js");
fs.writeFileSync("dist/built.json", JSON.stringify({ uid: process.getuid(), environment: process.env }));
console.log("built as", process.env.NODE_ENV);
"""
PASSWORD = "correct-horse-battery"


class Site:
    """A host with the folders the role app_host makes, and a repository to release from."""

    def __init__(self, folder: Path, remote: Path | None = None) -> None:
        self.folder = folder
        self.owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        self.root, self.state, self.remote = folder / "vendhub", folder / "state", folder / "remote"
        self.bin = folder / "bin"
        for path in (self.root / "shared" / "logs", folder / "home"):
            path.mkdir(parents=True)
        if remote is None:
            self.remote.mkdir()
        else:
            shutil.copytree(remote, self.remote, symlinks=True)
        (self.root / "shared" / ".env.production").write_text(f"DB_PASSWORD='{PASSWORD}'\nGREETING=hello\n")
        (self.root / "shared" / ".env.production").chmod(0o600)
        self._programs()
        for path in (self.root, self.remote, folder / "home"):
            self.give(path)
        if remote is None:
            self.git("init", "--quiet", "--initial-branch=main", "--template=")
            self.commit("1.0.0", tag="v1.0.0")

    def give(self, path: Path) -> None:
        """Hand a folder and all in it to the owner."""
        if os.geteuid() == 0:
            for one in (path, *path.rglob("*")):
                os.chown(one, self.owner.pw_uid, self.owner.pw_gid, follow_symlinks=False)

    def run(self, *arguments: str, cwd: Path | None = None) -> str:
        """Run a program as the owner."""
        become = {} if os.geteuid() else {"user": self.owner.pw_uid, "group": self.owner.pw_gid, "extra_groups": []}
        ran = subprocess.run(arguments, cwd=cwd or self.remote, capture_output=True, text=True, timeout=60, check=False,
                             env={"PATH": f"{self.bin}:{os.defpath}", "HOME": str(self.folder / "home")},
                             **become)  # type: ignore[call-overload]
        assert ran.returncode == 0, f"{arguments}: {ran.stdout}{ran.stderr}"
        return str(ran.stdout).strip()

    def git(self, *arguments: str) -> str:
        """Git in the repository that is released from."""
        return self.run("git", "-c", "user.name=Test", "-c", "user.email=test@example.org", *arguments)

    def commit(self, version: str, tag: str = "", migrations: t.Sequence[str] = ("1-first",),
               **files: str) -> str:
        """A version of the application as a commit; its sha."""
        backend = self.remote / "backend"
        shutil.rmtree(backend, ignore_errors=True)
        (backend / "src" / "migrations").mkdir(parents=True)
        (backend / "logs").mkdir()
        package = {"name": "app", "version": version, "private": True, "scripts": {"build": "node build.js"}}
        lock = {"name": "app", "version": version, "lockfileVersion": 3, "requires": True,
                "packages": {"": {"name": "app", "version": version}}}
        written = {"package.json": json.dumps(package), "package-lock.json": json.dumps(lock), "build.js": BUILD,
                   "src/main.js": MAIN, "logs/.gitkeep": "", ".gitignore": "dist\nnode_modules\n",
                   **{f"src/migrations/{name}.ts": "" for name in migrations},
                   **{name.replace("__", "/"): text for name, text in files.items()}}
        for name, text in written.items():
            (backend / name).write_text(text)
        self.give(backend)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", version)
        if tag:
            self.git("tag", tag)
        return self.git("rev-parse", "HEAD")

    def options(self, **more: t.Any) -> dict[str, t.Any]:
        return {"root": str(self.root), "state_directory": str(self.state), "subfolder": "backend",
                "owner": self.owner.pw_name, "by": "test", "run": "1", **more}

    def release(self, state: str, check_mode: bool = False, **more: t.Any) -> dict[str, t.Any]:
        """Call the module ``release``; it must not fail unless the caller looks at ``failed`` (see ``refused``)."""
        result = call("release", check_mode, **self.options(state=state, **more))
        assert not result["failed"], result["msg"]
        return result

    def refused(self, state: str, check_mode: bool = False, **more: t.Any) -> str:
        """Why the module ``release`` failed."""
        result = call("release", check_mode, **self.options(state=state, **more))
        assert result["failed"], result
        return str(result["msg"])

    def staging(self, ref: str = "main", **more: t.Any) -> dict[str, t.Any]:
        """The options of a staging from the repository."""
        given = {
            "repository": f"file://{self.remote}", "ref": ref, "program_path": f"{self.bin}:{os.defpath}",
            "space_bytes": 1024 * 1024,
            "build_environment": {"npm_config_cache": str(self.folder / "home" / "npm"), "npm_config_offline": "true"},
            "shared": [{"path": "logs", "to": "shared/logs"},
                       {"path": ".env.production", "to": "shared/.env.production"}],
        }
        return {**given, **more}

    def quick(self, ref: str = "main", **more: t.Any) -> dict[str, t.Any]:
        """As ``staging``, built without npm, for tests that are not about it."""
        return self.staging(ref, **{"build": [["node", "build.js"]], **more})

    def plain(self, ref: str = "main", **more: t.Any) -> dict[str, t.Any]:
        """As ``staging``, with nothing built, for tests that start nothing."""
        return self.staging(ref, **{"build": [["true"]], **more})

    def info(self) -> dict[str, t.Any]:
        result = call("release_info", root=str(self.root), state_directory=str(self.state), subfolder="backend")
        assert not result["failed"], result["msg"]
        return result

    def canary(self, check_mode: bool = False, **more: t.Any) -> dict[str, t.Any]:
        given = {"program_path": f"{self.bin}:{os.defpath}", "interval_seconds": 0.05, "deadline_seconds": 10,
                 "env_file": "shared/.env.production", "grace_seconds": 1, **more}
        return call("release_canary", check_mode, **self.options(**given))

    def snapshot(self) -> dict[str, t.Any]:
        """Everything on the host: names, kinds, owners, modes, contents."""
        found: dict[str, t.Any] = {}
        for base in (self.root, self.state):
            for path in (base, *sorted(base.rglob("*"))):
                if path.is_symlink() or path.exists():
                    status = path.lstat()
                    content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
                    found[str(path)] = (status.st_mode, status.st_uid, content)
        return found

    def names(self) -> list[str]:
        """What lies in releases/, hidden things too."""
        return sorted(os.listdir(self.root / "releases")) if (self.root / "releases").exists() else []

    def events(self) -> list[tuple[str, str]]:
        path = self.state / "releases.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(line["event"], line["release"]) for line in map(json.loads, lines)]

    def current(self) -> str:
        return os.path.basename(os.readlink(self.root / "current"))

    def _programs(self) -> None:
        self.bin.mkdir()
        (self.bin / "node").symlink_to(node_of_stack.node())
        command = " ".join(f"'{word}'" for word in node_of_stack._npm())
        (self.bin / "npm").write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        (self.bin / "npm").chmod(0o755)


@pytest.fixture(scope="session")
def first_remote() -> t.Iterator[Path]:
    """The repository with its first commit, to be copied."""
    folder = Path(tempfile.mkdtemp(prefix="vh-release-", dir="/tmp"))
    folder.chmod(0o755)
    yield Site(folder).remote
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def site(first_remote: Path) -> t.Iterator[Site]:
    """A host of the test's own, which the owner can reach."""
    folder = Path(tempfile.mkdtemp(prefix="vh-release-", dir="/tmp"))
    folder.chmod(0o755)
    yield Site(folder, first_remote)
    shutil.rmtree(folder, ignore_errors=True)


def started(module: str, options: dict[str, t.Any]) -> subprocess.Popen[bytes]:
    """A module as a process of its own, as Ansible runs it."""
    code = f"from ansible_collections.vendhub.ops.plugins.modules.{module} import main; main()"
    arguments = json.dumps({"ANSIBLE_MODULE_ARGS": options}).encode()
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               env={**os.environ, "PYTHONPATH": str(ROOT / ".collections")}, start_new_session=True)
    assert process.stdin is not None
    process.stdin.write(arguments)
    process.stdin.close()
    return process


def running(word: str) -> list[int]:
    """The processes with this word on their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if word.encode() in (entry / "cmdline").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def wait_for(what: t.Callable[[], t.Any], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
