# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Errors of the same kind: what varies from one to the next is taken out, the rest is hashed."""

from __future__ import annotations

import hashlib
import re

# Only so much of a message tells its kind; the rest is data.
_LENGTH = 400
# The patterns begin with what they look for and look behind afterwards: so the engine skips the rest faster.
_URL = re.compile(r"(\b[a-z][a-z0-9+.-]{1,15}://[^\s?'\")\]}>]{0,200})\?[^\s'\")\]}>]*")
_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_UUID = re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")
_IP6 = re.compile(r"(?<![\w:])(?=[0-9a-fA-F:]*(?:::|:[0-9]*[a-fA-F]))(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}"
                  r"(?:\.\d{1,3}){0,3}(?![\w:])")
# a quoted value goes, a quoted plain name stays: it is the column, property or relation the error is about
_QUOTED = re.compile(r"""(?:'(?<!\w')(?![A-Za-z_.$-]{1,40}')[^']*'|"(?<!\w")(?![A-Za-z_.$-]{1,40}")[^"]*")(?!\w)""")
# one word with digits: 0x1f, a hash, an id of mixed letters and digits
_ID = re.compile(r"\b(?:0x[0-9a-fA-F]+|(?=\w{8})"
                 r"(?:(?=[a-fA-F]*[0-9])[0-9a-fA-F]{8,}|(?=\w*[0-9]\w*[A-Za-z]\w*[0-9])\w{10,}))\b")
# a status stays: HTTP 500 is not HTTP 404
_NUMBER = re.compile(r"[0-9](?<![0-9][0-9])(?<!(?:TTP|tus|us:|ode|de:| ->) (?=[1-5][0-9][0-9]\b)[0-9])"
                     r"[0-9]*(?:[.,:/_-][0-9]+)*")
_DIGIT = re.compile("[0-9]")


def normal_form(message: str) -> str:
    """The message without what varies: times, numbers, ids and addresses are ``<n>``, quoted values ``<s>``.

    One sign for all numbers and ids: whether a random id happens to be all digits must not make a kind.
    """
    text = message[:_LENGTH]
    if "://" in text:
        text = _URL.sub(r"\1?…", text)
    if "@" in text:
        text = _MAIL.sub("<mail>", text)
    if text.count("-") >= 4:
        text = _UUID.sub("<n>", text)
    if "'" in text or '"' in text:
        text = _QUOTED.sub("<s>", text)
    if text.count(":") >= 2:
        text = _IP6.sub("<n>", text)
    if _DIGIT.search(text):
        text = _NUMBER.sub("<n>", _ID.sub("<n>", text))
    return " ".join(text.split())


def fingerprint(normal: str) -> str:
    """A short name for one kind of error, the same on every host and on every day."""
    return hashlib.sha256(normal.encode("utf-8", "replace")).hexdigest()[:8]
