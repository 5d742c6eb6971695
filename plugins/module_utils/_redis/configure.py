# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Change settings of a running Redis and write them into its file: the wiring of redis_config."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
import typing as t

from .._core.errors import CannotLook
from .._core.files import append_line, private_folder
from .._core.moment import utc
from .._core.redact import redact
from .client import Refused, config_lines
from .connection import CONNECTION_OPTIONS, Address, address
from .facts import Settings, whole
from .globs import SESSIONS, Keeper, Rule, rules
from .link import Link, used_bytes
from .pace_plan import Pace, TooSlow
from .settings_judge import Held, in_file, in_order, risks, same, wanted
from .sweep import Sweep, Swept

OPTIONS: dict[str, t.Any] = {
    **CONNECTION_OPTIONS,
    "settings": {"type": "dict", "required": True},
    "persist": {"type": "str", "choices": ["auto", "required", "off"], "default": "auto"},
    "accept_risk": {"type": "bool", "default": False},
    "queues": {"type": "list", "elements": "str", "default": ["bull:*"]},
    "revoked": {"type": "list", "elements": "str", "default": ["*blacklist*"]},
    "sessions": {"type": "list", "elements": "str", "default": list(SESSIONS)},
    "journal": {"type": "path"},
}
Result = dict[str, t.Any]

_MEMORY = ("maxmemory", "maxmemory-policy")
_LOOK_SECONDS = 20.0


class Lasting(t.NamedTuple):
    """What becomes of the settings at a restart."""

    written: bool  # into the file, now
    persisted: t.Optional[bool]  # None when the file cannot be read from here and nothing was changed
    why: str  # they are lost


def configure(options: t.Mapping[str, t.Any], *, act: bool) -> Result:
    """Bring the settings into the wanted state, running and in the file; with ``act`` false only say what would be."""
    where, asked = address(options), wanted(options["settings"])
    with Link(where) as link:
        info = link.info()
        before = _running(link, (*asked, *_MEMORY))
        changes = {name: value for name, value in asked.items() if not same(value, before[name])}
        found = _risks(link, info, {**before, **asked}, options) if set(asked) & set(_MEMORY) else []
        stops = [risk.text for risk in found if risk.stops and changes]
        if stops and act and not options["accept_risk"]:
            raise CannotLook(f"refused, nothing was changed: {'; '.join(stops)} (accept_risk=true does it "
                             f"all the same)")
        if act:
            _set(link, changes, before)
        after = _running(link, asked) if act else {name: changes.get(name, before[name]) for name in asked}
        changed = {name: before[name] for name in asked if after[name] != before[name]}
        lasting = _persist(link, info, asked, bool(changes), options["persist"], act=act)
        if act and lasting.persisted is False and options["persist"] == "required":
            _set(link, changed, after)
            raise CannotLook(f"cannot be made to last, the settings are as before: {lasting.why}")
    result = {
        "changed": bool(changed) or lasting.written, "target": str(where), "settings": after, "previous": changed,
        "persisted": lasting.persisted, "written": lasting.written, "not_persisted": lasting.why,
        "risks": [risk.text for risk in found], "needs_accept_risk": bool(stops) and not options["accept_risk"],
        "diff": {"before": _lines(before, asked), "after": _lines(after, asked)},
    }
    if act and changed and options["journal"]:
        _note(options["journal"], where, changed, after)
    result["msg"] = f"{where}: {_said(result, act)}"
    return result


def _running(link: Link, names: t.Iterable[str]) -> dict[str, str]:
    found = {}
    for name in dict.fromkeys(names):
        reply = link.ask("CONFIG", "GET", name)
        if not reply:
            raise CannotLook(f"this Redis knows no setting {name}")
        found[name] = reply[1].decode("utf-8", "replace")
    return found


def _set(link: Link, changes: Settings, before: Settings) -> None:
    """All of them or none: what was set is set back when one is refused."""
    done: list[str] = []
    for name in in_order(changes, before):
        (reply,) = link.all(("CONFIG", "SET", name, changes[name]))
        if isinstance(reply, Refused):
            for earlier in reversed(done):
                link.ask("CONFIG", "SET", earlier, before[earlier])
            if reply.word == "NOPERM":
                raise link.refusal(reply, "CONFIG", "SET")
            raise CannotLook(f"{name} cannot be set to {changes[name]!r}, all settings are as before: "
                             f"{redact(str(reply))[:200]}")
        done.append(name)


