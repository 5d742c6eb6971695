# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin util is private to the collection.
"""Make text that hosts sent safe to show anywhere: no control codes, no secrets, no endless words."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vendhub.ops.plugins.module_utils._core.redact import HIDDEN, redact

LONGEST = 2000
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_TERMINAL_CODES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]{0,500}(?:\x07|\x1b\\)|\x1b[@-Z\\-_]")
# What XML 1.0 refuses, and what would turn the direction of the text around it.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"
    "\ud800-\udfff\ufeff\ufffe\uffff]"
)


def clean(value: t.Any, longest: int = LONGEST) -> str:
    """The value as text of at most ``longest`` characters that a terminal, a page and XML can show; lines stay."""
    whole = str(value)
    text = redact(whole[:2 * longest])  # more than is shown, so that a secret is not cut before it is recognised
    text = _TERMINAL_CODES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    text = _FORBIDDEN.sub(REPLACEMENT, text)
    if len(text) <= longest and len(whole) <= 2 * longest:
        return text
    return f"{text[:longest]}… ({len(whole) - longest} more characters)"


def line(value: t.Any, longest: int = LONGEST) -> str:
    """The same on one line."""
    return " ".join(clean(value, longest).split())


def row(values: t.Mapping[t.Any, t.Any]) -> dict[str, t.Any]:
    """One row of details: keys and texts cleaned, what a key calls a secret hidden, numbers left as they are."""
    return {line(key, 100): _cell(key, value) for key, value in values.items()}


def _cell(key: t.Any, value: t.Any) -> t.Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if value and redact(f"{key}=something") == f"{key}={HIDDEN}":
        return HIDDEN
    if isinstance(value, (list, tuple)):
        return line(", ".join(map(str, value)))
    if isinstance(value, t.Mapping):
        return line(", ".join(f"{name}={part}" for name, part in value.items()))
    return clean(value)
