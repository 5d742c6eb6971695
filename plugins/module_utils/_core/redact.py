# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Take secrets out of text that people will read: log samples, error messages, targets."""

from __future__ import annotations

import re
import typing as t
import urllib.parse

HIDDEN = "***"

# Repetitions are bounded: a log line may be one word of many megabytes.
# scheme://user:secret@host
_URL = re.compile(r"([a-z][a-z0-9+.-]{0,30}://[^\s:/@]*):[^\s@/]+@", re.IGNORECASE)
_NAMES = (r"(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|private[_-]?key|credential|cookie"
          r"|(?<![a-z])pass(?![a-z])|(?<![a-z])pwd(?![a-z]))")
# --token secret
_FLAG = re.compile(rf"(--[\w-]{{0,40}}{_NAMES}[\w-]{{0,40}}\s{{1,9}})\S+", re.IGNORECASE)
# {"password": "secret"}, password=secret, DB_PASS: secret; and the same as text inside JSON: {\"password\":\"secret\"}
_PAIR = re.compile(
    rf"""({_NAMES}[\w-]{{0,40}}\\{{0,3}}["']?\s{{0,9}}[:=]\s{{0,9}})"""
    r"""((?P<escape>\\{1,3})(?P<quote>["']).{0,4000}?(?<!\\)(?P=escape)(?P=quote)|\\{1,3}["'][^"'\s]*"""
    r"""|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s,;&"'}\])]+)""",
    re.IGNORECASE,
)
# Authorization: Bearer abc, Basic abc
_SCHEME = re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
# a JSON Web Token: three base64url parts, the first two JSON objects
_JWT = re.compile(r"(?<![\w-])eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*")


def redact(text: str) -> str:
    """Return the text with every credential it seems to hold replaced; the words around them stay."""
    text = _JWT.sub(HIDDEN, text)
    text = _SCHEME.sub(rf"\1 {HIDDEN}", text)
    text = _URL.sub(rf"\1:{HIDDEN}@", text)
    text = _FLAG.sub(rf"\1{HIDDEN}", text)
    return _PAIR.sub(rf"\1{HIDDEN}", text)


def secrets_in(options: t.Any) -> set[str]:
    """The credentials inside options that are not secret as a whole: passwords and tokens in URLs, secret headers."""
    if isinstance(options, t.Mapping):
        named = {str(value) for key, value in options.items() if value and _SECRET_HEADER.search(str(key))
                 and isinstance(value, str)}
        return named.union(*(secrets_in(value) for value in options.values()))
    if isinstance(options, (list, tuple)):
        return set().union(*(secrets_in(value) for value in options))
    return _in_url(options) if isinstance(options, str) else set()


# as in {"Authorization": "Bearer …", "X-Api-Key": "…", "X-Auth": "…"}; options such as tls_key_path are no headers
_SECRET_HEADER = re.compile(r"^(authorization|proxy-authorization|cookie)$|(^|-)(auth|token|key|secret|password)$",
                            re.IGNORECASE)


def _in_url(text: str) -> set[str]:
    if "://" not in text:
        return set()
    try:
        parts = urllib.parse.urlsplit(text)
        password = parts.password
    except ValueError:
        return set()
    found = {password} if password else set()
    for name, _equals, value in (pair.partition("=") for pair in parts.query.split("&")):
        if value and redact(f"{name}={value}") != f"{name}={value}":
            found.add(value)
    return found | {urllib.parse.unquote(one) for one in found}
