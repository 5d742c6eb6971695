# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin util is private to the collection.
"""The folder of reports on the controller: read the earlier ones, add one in a single step, remove the oldest."""

from __future__ import annotations

import datetime
import json
import os
import re
import shutil
import tempfile
import typing as t

from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import OpsError

from .history import SCHEMA, Past, recall

JSON = "report.json"
FILES = {"json": JSON, "html": "report.html", "junit": "report.junit.xml", "prometheus": "report.prom",
         "text": "report.txt"}
LATEST = "latest"
LARGEST_FILE = 32 * 1024**2
LARGEST_HISTORY = 128 * 1024**2
FOLDER_MODE = 0o750
FILE_MODE = 0o640

_RUN = re.compile(r"\d{8}T\d{6}Z")
_NAME = "%Y%m%dT%H%M%SZ"

Warn = t.Callable[[str], None]


def runs(directory: str) -> list[str]:
    """The names of the folders that look like reports, newest first; none when there is no directory yet."""
    try:
        with os.scandir(directory) as entries:
            found = [entry.name for entry in entries
                     if _RUN.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []
    except OSError as exc:
        raise OpsError(f"the report directory {directory} cannot be read: {exc.strerror}") from exc
    return sorted(found, reverse=True)


def recollect(directory: str, most: int, now: datetime.datetime, warn: Warn) -> list[Past]:
    """The newest earlier reports, oldest first: at most that many and a bounded number of bytes; others are named."""
    remembered: list[Past] = []
    room = LARGEST_HISTORY
    for name in runs(directory)[:most]:
        path = os.path.join(directory, name, JSON)
        try:
            size = os.stat(path).st_size
            if size > LARGEST_FILE:
                raise ValueError(f"it is larger than {LARGEST_FILE} bytes")
            room -= size
            if room < 0:
                break
            with open(path, encoding="utf-8") as file:
                past = recall(json.load(file))
            if past.at > now:
                raise ValueError("it is from the future; look at the controller's clock")
            remembered.append(past)
        except OSError as exc:
            warn(f"the earlier report {path} is left out of the trends: {exc.strerror}")
        except (ValueError, RecursionError) as exc:
            warn(f"the earlier report {path} is left out of the trends: {exc}")
    remembered.reverse()
    remembered.sort(key=lambda past: past.at)
    return remembered


def add(directory: str, moment: datetime.datetime, texts: t.Mapping[str, str], warn: Warn) -> str:
    """Write a report and let ``latest`` point to it; nobody ever sees half of one. Returns its folder."""
    try:
        _prepare(directory)
        unfinished = tempfile.mkdtemp(prefix=".unfinished-", dir=directory)
        try:
            for name, text in texts.items():
                _write(os.path.join(unfinished, name), text)
            os.chmod(unfinished, FOLDER_MODE)
            finished = _move(unfinished, directory, moment)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        _point(directory, os.path.basename(finished), warn)
    except OSError as exc:
        raise OpsError(f"the report cannot be written to {directory}: {exc.strerror} ({exc.filename});"
                       " give the option directory a folder this user may write") from exc
    return finished


def prune(directory: str, keep: int, warn: Warn) -> list[str]:
    """Remove all but the newest reports; only folders that hold a report of ours and nothing else are touched."""
    removed = []
    for name in runs(directory)[keep:]:
        path = os.path.join(directory, name)
        try:
            if not _ours(path):
                continue
            strangers = sorted(set(os.listdir(path)) - set(FILES.values()))
            if strangers:
                warn(f"the old report {path} is kept because it also holds {strangers[0]}")
                continue
            shutil.rmtree(path)
            removed.append(path)
        except OSError as exc:
            warn(f"the old report {path} cannot be removed: {exc.strerror}")
    return removed


def _ours(path: str) -> bool:
    try:
        with open(os.path.join(path, JSON), "rb") as file:
            return f'"schema": "{SCHEMA}"'.encode() in file.read(200)
    except FileNotFoundError:
        return False


def _prepare(directory: str) -> None:
    if os.path.isdir(directory):
        return
    os.makedirs(directory, exist_ok=True)
    os.chmod(directory, FOLDER_MODE)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
        os.fchmod(file.fileno(), FILE_MODE)


def _move(unfinished: str, directory: str, moment: datetime.datetime) -> str:
    """Rename to the run's name; two runs in one second must not overwrite each other."""
    for later in range(60):
        name = (moment + datetime.timedelta(seconds=later)).strftime(_NAME)
        path = os.path.join(directory, name)
        if os.path.lexists(path):
            continue
        os.rename(unfinished, path)
        return path
    raise OpsError(f"there are already 60 reports from {moment:{_NAME}} on in {directory}")


def _point(directory: str, name: str, warn: Warn) -> None:
    link = os.path.join(directory, LATEST)
    if os.path.lexists(link) and not os.path.islink(link):
        warn(f"{link} is not a link of ours and is left as it is")
        return
    new = os.path.join(directory, f".{LATEST}-{name}")
    os.symlink(name, new)
    os.replace(new, link)
