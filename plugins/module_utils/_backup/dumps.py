# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Tell a dump from something that only has its name (pure)."""

from __future__ import annotations

import dataclasses
import json
import typing as t
import zlib

SIDECAR = ".verified.json"
HEAD_BYTES = 4096
TAIL_BYTES = 1024

# compressed or encrypted in a way that only other programs can look into
OPAQUE = (".zst", ".xz", ".bz2", ".lz4", ".gpg", ".age", ".enc")
_CUSTOM = b"PGDMP"
_GZIP = b"\x1f\x8b\x08"
_SQL = (b"--", b"/*", b"\\restrict", b"SET ", b"BEGIN", b"CREATE ", b"SELECT ", b"DROP ", b"\\connect")


@dataclasses.dataclass(frozen=True)
class Dump:
    """One file in the backup folder; ``fault`` says why it cannot be a whole dump, ``doubt`` why its proof is void."""

    name: str
    modified: float
    size: int
    mode: int
    fault: str = ""
    verified: bool = False
    doubt: str = ""


def content_fault(name: str, head: bytes, tail: bytes) -> str:
    """Why this content is no whole dump, as far as its beginning and end show; empty when it may be one."""
    if name.endswith(OPAQUE):
        return ""
    inside = head
    if head.startswith(_GZIP):
        try:
            inside = zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
        except zlib.error:
            return "is damaged: it does not unpack"
        tail = b""
    if inside.startswith(_CUSTOM):
        return ""
    text = inside.lstrip(b"\xef\xbb\xbf \t\r\n")
    if b"\0" in inside or not text.startswith(_SQL):
        return "is neither a PostgreSQL dump nor SQL"
    if b"PostgreSQL database" in inside and tail and b"dump complete" not in tail:
        return "is cut off: its last line is missing"
    return ""


def proof_fault(text: str, size: int, dump_modified: float, proof_modified: float) -> str:
    """Why the proof beside a dump does not count; empty when it does."""
    try:
        proof: t.Any = json.loads(text)
    except (ValueError, RecursionError):
        return "has a proof that cannot be read"
    if not isinstance(proof, dict) or not isinstance(proof.get("sha256"), str) or len(proof["sha256"]) != 64:
        return "has a proof that says too little"
    if isinstance(proof.get("size"), bool) or proof.get("size") != size:
        return "has another size than when it was verified"
    if proof_modified < dump_modified:
        return "was changed after it was verified"
    return ""
