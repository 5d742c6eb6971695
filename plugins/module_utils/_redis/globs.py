# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Names of keys: which ones a pattern means, which ones nobody may touch, and how any bytes are shown."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .._core.errors import BadOption
from .._core.redact import redact

SHOWN_CHARACTERS = 120

# queues of Bull, and tokens that were revoked: without these keys they are valid again
PROTECTED = ("bull:*", "*blacklist*")
# protected unless the pattern names them
SESSIONS = ("sess:*", "session:*", "sessions:*", "*:sess:*", "*:session:*", "*:sessions:*")

_WILD = re.compile(rb"\\(?P<literal>.)|(?P<wild>\*|\?|\[(?:\\.|[^\]\\])*\]?)", re.DOTALL)
_SPECIAL = re.compile(rb"([\\*?\[])")
_LUA_SPECIAL = re.compile(rb"[\0^$()%.\[\]*+?-]")


@dataclasses.dataclass(frozen=True)
class Rule:
    """Keys that stay: a name with ``*`` for anything."""

    glob: str

    @property
    def _pieces(self) -> list[bytes]:
        return to_bytes(self.glob).split(b"*")

    def expression(self) -> bytes:
        """The same as a regular expression for a whole name."""
        return b".*".join(map(re.escape, self._pieces))

    def lua(self) -> bytes:
        """The same as a pattern for Lua's string.find; Lua 5.1 has a word of its own for NUL."""
        pattern = b"^" + b".*".join(_LUA_SPECIAL.sub(_lua_escape, piece) for piece in self._pieces) + b"$"
        # what may be anything at either end need not be walked over
        return pattern.removeprefix(b"^.*").removesuffix(b".*$")

    def can_keep(self, pattern: bytes) -> bool:
        """Whether a name of that pattern can be one of these; not when both begin with other words."""
        ours, theirs = self._pieces[0], literal_runs(pattern)[0]
        return ours.startswith(theirs) or theirs.startswith(ours)

    def named_by(self, pattern: bytes) -> bool:
        """Whether the words of that pattern name these keys: ``sess:*`` is named by ``sess:a*``, not by ``s*``."""
        core = max(self._pieces, key=len)
        return any(core in run for run in literal_runs(pattern))


def _lua_escape(found: re.Match[bytes]) -> bytes:
    return b"%z" if found[0] == b"\0" else b"%" + found[0]


def to_bytes(text: str) -> bytes:
    """The bytes an option means."""
    return text.encode("utf-8", "surrogateescape")


def pattern_of(pattern: t.Optional[str], prefix: t.Optional[str]) -> bytes:
    """The pattern to scan for; BadOption when it means everything."""
    if prefix is not None:
        if not prefix:
            raise BadOption("prefix must not be empty: that means every key, which is FLUSHDB by another name")
        return _SPECIAL.sub(rb"\\\1", to_bytes(prefix)) + b"*"
    found = to_bytes(pattern or "")
    if not any(literal_runs(found)):
        raise BadOption(f"pattern {pattern!r} means every key, which is FLUSHDB by another name: name a prefix")
    return found


def literal_runs(pattern: bytes) -> list[bytes]:
    """What a pattern of Redis says literally, between its wild cards."""
    runs, at = [b""], 0
    for found in _WILD.finditer(pattern):
        runs[-1] += pattern[at:found.start()] + (found["literal"] or b"")
        if found["wild"]:
            runs.append(b"")
        at = found.end()
    runs[-1] += pattern[at:]
    return runs


def rules(protected: t.Sequence[str], sessions: t.Sequence[str], pattern: t.Optional[bytes] = None) -> tuple[Rule, ...]:
    """The keys that stay: protected ones always, sessions unless the pattern names them."""
    for glob in (*protected, *sessions):
        if not glob.strip("*"):
            raise BadOption(f"protected and sessions must name keys, {glob!r} means all of them")
        if set(glob) & set("?[\\"):
            raise BadOption(f"protected and sessions know only * for anything, not {glob!r}")
    named = [glob for glob in sessions if pattern is None or not Rule(glob).named_by(pattern)]
    found = [Rule(glob) for glob in dict.fromkeys((*protected, *named))]
    return tuple(rule for rule in found if pattern is None or rule.can_keep(pattern))


class Keeper:
    """Knows of any key whether it stays, and by which rule."""

    def __init__(self, having: t.Sequence[Rule]) -> None:
        self.rules = tuple(having)
        self._any = re.compile(b"|".join(b"(" + rule.expression() + b")" for rule in having) or b"(?!)", re.DOTALL)

    def rule(self, key: bytes) -> t.Optional[int]:
        """The place of the first rule that keeps this key; None when it may go."""
        found = self._any.fullmatch(key)
        return None if found is None else (found.lastindex or 1) - 1


def shown(key: bytes) -> str:
    """A name for people: bytes that are no plain text escaped, credentials taken out, cut when very long.

    A name that is changed by that is for reading only.
    """
    text = redact(key[:SHOWN_CHARACTERS * 4].replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace"))
    text = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