def _risks(link: Link, info: Settings, after: Settings, options: t.Mapping[str, t.Any]) -> list[t.Any]:
    held = Held()
    if after["maxmemory-policy"] != "noeviction":
        held = _held(link, info, options)
    return risks(after, used_bytes(info), whole(info, "total_system_memory"), held)


def _held(link: Link, info: Settings, options: t.Mapping[str, t.Any]) -> Held:
    groups = [[Rule(glob) for glob in options[name]] for name in ("queues", "revoked", "sessions")]
    rules([glob for name in ("queues", "revoked", "sessions") for glob in options[name]], ())  # refuses what is no name
    swept = Swept()
    pace = Pace(batch_seconds=0.002, share_percent=75, latency_limit_seconds=0.1, patience_seconds=5,
                max_seconds=_LOOK_SECONDS)
    unseen = False
    try:
        for name in [name for name in info if name[:2] == "db" and name[2:].isdigit()]:
            link.ask("SELECT", int(name[2:]))  # the policy is for all of them
            Sweep(link, b"*", Keeper([rule for group in groups for rule in group]), pace, swept).count()
    except (TooSlow, CannotLook):
        unseen = True
    counts = iter(swept.kept or [0] * sum(map(len, groups)))
    queues, revoked, sessions = (sum(next(counts) for dummy in group) for group in groups)
    return Held(queues, revoked, sessions, unseen)


def _persist(link: Link, info: Settings, asked: Settings, changes: bool, persist: str, *, act: bool) -> Lasting:
    path = info.get("config_file", "")
    if not path:
        return Lasting(False, False, "the server was started without a file: start redis-server with one")
    wrong = _wrong_in_file(link, info, asked)
    if not changes and not wrong:
        return Lasting(False, None if wrong is None else True, "")
    if persist == "off":
        return Lasting(False, False, "persist is off")
    if not act:
        return Lasting(True, True, "")
    mode = _mode(path) if link.address.local else None
    (reply,) = link.all(("CONFIG", "REWRITE"))
    if mode is not None:
        _close(path, mode)
    if isinstance(reply, Refused):
        why = str(link.refusal(reply, "CONFIG", "REWRITE")) if reply.word == "NOPERM" else \
            f"{path}: {redact(str(reply))[:200]}; the user of redis-server must be able to write it and its folder"
        return Lasting(False, False, why)
    wrong = _wrong_in_file(link, info, asked)
    why = f"{path} still says something else about {', '.join(wrong)}, in a file that it includes" if wrong else ""
    return Lasting(True, not wrong, why)


def _mode(path: str) -> t.Optional[int]:
    with contextlib.suppress(OSError):
        return stat.S_IMODE(os.stat(path).st_mode)
    return None


def _close(path: str, mode: int) -> None:
    """Redis writes a new file that everybody may read, passwords and all: give it the old one's mode."""
    with contextlib.suppress(OSError):  # not ours: then the mode is what the server left
        if _mode(path) != mode:
            os.chmod(path, mode)


def _wrong_in_file(link: Link, info: Settings, asked: Settings) -> t.Optional[list[str]]:
    """The settings that are others in the file; None when the file cannot be read from here."""
    said = _said_in_file(link.address, info["config_file"], asked, info)
    return None if said is None else [name for name in asked if name in said and not same(said[name], asked[name])]


def _said_in_file(where: Address, path: str, names: t.Iterable[str], info: Settings) -> t.Optional[dict[str, str]]:
    if not where.local:
        return None
    try:
        return in_file(config_lines(path), names, info.get("redis_version", ""))
    except OSError:
        return None  # another user's file, or one of a container: the server itself can write it


def _note(path: str, where: Address, changed: Settings, after: Settings) -> None:
    private_folder(os.path.dirname(path))
    for name, value in changed.items():
        append_line(path, json.dumps({"at": utc(time.time()), "target": str(where), "setting": name, "from": value,
                                      "to": after[name]}))


def _lines(values: Settings, names: t.Iterable[str]) -> str:
    return "".join(f"{name} {values[name]}\n" for name in names)


def _said(result: Result, act: bool) -> str:
    will, where = "" if act else "would be ", "written into the file"
    parts = [f"{name} {will}{value}, was {result['previous'][name] or 'empty'}"
             for name, value in result["settings"].items() if name in result["previous"]]
    if result["needs_accept_risk"] and not act:
        parts.append(f"needs accept_risk=true: {'; '.join(result['risks'])}")
    if result["written"]:
        parts.append(f"{will}{where}")
    if not parts:
        parts.append("the settings are so already")
    if result["not_persisted"]:
        parts.append(f"lost at the next restart: {result['not_persisted']}")
    return "; ".join(parts)
