# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases of the sample API as they come out of a build elsewhere: good ones, and some that are bad on purpose."""

from __future__ import annotations

import getpass
import subprocess
import tarfile
import typing as t
from pathlib import Path

from tests.lab import sample_app
from tests.modules import call

MAIN = "dist/main.js"
# what a release does instead of serving well: the file, and what is put in front of it
FAULTS: dict[str, tuple[str, str]] = {
    "missing_variable": (MAIN, "if (!process.env.PAYMENT_API_KEY)"
                               " { console.error('Error: PAYMENT_API_KEY is required'); process.exit(1); }\n"),
    "syntax_error": (MAIN, "const = broken;\n"),
    "dies_late": (MAIN, "if (!process.env.VENDHUB_CANARY)"
                        " setTimeout(() => { console.error('Error: late'); process.exit(1); }, 20000);\n"),
    "dies_late_everywhere": (MAIN, "setTimeout(() => process.exit(1), 20000);\n"),
    "fails_under_pm2": (MAIN, "if (process.env.pm_id !== undefined)"
                              " { console.error('Error: no'); process.exit(1); }\n"),
    "fails_on_app2": (MAIN, "if (process.env.pm_id !== undefined && require('node:os').hostname() === 'app2')"
                            " { console.error('Error: not here'); process.exit(1); }\n"),
    "answers_500": (MAIN, "const http = require('node:http'); const emit = http.Server.prototype.emit;"
                          " http.Server.prototype.emit = function (name, request, response)"
                          " { if (name === 'request' && process.env.pm_id !== undefined"
                          " && request.url.startsWith('/health')) { response.statusCode = 500;"
                          " response.end('{\"statusCode\":500}'); return true; }"
                          " return emit.apply(this, arguments); };\n"),
}


class Forge:
    """A Git repository with the built sample API, out of which packed releases are made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work, self.root, self.state = folder / "work", folder / "root", folder / "state"
        for path in (self.work, self.root / "releases", self.state):
            path.mkdir(parents=True)
        with tarfile.open(sample_app.release().path) as built:
            built.extractall(self.work, filter="fully_trusted")
        self._git("init", "--quiet", "--initial-branch", "main")
        self._commit("first")

    def pack(self, tag: str, fault: str = "") -> Path:
        """A packed release of that tag, with this fault built in."""
        (self.work / "TAG").write_text(tag)
        path, old = (self.work / FAULTS[fault][0], "") if fault else (None, "")
        if path:
            old = path.read_text()
            first, rest = old.split("\n", 1) if old.startswith('"use strict"') else ("", old)
            path.write_text(f"{first}\n{FAULTS[fault][1]}{rest}")
        self._commit(tag)
        self._git("tag", tag)
        if path:
            path.write_text(old)
        place: dict[str, t.Any] = {"root": str(self.root), "state_directory": str(self.state),
                                   "owner": getpass.getuser()}
        staged = call("release", state="staged", repository=str(self.work), ref=tag, build=[["true"]], **place)
        assert not staged["failed"], staged["msg"]
        packed = call("release", state="packed", release=staged["release"], **place)
        assert not packed["failed"], packed["msg"]
        return Path(packed["archive"])

    def _commit(self, message: str) -> None:
        self._git("add", "--all", "--force")
        self._git("-c", "user.name=Forge", "-c", "user.email=forge@vendhub.test", "commit", "--quiet",
                  "--message", message)

    def _git(self, *words: str) -> None:
        subprocess.run(["git", "-C", str(self.work), *words], check=True, capture_output=True, timeout=120)
