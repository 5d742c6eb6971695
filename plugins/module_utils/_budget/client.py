# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The record of actions on this host: read its end, add to it, and keep it from growing without end."""

from __future__ import annotations

import contextlib
import os
import re
import typing as t

from .._core import clock, files, moment
from .._core.errors import BadOption, OpsError
from .._core.limits import size
from .._core.moment import Moment
from .._core.redact import redact
from . import judge
from .judge import Memory

NAME = "actions.jsonl"
GUARD = ".actions.guard"
READ_BYTES = 16 * 1024 * 1024
TEXT = 500
_CHUNK = 256 * 1024
_REMEDY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}")

OPTIONS: dict[str, t.Any] = {
    "remedy": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["asked", "spent", "recorded"], "default": "asked"},
    "limit": {"type": "int", "default": 3},
    "window_seconds": {"type": "int", "default": 3600},
    "note": {"type": "str", "default": ""},
    "result": {"type": "str", "choices": ["ok", "failed"]},
    "by": {"type": "str", "default": ""},
    "run": {"type": "str", "default": ""},
    "directory": {"type": "path", "default": "/var/lib/vendhub-ops"},
    "rotate_bytes": {"type": "int", "default": 1024 * 1024},
    "timeout_seconds": {"type": "float", "default": 10.0},
}


def answer(options: t.Mapping[str, t.Any], act: bool) -> dict[str, t.Any]:
    """Tell the budget, spend one use of it, or record how one went; without ``act`` only tell what would be.

    ``refused`` is true when a use was wanted and is not allowed.
    """
    _check(options)
    state, directory = options["state"], options["directory"]
    path = os.path.join(directory, NAME)
    if state == "asked" or not act:
        return _told(options, read(path), clock.now())
    files.private_folder(directory)
    with files.guarded(os.path.join(directory, GUARD), options["timeout_seconds"]):
        memory, now = read(path), clock.now()
        told = _told(options, memory, now)
        if not told["refused"]:
            with contextlib.suppress(files.NoRoom):  # later is early enough: a remedy must not wait for room
                _rotate(path, options["rotate_bytes"], memory.complete, now)
            line = judge.as_line(state, options["remedy"], _short(options["by"]), now, run=_short(options["run"]),
                                 note=_short(options["note"]), result=options["result"] or "")
            files.reserved(directory, lambda: files.append_line(path, line))
    return told


def read(path: str, most_bytes: int = READ_BYTES) -> Memory:
    """What the file remembers of the longest window, read from its end; lines that are none are counted."""
    actions: list[judge.Action] = []
    garbage = 0
    for line in _backwards(path, most_bytes):
        if line is None:
            oldest = moment.age(actions[-1].when, clock.now()) if actions else 0.0
            return Memory(tuple(actions), garbage, complete=oldest >= judge.LONGEST_WINDOW_SECONDS)
        action = judge.parse(line)
        if action is not None:
            actions.append(action)
        elif line.strip():
            garbage += 1
    return Memory(tuple(actions), garbage)


def _backwards(path: str, most_bytes: int) -> t.Iterator[t.Optional[str]]:
    """The lines from the last to the first; None where it stops because that many bytes were read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    except OSError as exc:
        raise OpsError(f"{path} cannot be read: {exc.strerror}; without it nobody knows what was done before") from exc
    try:
        place = os.fstat(handle).st_size
        stop = max(0, place - most_bytes)
        rest = b""
        while place > stop:
            length = min(_CHUNK, place - stop)
            place -= length
            head, *lines = (os.pread(handle, length, place) + rest).split(b"\n")
            for line in reversed(lines):
                yield line.decode("utf-8", "replace")
            rest = head
        yield None if stop else rest.decode("utf-8", "replace")
    except OSError as exc:
        raise OpsError(f"{path} cannot be read: {exc.strerror}") from exc
    finally:
        os.close(handle)


def _rotate(path: str, most_bytes: int, complete: bool, now: Moment) -> None:
    """Put a file that is full aside; the new one begins with every use that a budget may still ask for.

    Both steps are atomic. Between them the old file is complete, under both names.
    """
    try:
        # what a budget needs is carried over, and does not count: it may be more than that
        if os.path.getsize(path) <= most_bytes or not complete:
            return
        lines = [line for line in _backwards(path, READ_BYTES) if line is not None]
        kept = judge.remembered(reversed(lines), now)
        new = "".join(f"{line}\n" for line in kept)
        if len(new) > most_bytes / 2:
            return  # nearly all of it is still needed
        _link(path, f"{path}.1")
        files.atomic_write(path, new)
    except FileNotFoundError:
        return
    except OSError as exc:
        raise OpsError(f"{path} ({size(most_bytes)} are full) cannot be put aside: {exc.strerror or exc}") from exc


def _link(path: str, name: str) -> None:
    draft = f"{name}.new"
    files.remove(draft)
    os.link(path, draft, follow_symlinks=False)
    os.replace(draft, name)


def _told(options: t.Mapping[str, t.Any], memory: Memory, now: Moment) -> dict[str, t.Any]:
    found = judge.budget(memory, options["remedy"], options["limit"], options["window_seconds"], now)
    state = options["state"]
    refused = state == judge.SPENT and not found.allowed
    text = judge.sentence(options["remedy"], found)
    if state == judge.RECORDED:
        text = f"recorded: {options['remedy']} {options['result']}"
    elif state == judge.SPENT and not refused:
        text = f"one use more: {text} before"
    return {
        "changed": state != "asked" and not refused, "msg": text, "refused": refused, "allowed": found.allowed,
        "used": found.used + (1 if state == judge.SPENT and not refused else 0), "limit": found.limit,
        "next_at": "" if found.next_at is None else moment.utc(found.next_at), "garbage_lines": memory.garbage,
    }


def _check(options: t.Mapping[str, t.Any]) -> None:
    if not _REMEDY.fullmatch(options["remedy"]):
        raise BadOption("remedy must be a name of letters, digits and _.:- such as restart_app, at most 100 of them")
    if not 0 <= options["limit"] <= 1000:
        raise BadOption(f"limit must be between 0 (never) and 1000, not {options['limit']}")
    if not 0 < options["window_seconds"] <= judge.LONGEST_WINDOW_SECONDS:
        raise BadOption(f"window_seconds must be between 1 and {judge.LONGEST_WINDOW_SECONDS} (7 days),"
                        f" not {options['window_seconds']}")
    if not 4096 <= options["rotate_bytes"] <= READ_BYTES:
        raise BadOption(f"rotate_bytes must be between 4096 and {READ_BYTES}, not {options['rotate_bytes']}")
    if not 0 < options["timeout_seconds"] <= 600:
        raise BadOption(f"timeout_seconds must be above 0 and at most 600, not {options['timeout_seconds']:g}")
    if options["state"] == "recorded" and not options["result"]:
        raise BadOption("state=recorded needs the result: ok or failed")


def _short(text: str) -> str:
    text = " ".join(redact(text).split())
    return text if len(text) <= TEXT else text[: TEXT - 1] + "…"
