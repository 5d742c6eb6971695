# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""An application's environment file, and how to keep its values out of everything that people read (pure)."""

from __future__ import annotations

import re
import typing as t

from .._core.redact import HIDDEN, redact, secrets_in

# the grammar of dotenv 16, which the application reads its file with
_LINE = re.compile(
    r"""^[^\S\n]*(?:export[^\S\n]+)?([\w.-]+)(?:[^\S\n]*=[^\S\n]*|:[^\S\n]+)"""
    r"""('(?:\\'|[^'])*'|"(?:\\"|[^"])*"|`(?:\\`|[^`])*`|[^#\n]*)?[^\S\n]*(?:\#.*)?$""", re.MULTILINE | re.VERBOSE)

# words that say nothing about anybody and would only blank out a log
_PLAIN = re.compile(r"[0-9]{1,5}|true|false|on|off|yes|no|none|null|info|warn|debug|error|production|development|test"
                    r"|localhost|127\.0\.0\.1|0\.0\.0\.0|utc", re.IGNORECASE)
_SHORTEST = 4


def parse(text: str) -> dict[str, str]:
    """The variables of a file in the manner of dotenv; what is no assignment is passed over."""
    found = {}
    for name, value in _LINE.findall(text.replace("\r\n", "\n").replace("\r", "\n")):
        bare = value.strip()
        quote = bare[:1]
        if len(bare) > 1 and quote in "'\"`" and bare.endswith(quote):
            bare = bare[1:-1]
            if quote == '"':
                bare = bare.replace("\\n", "\n").replace("\\r", "\r")
        found[name] = bare
    return found


def secrets(values: t.Mapping[str, str]) -> tuple[str, ...]:
    """What must not be shown of these variables, the longest first so that no part of one is left standing."""
    hidden: set[str] = set()
    for name, value in values.items():
        told = redact(f"{name}={value}") != f"{name}={value}"  # the name itself calls it a secret
        for part in {value, *value.splitlines(), *secrets_in(value)}:
            if part.strip() and (told or (len(part) >= _SHORTEST and not _PLAIN.fullmatch(part))):
                hidden.add(part)
    return tuple(sorted(hidden, key=len, reverse=True))


def hide(text: str, hidden: t.Iterable[str]) -> str:
    """The text without any of these values."""
    for value in hidden:
        text = text.replace(value, HIDDEN)
    return redact(text)
