# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What Redis and its configuration file say, as plain values."""

from __future__ import annotations

import dataclasses
import math
import shlex
import typing as t

from .._core.unseen import Unseen

Settings = t.Mapping[str, str]

# what is compared between the running server and its file; a secret never belongs here
COMPARED = ("maxmemory", "maxmemory-policy", "appendonly", "save")

_UNITS = {"": 1, "b": 1, "k": 10**3, "kb": 2**10, "m": 10**6, "mb": 2**20, "g": 10**9, "gb": 2**30}


@dataclasses.dataclass(frozen=True)
class Facts:
    """One look at a server: INFO, the settings it runs with, those of its file, the time of each PING."""

    info: Settings
    running: Settings
    file: t.Optional[Settings]
    pings: tuple[float, ...] = ()
    ping_error: str = ""
    unseen: tuple[Unseen, ...] = ()
    ping_reason: str = ""


def parse_info(text: str) -> dict[str, str]:
    """Turn the reply of INFO into its fields; lines that are none are passed over."""
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line and not line.startswith("#"))
    return {key: value.strip() for key, value in pairs}


def number(info: Settings, key: str) -> float:
    """A field as a number; nan when it is absent or not a finite number."""
    try:
        value = float(info[key])
    except (KeyError, ValueError):
        return math.nan
    return value if math.isfinite(value) else math.nan


def whole(info: Settings, key: str) -> int:
    """A counter that is 0 when the server does not have it."""
    value = number(info, key)
    return 0 if math.isnan(value) else int(value)


def file_settings(lines: t.Iterable[str], version: str) -> dict[str, str]:
    """The compared settings as a server of that version would run after reading these lines, in one notation."""
    settings = {"maxmemory": "0", "maxmemory-policy": "noeviction", "appendonly": "no", "save": _default_save(version)}
    saves: t.Optional[list[str]] = None
    for line in lines:
        words = _words(line)
        if not words or words[0] not in COMPARED:
            continue
        if words[0] == "save":
            saves = [] if words[1:] in ([], [""]) else [*(saves or []), *words[1:]]
        elif len(words) > 1:
            settings[words[0]] = words[1]
    if saves is not None:
        settings["save"] = " ".join(saves)
    return normal(settings)


def normal(settings: Settings) -> dict[str, str]:
    """Settings in one notation: bytes as a plain number, words in lower case."""
    result = {key: " ".join(value.lower().split()) for key, value in settings.items()}
    if "maxmemory" in result:
        result["maxmemory"] = _bytes(result["maxmemory"])
    return result


def _words(line: str) -> list[str]:
    line = line.strip()
    if not line or line.startswith("#"):
        return []
    try:
        words = shlex.split(line)
    except ValueError:
        words = line.split()
    return [words[0].lower(), *words[1:]] if words else []


def _bytes(text: str) -> str:
    digits = text.rstrip("bkmg")
    if not digits.isdigit() or text[len(digits):] not in _UNITS:
        return text
    return str(int(digits) * _UNITS[text[len(digits):]])


def _default_save(version: str) -> str:
    major, minor = (*version.split("."), "0")[:2]
    new = major.isdigit() and minor.isdigit() and (int(major), int(minor)) >= (6, 2)
    return "3600 1 300 100 60 10000" if new else "900 1 300 10 60 10000"
