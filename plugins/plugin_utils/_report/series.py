# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin util is private to the collection.
"""The keys of metrics, ``name{label="value"}``, taken apart and put together."""

from __future__ import annotations

import functools
import re
import typing as t

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
_ESCAPED = re.compile(r"\\(.)")


class Series(t.NamedTuple):
    """One time series: its name and its labels in order."""

    name: str
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """The notation of a Prometheus sample."""
        if not self.labels:
            return self.name
        pairs = ",".join(f'{label}="{escaped(value)}"' for label, value in self.labels)
        return f"{self.name}{{{pairs}}}"

    @property
    def object(self) -> str:
        """What tells this series from others of its name, for people."""
        return ", ".join(value for label, value in self.labels)


@functools.lru_cache(maxsize=20_000)
def parse(key: str) -> t.Optional[Series]:
    """Take a key apart; None when it is not one."""
    name, brace, rest = key.partition("{")
    if not _NAME.fullmatch(name):
        return None
    if not brace:
        return Series(name)
    if not rest.endswith("}"):
        return None
    labels, position, body = {}, 0, rest[:-1]
    while position < len(body):
        match = _LABEL.match(body, position)
        if match is None or match.group(1) in labels:
            return None
        labels[match.group(1)] = _ESCAPED.sub(lambda one: {"n": "\n"}.get(one.group(1), one.group(1)), match.group(2))
        position = match.end()
    return Series(name, tuple(sorted(labels.items())))


def escaped(value: str) -> str:
    """A label's value as the exposition format wants it."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
