# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Where to look for what may go, and how much of it stays; known before anything heavy is loaded."""

from __future__ import annotations

import dataclasses
import os
import pwd
import typing as t

from .._core.errors import BadOption
from .facts import JOURNAL, KINDS, RELEASES, USUAL
from .space_plan import Target

WHERE: dict[str, t.Any] = {
    "kinds": {"type": "list", "elements": "str", "choices": list(KINDS), "default": list(USUAL)},
    "paths": {"type": "list", "elements": "path", "default": []},
    "target_percent": {"type": "float", "default": 80.0},
    "target_free_bytes": {"type": "int"},
    "owner": {"type": "str", "default": "vendhub"},
    "pm2_home": {"type": "path"},
    "app_root": {"type": "path", "default": "/opt/vendhub"},
    "state_directory": {"type": "path", "default": "/var/lib/vendhub-ops"},
    "log_directories": {"type": "list", "elements": "path", "default": [
        "/opt/vendhub/shared/logs", "/opt/vendhub/logs", "/var/log/nginx"]},
    "log_days": {"type": "float", "default": 7.0},
    "log_keep": {"type": "int", "default": 1},
    "live_log_keep_bytes": {"type": "int", "default": 64 * 1024 * 1024},
    "journal_directory": {"type": "path", "default": "/var/log/journal"},
    "journal_days": {"type": "float", "default": 7.0},
    "releases_keep": {"type": "int", "default": 3},
    "dump_directories": {"type": "list", "elements": "path", "default": ["/opt/backups", "/var/backups/vendhub"]},
    "dump_patterns": {"type": "list", "elements": "str", "default": [
        "*.dump", "*.dump.age", "*.dump.gz", "*.sql.gz", "*.sql"]},
    "dump_keep": {"type": "int", "default": 3},
    "npm_caches": {"type": "list", "elements": "path", "default": []},
    "upload_directories": {"type": "list", "elements": "path", "default": ["/opt/vendhub/shared/uploads"]},
    "timeout_seconds": {"type": "float", "default": 30.0},
}
INFO: dict[str, t.Any] = {
    **WHERE,
    "big_bytes": {"type": "int", "default": 100 * 1024 * 1024},
    "rows": {"type": "int", "default": 15},
}
FREE: dict[str, t.Any] = {**WHERE, "max_seconds": {"type": "float", "default": 600.0}}

_RANGES: tuple[tuple[str, float, float], ...] = (
    ("target_percent", 1, 99), ("log_days", 0, 3650), ("log_keep", 0, 1000), ("live_log_keep_bytes", 4096, 2**50),
    ("journal_days", 0, 3650), ("releases_keep", 1, 1000), ("dump_keep", 1, 1000), ("timeout_seconds", 0.1, 600),
    ("max_seconds", 1, 86400), ("big_bytes", 1, 2**60), ("rows", 1, 1000), ("target_free_bytes", 1, 2**60),
)
_FOLDERS = ("app_root", "state_directory", "journal_directory", "pm2_home")
_ONLY = {RELEASES: "app_root", JOURNAL: "journal_directory"}
_LISTS = ("paths", "log_directories", "dump_directories", "npm_caches", "upload_directories")


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The options, checked; homes are looked up."""

    options: t.Mapping[str, t.Any]
    target: Target
    pm2_home: str
    npm_caches: tuple[str, ...]

    def __getitem__(self, name: str) -> t.Any:
        return self.options[name]

    def without(self, dead: t.Sequence[str]) -> Wanted:
        """The same without the folders on mounts that do not answer: looking there would never end."""
        def alive(path: str) -> bool:
            return not any(path == mount or path.startswith(mount.rstrip("/") + "/") for mount in dead)

        lists = {name: list(filter(alive, self.options[name])) for name in _LISTS if name != "paths"}
        kinds = [kind for kind in self.options["kinds"] if alive(self.options[_ONLY.get(kind, "state_directory")])]
        home = self.pm2_home if alive(self.pm2_home) else ""
        caches = tuple(filter(alive, self.npm_caches))
        return Wanted({**self.options, **lists, "kinds": kinds}, self.target, home, caches)


def wanted(options: t.Mapping[str, t.Any]) -> Wanted:
    """Take the options; BadOption when they cannot be meant."""
    for name, low, high in _RANGES:
        value = options.get(name)
        if value is not None and not low <= value <= high:
            raise BadOption(f"{name} must be between {low:g} and {high:g}, not {value:g}")
    for name in _FOLDERS:
        _absolute(name, options.get(name) or "/x")
    for name in _LISTS:
        for path in options[name]:
            _absolute(name, path, root=name == "paths")
    home = _home(options["owner"])
    pm2 = options["pm2_home"] or (os.path.join(home, ".pm2") if home else "")
    caches = tuple(options["npm_caches"]) or tuple(os.path.join(one, ".npm/_cacache") for one in (home, "/root") if one)
    return Wanted(options, Target(options["target_percent"], options["target_free_bytes"]), pm2, caches)


def _home(owner: str) -> str:
    """The home of the application's user; empty on a host that has no such user, as a database host."""
    try:
        return pwd.getpwnam(owner).pw_dir
    except KeyError:
        return ""


def _absolute(name: str, path: str, root: bool = False) -> None:
    if not os.path.isabs(path) or "\0" in path or (os.path.normpath(path) == "/" and not root):
        raise BadOption(f"{name} must be absolute paths of folders of their own, not {path!r}")
