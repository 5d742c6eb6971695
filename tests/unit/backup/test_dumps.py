# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling dumps from rubbish, and judging what a backup folder holds."""

from __future__ import annotations

import gzip
import json
import typing as t

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._backup.dumps import Dump, content_fault, proof_fault
from ansible_collections.vendhub.ops.plugins.module_utils._backup.judge import judge
from ansible_collections.vendhub.ops.plugins.module_utils._core.thresholds import Thresholds

NOW = 1_800_000_000.0
HOUR = 3600
SQL = b"--\n-- PostgreSQL database dump\n--\n\\restrict x\n" + b"INSERT;\n" * 500
END = b"--\n-- PostgreSQL database dump complete\n--\n"


@pytest.mark.parametrize(("name", "content", "words"), [
    ("a.dump", b"PGDMP\x01\x0e", ""),
    ("a.sql", SQL + END, ""),
    ("a.sql", SQL, "cut off"),
    ("a.sql", b"\xef\xbb\xbf\n  CREATE TABLE x ();", ""),
    ("a.sql", b"pg_dump: error: connection failed\n", "neither"),
    ("a.sql", b"<html>", "neither"),
    ("a.dump", b"--\0\0", "neither"),
    ("a.dump", bytes(5000), "neither"),
    ("a.dump.gz", gzip.compress(b"PGDMP" + bytes(100)), ""),
    ("a.sql.gz", gzip.compress(SQL), ""),
    ("a.sql.gz", gzip.compress(b"PGDMP" + bytes(10_000)), ""),
    ("a.sql.gz", gzip.compress(b""), "neither"),
    ("a.sql.gz", gzip.compress(b"no dump"), "neither"),
    ("a.sql.gz", b"\x1f\x8b\x08" + b"\xff" * 100, "does not unpack"),
    ("a.dump.gpg", b"\x85\x01\x0c", ""),
])
def test_content_is_told_by_its_beginning_and_end(name: str, content: bytes, words: str) -> None:
    fault = content_fault(name, content[:4096], content[-1024:])
    assert words in fault
    assert bool(fault) == bool(words)


PROOF: dict[str, t.Any] = {"size": 10, "sha256": "a" * 64, "verified_at": "2027-01-15T08:00:00Z", "method": "restore"}


@pytest.mark.parametrize(("text", "words"), [
    (json.dumps(PROOF), ""),
    (json.dumps({**PROOF, "size": 11}), "another size"),
    (json.dumps({**PROOF, "size": "10"}), "another size"),
    (json.dumps({**PROOF, "size": None}), "another size"),
    (json.dumps({**PROOF, "sha256": "short"}), "says too little"),
    (json.dumps([1]), "says too little"),
    ("{}", "says too little"),
    (json.dumps(PROOF)[:20], "cannot be read"),
    ("[" * 100_000, "cannot be read"),
    ("", "cannot be read"),
])
def test_a_proof_counts_only_when_it_is_about_this_file(text: str, words: str) -> None:
    fault = proof_fault(text, 10, 100, 100)
    assert words in fault
    assert bool(fault) == bool(words)
    if not words:
        assert "changed after" in proof_fault(text, 10, 100, 99)


def dump(name: str, age_hours: float, **facts: t.Any) -> Dump:
    return Dump(name, NOW - age_hours * HOUR, **{"size": 1000, "mode": 0o600, **facts})


def judged(*dumps: Dump) -> tuple[dict[str, tuple[str, str]], dict[str, t.Any]]:
    found = judge("/opt/backups", dumps, NOW, Thresholds())
    return {row.name: (str(row.state), row.message) for row in found.findings}, dict(found.metrics)


@pytest.mark.parametrize(("hours", "state"), [(25.999, "ok"), (26, "ok"), (26.001, "warning"), (50, "warning"),
                                              (50.001, "critical")])
def test_age_around_its_limits(hours: float, state: str) -> None:
    findings, metrics = judged(dump("a", hours, verified=True))
    assert findings["backup_age_hours"][0] == state
    assert metrics["backup_age_seconds"] == round(hours * HOUR)


def test_the_newest_verified_dump_counts_not_the_newest_file() -> None:
    findings, metrics = judged(dump("new", 1), dump("proved", 30, verified=True), dump("older", 60, verified=True))
    assert "verified dump is proved" in findings["backup_age_hours"][1]
    assert findings["backup_age_hours"][0] == "warning"
    assert (metrics["backup_count"], metrics["backup_verified_count"]) == (3, 2)


def test_without_any_proof_the_newest_whole_dump_is_judged_with_a_warning() -> None:
    findings, _metrics = judged(dump("bad", 1, fault="is empty"), dump("a", 3, doubt="was changed"))
    assert findings["backup_verified"] == ("warning", "1 dump, none proved to be restorable; a was changed")
    assert "none is verified" in findings["backup_age_hours"][1]
    assert findings["backup_newest"] == ("warning", "the newest file bad is no good backup: it is empty")


@pytest.mark.parametrize("dumps", [(), (dump("a", 3, fault="is empty"),), (dump("growing", 0.01),),
                                   (dump("tomorrow", -24, verified=True),)])
def test_no_usable_dump_is_critical(dumps: tuple[Dump, ...]) -> None:
    assert judged(*dumps)[0]["backup_age_hours"][0] == "critical"


def test_a_dump_from_the_future_is_told_and_does_not_count() -> None:
    findings, _metrics = judged(dump("tomorrow", -24, verified=True), dump("real", 60, verified=True))
    assert findings["backup_age_hours"][0] == "critical"
    assert "date in the future" in findings["backup_newest"][1]


def test_a_file_that_is_being_written_is_left_out() -> None:
    findings, _metrics = judged(dump("growing", 0.01, fault="is empty"), dump("a", 3, verified=True))
    assert {state for state, _words in findings.values()} == {"ok"}


@pytest.mark.parametrize(("size", "state"), [(500, "ok"), (499, "warning")])
def test_a_newest_dump_that_shrank_is_suspicious(size: int, state: str) -> None:
    assert judged(dump("new.gz", 1, size=size), dump("a.gz", 3, verified=True))[0]["backup_newest"][0] == state
    assert judged(dump("new.gz", 1, size=size), dump("a.sql", 3, verified=True))[0]["backup_newest"][0] == "ok"


@pytest.mark.parametrize(("mode", "state"), [(0o600, "ok"), (0o640, "ok"), (0o644, "warning"), (0o604, "warning")])
def test_a_dump_that_everybody_can_read_is_a_warning(mode: int, state: str) -> None:
    assert judged(dump("a", 3, mode=mode, verified=True))[0]["backup_private"][0] == state
