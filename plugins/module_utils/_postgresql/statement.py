# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""A statement as people may read it: short, and without a single literal."""

from __future__ import annotations

import re

from .._core.redact import redact

HIDDEN = "<insufficient privilege>"

_TOKEN = re.compile(
    r"(?P<comment>/\*.*?(?:\*/|\Z)|--[^\n]*)"
    r"|(?P<name>\"[^\"]*(?:\"|\Z))"
    r"|\$(?P<tag>[A-Za-z_]\w*|)\$.*?(?:\$(?P=tag)\$|\Z)"  # $tag$ … $tag$, $$ … $$
    r"|[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)"
    r"|'(?:[^']|'')*(?:'|\Z)",
    re.DOTALL,
)
_NUMBER = re.compile(r"(?<![\w$.\"])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?\b", re.IGNORECASE)


def shown(text: str, length: int = 160) -> str:
    """The statement in one short line, every literal replaced by a question mark."""
    text = _TOKEN.sub(lambda token: " " if token["comment"] else token["name"] or "?", text)
    text = " ".join(_NUMBER.sub("?", text).split())
    return text if len(text) <= length else text[: length - 1] + "…"


def readable(text: str, length: int = 160) -> str:
    """The same, with what a role may not see said as that, and what looks like a credential taken out."""
    return "(text hidden)" if text == HIDDEN else redact(shown(text, length))
