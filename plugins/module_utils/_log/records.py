# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Which log records are errors, and what they say.

The rule: a level decides where there is one (JSON ``level``, `` ERROR ``, ``[error]``, ``error:``; in an access log the
status), whatever the text mentions. Without a level the words error, exception, fatal and panic decide, alone or as the
end of a class name (TypeError). Not counted: the plural ("errors: 0", "0 errors"), "no error", "error: null",
and words inside a path, an address or a name (/error-log, error=, on-error).
"""

from __future__ import annotations

import dataclasses
import json
import re
import typing as t

from .stamps import Stamp, is_access, skip_stamp

# Every record that can be an error by the rule holds one of these, in lower case: they are searched for before anything
# is looked at closely. Without their first letter two of them are one search for "error" and "Error".
NEEDLES = (b"rror", b"xception", b"fatal", b"panic", b"ritical", b'"level":50', b'"level":60')
# and what nginx's error log writes
NGINX_NEEDLES = (b"[crit]", b"[alert]", b"[emerg]")
# the status after the quoted request
ACCESS_NEEDLES = (b'" 5',)

_BAD = {"error", "err", "fatal", "critical", "crit", "emerg", "emergency", "alert", "panic", "severe"}
# PostgreSQL writes these beside an error that has a line of its own, TypeORM "query: "
_WITH_COLON = {"detail", "hint", "statement", "context", "location", "query"}
_FINE = {"warn", "warning", "info", "log", "notice", "debug", "verbose", "trace", "silly", "http"} | _WITH_COLON
_ANY = "|".join(sorted(_BAD | _FINE))
_CAPITALS = "|".join(sorted(word.upper() for word in _BAD | _FINE - _WITH_COLON - {"http", "silly"}))
_BESIDE = "|".join(sorted(word.upper() for word in _WITH_COLON))
_NOTHING = r"(?:0|null|none|nil|false|undefined|\"\"|''|\[\]|\{\})(?![\w.])"
_LEVEL = re.compile(
    # at the start: "error: ", "[error] ", "<error> "
    rf"[\[(<](?P<bracket>(?i:{_ANY}))[\])>]|(?P<colon>(?i:{_ANY})):(?=\s)(?!\s*{_NOTHING})"
    # in capitals, a word of its own within the first hundred characters
    rf"|.{{0,100}}?(?:^|(?<=[\s\[|(<:]))(?P<upper>{_CAPITALS}|(?:{_BESIDE})(?=:))(?=[\s\]|)>:,]|$)"
)
_WORDS = re.compile(
    r"(?<![\w/.\-=?&%#@])(?<!\b[Nn]o )(?<!\b0 )(?<!without )"
    r"(?:(?:[A-Z][A-Za-z0-9]*)?(?:Error|Exception)|error|exception|fatal|panic|ERROR|FATAL|PANIC|Fatal)"
    r"(?![\w/\-=])(?!\.\w)(?![\"']?\s*:\s*" + _NOTHING + ")"
)
_STATUS = re.compile(r'(?:[^"\\]|\\.)*" (\d{3})(?= )')
_REQUEST = re.compile(r'"([A-Z]+) ([^ ?"]*)[^"]*" (\d{3}) ')
_JSON_LEVEL = re.compile(r'"level"\s*:\s*(?:"([A-Za-z]+)"|(\d+))')
_JSON_MESSAGE = re.compile(r'"(?:message|msg)"\s*:\s*"((?:[^"\\]|\\.)*)')
_NEST_LAPSE = re.compile(r"\s\+\d+ms$")
_FOLLOWS = re.compile(r"\s|$|[})\]]|at |Caused by|\.\.\. |\^")
_PINO_ERROR = 50


@dataclasses.dataclass(frozen=True)
class Rules:
    """What the user adds to the rule: ``patterns`` make a line an error, ``ignore`` takes a record out."""

    patterns: tuple[t.Pattern[str], ...] = ()
    ignore: tuple[t.Pattern[str], ...] = ()

    def wanted(self, text: str) -> bool:
        return any(pattern.search(text) for pattern in self.patterns)

    def unwanted(self, text: str) -> bool:
        return any(pattern.search(text) for pattern in self.ignore)


def starts_record(text: str, head: t.Optional[Stamp], stamped: bool) -> bool:
    """Whether a line begins a record; the others (stack traces) belong to the record before them.

    In a log with time stamps that is a line that has one; in a log without, one that does not look like a continuation.
    """
    if head is not None or text.startswith('{"'):
        return True
    return not stamped and not continues(text)


def continues(text: str) -> bool:
    """Whether a line looks like a part of the record before it: indented, a stack frame, a closing bracket."""
    return _FOLLOWS.match(text) is not None


def error_message(text: str, head: t.Optional[Stamp], rules: Rules) -> t.Optional[str]:
    """What an error record says, without its time and level; None when the record is not an error."""
    body = text[head.end:] if head is not None and head.end else text
    message = _message(body, head)
    if message is None and rules.patterns and rules.wanted(text):
        message = body
    if message is None or (rules.ignore and rules.unwanted(text)):
        return None
    return message.strip()


def _message(body: str, head: t.Optional[Stamp]) -> t.Optional[str]:
    if body.startswith("{"):
        return _json_message(body)
    if head is not None:
        if head.access or is_access(body):
            return _access_message(body)
        body = body[skip_stamp(body):]
        if body.startswith("{"):
            return _json_message(body)
    return _text_message(body)


def _text_message(body: str) -> t.Optional[str]:
    found = _level(body)
    if found is None:
        return body if _WORDS.search(body) else None
    level, end = found
    if body.startswith("Error:"):
        return body  # the class, not a level
    return _NEST_LAPSE.sub("", body[end:]) if level in _BAD else None


def _level(body: str) -> t.Optional[tuple[str, int]]:
    found = _LEVEL.match(body)
    if found is None:
        return None
    end = found.end()
    while end < len(body) and body[end] in "]|)>:, ":
        end += 1
    return (found["bracket"] or found["colon"] or found["upper"]).lower(), end


def _json_message(body: str) -> t.Optional[str]:
    guess = _JSON_LEVEL.search(body)
    if guess is not None and not _is_bad(guess[1] or guess[2]) and body.count('"level"') == 1:
        return None
    try:
        record = json.loads(body)
    except (ValueError, RecursionError):
        return _torn_json_message(body, guess)
    if not isinstance(record, dict):
        return None
    text = _said(record)
    if record.get("level") is None:
        return text if _WORDS.search(text) else None
    if not _is_bad(record["level"]):
        return None
    context = record.get("context")
    return f"[{context}] {text}" if isinstance(context, str) and context else text


def _torn_json_message(body: str, guess: t.Optional[t.Match[str]]) -> t.Optional[str]:
    # half written or cut: the pieces still tell
    found = _JSON_MESSAGE.search(body)
    text = found[1] if found else body
    if guess is not None:
        return text if _is_bad(guess[1] or guess[2]) else None
    return text if _WORDS.search(text) else None


def _said(record: t.Mapping[str, t.Any]) -> str:
    for key in ("message", "msg", "err", "error"):
        value = record.get(key)
        if isinstance(value, dict):
            value = value.get("message")
        if isinstance(value, str) and value.strip():
            return value
    rest = {key: value for key, value in record.items() if key not in ("timestamp", "time", "level", "pid")}
    return json.dumps(rest, sort_keys=True, ensure_ascii=False)


def _is_bad(level: t.Any) -> bool:
    if isinstance(level, str) and not level.isdigit():
        return level.lower() in _BAD
    try:
        return int(level) >= _PINO_ERROR
    except (TypeError, ValueError):
        return False


def _access_message(body: str) -> t.Optional[str]:
    found = _REQUEST.search(body)
    if found is not None:
        return f"{found[1]} {found[2]} -> {found[3]}" if found[3].startswith("5") else None
    # a request that is no request ("\x16\x03", "-") has a status too
    start = body.find('] "')
    status = _STATUS.match(body, start + 3) if start >= 0 else None
    return f"{body[start + 2:status.end(1)]}" if status is not None and status[1].startswith("5") else None
