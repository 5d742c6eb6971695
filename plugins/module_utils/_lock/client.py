# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The lock of this host in its file: read it, and change it while nobody else does."""

from __future__ import annotations

import contextlib
import json
import os
import typing as t

from .._core import clock, files
from .._core.errors import BadOption, OpsError
from . import judge
from .judge import Broken, Current, Decision, Lock, Wanted

NAME = "lock.json"
GUARD = ".lock.guard"
_BYTES = 256 * 1024

OPTIONS: dict[str, t.Any] = {
    "state": {"type": "str", "choices": ["held", "released"], "default": "held"},
    "operation": {"type": "str", "required": True},
    "reason": {"type": "str", "default": ""},
    "ttl_seconds": {"type": "int", "default": 3600},
    "steal": {"type": "str", "choices": list(judge.STEAL), "default": "expired"},
    "holder": {"type": "str"},
    "run": {"type": "dict", "default": {}},
    "dead_run": {"type": "dict", "default": {}},
    "plan": {"type": "dict"},
    "must_hold": {"type": "bool", "default": False},
    "directory": {"type": "path", "default": "/var/lib/vendhub-ops"},
    "timeout_seconds": {"type": "float", "default": 10.0},
}


class Outcome(t.NamedTuple):
    """What was found, and what was decided about it."""

    before: Current
    decision: Decision


def wanted(options: t.Mapping[str, t.Any]) -> Wanted:
    """Take the options; BadOption when they cannot be meant."""
    for name in ("operation", "holder"):
        if not options[name] or not str(options[name]).isprintable() or len(options[name]) > 200:
            raise BadOption(f"{name} must be a short text, such as 'deploy' or 'ann on ci1'")
    if len(options["reason"]) > 1000 or not options["reason"].isprintable():
        raise BadOption("reason must be one line of at most 1000 letters")
    if not 0 < options["ttl_seconds"] <= judge.LONGEST_TTL_SECONDS:
        raise BadOption(f"ttl_seconds must be between 1 and {judge.LONGEST_TTL_SECONDS},"
                        f" not {options['ttl_seconds']}")
    if not 0 < options["timeout_seconds"] <= 600:
        raise BadOption(f"timeout_seconds must be above 0 and at most 600, not {options['timeout_seconds']:g}")
    return Wanted(options["holder"], _run(options["run"], "run"), options["operation"], options["reason"],
                  options["ttl_seconds"], options["steal"], _run(options["dead_run"], "dead_run"),
                  _plan(options.get("plan")))


def change(options: t.Mapping[str, t.Any], act: bool) -> Outcome:
    """Take, renew or release the lock as the options say; without ``act`` only tell what would be."""
    asked = wanted(options)
    decide = judge.decide if options["state"] == "held" else judge.release
    directory, path = options["directory"], os.path.join(options["directory"], NAME)
    if not act or (options["state"] == "released" and not os.path.lexists(path)):
        before = read(path)
        return Outcome(before, decide(before, asked, clock.now()))
    files.private_folder(directory)
    with files.guarded(os.path.join(directory, GUARD), options["timeout_seconds"]):
        before, now = read(path), clock.now()
        decision = decide(before, asked, now)
        if decision.change and decision.lock is not None:
            text = judge.as_text(decision.lock, now)
            files.reserved(directory, lambda: files.atomic_write(path, text))
        elif decision.change:
            files.remove(path)
    return Outcome(before, decision)


def read(path: str) -> Current:
    """The lock as it is now."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except PermissionError as exc:
        raise OpsError(f"{path} cannot be read: {exc.strerror}; become root") from exc
    except OSError as exc:
        return Broken(f"{path}: {exc.strerror or exc}", _changed(path))
    try:
        return judge.parse(_text(handle))
    except (OSError, ValueError) as exc:
        why = "it is not text" if isinstance(exc, UnicodeDecodeError) else str(getattr(exc, "strerror", "") or exc)
        return Broken(f"{path}: {why}", os.fstat(handle).st_mtime)
    finally:
        os.close(handle)


def answer(outcome: Outcome, options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What the module says: who has the lock now, and whose it was."""
    before, decision = outcome
    after = decision.lock if decision.change else before
    ours = isinstance(after, Lock) and _whose(after) == (options["holder"], options["run"])
    said: dict[str, t.Any] = {
        "changed": decision.change, "msg": decision.sentence, "held": ours,
        "refused": not decision.granted and after is not None and not ours, "lock": _public(after),
        "diff": {"before": _public(before), "after": _public(after)},
    }
    if decision.change and isinstance(before, Lock) and _whose(before) != (options["holder"], options["run"]):
        said["previous"] = _public(before)
    return said


def failed(outcome: Outcome, options: t.Mapping[str, t.Any]) -> bool:
    """Whether that is a failure: no lock for who wants one, or a lock lost that had to be held."""
    return not outcome.decision.granted and (options["state"] == "held" or options["must_hold"])


def _whose(lock: Lock) -> tuple[str, dict[str, str]]:
    return lock.holder, dict(lock.run)


def _public(current: Current) -> dict[str, t.Any]:
    if not isinstance(current, Lock):
        return {}
    return {"holder": current.holder, "operations": list(current.operations), "reason": current.reason,
            "ttl_seconds": current.ttl_seconds, "run": dict(current.run),
            "plan": dict(current.plan)}


def _text(handle: int) -> str:
    data = b""
    while len(data) < _BYTES:
        part = os.read(handle, _BYTES)
        if not part:
            break
        data += part
    return data.decode("utf-8")


def _changed(path: str) -> float:
    with contextlib.suppress(OSError):
        return os.lstat(path).st_mtime
    return 0.0


def _run(given: t.Mapping[str, t.Any], name: str) -> dict[str, str]:
    if given and set(given) != set(judge.RUN):
        raise BadOption(f"{name} must have the keys {', '.join(judge.RUN)}, or be left to the plugin that fills it")
    return {key: str(value) for key, value in given.items()}


def _plan(given: t.Optional[judge.Plan]) -> t.Optional[judge.Plan]:
    if given is None:
        return None
    try:
        size = len(json.dumps(given, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode())
    except (ValueError, TypeError, RecursionError) as exc:
        raise BadOption("plan must be made of texts, numbers, booleans, lists and dicts") from exc
    if size > judge.LONGEST_PLAN_BYTES:
        raise BadOption(f"plan must be at most {judge.LONGEST_PLAN_BYTES} bytes as JSON, not {size}")
    return given
