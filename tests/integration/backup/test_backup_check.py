# SPDX-License-Identifier: GPL-3.0-or-later
"""The backup check on folders of real dumps."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import time
import typing as t

import pytest

from tests.modules import call, finding

HOUR = 3600
CONTENT = b"PGDMP\x01\x0e\x00" + bytes(1000)


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    backups = tmp_path / "backups"
    backups.mkdir()
    return backups


def put(path: pathlib.Path, age_seconds: float, content: bytes = CONTENT, *, proof: bool = False) -> pathlib.Path:
    """A dump of that age, private, with or without its proof."""
    path.write_bytes(content)
    path.chmod(0o600)
    then = time.time() - age_seconds
    if proof:
        prove(path)
        os.utime(f"{path}.verified.json", (then, then))
    os.utime(path, (then, then))
    return path


def prove(path: pathlib.Path) -> None:
    content = path.read_bytes()
    pathlib.Path(f"{path}.verified.json").write_text(json.dumps({
        "size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "verified_at": "2026-01-01T00:00:00Z",
        "method": "pg_restore"}))


@pytest.fixture(scope="module")
def dumped(postgresql: t.Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """One small database as pg_dump writes it, in each format."""
    postgresql.execute("CREATE DATABASE backup_check")
    target = tmp_path_factory.mktemp("dumped")
    found = {}
    for kind, flag in (("custom", "c"), ("plain", "p")):
        subprocess.run([postgresql.binaries / "pg_dump", "-h", postgresql.host, "-p", str(postgresql.port), "-U",
                        postgresql.superuser, "-w", "-F", flag, "-f", target / kind, "backup_check"], check=True,
                       env={**os.environ, "PGPASSWORD": postgresql.password}, timeout=60)
        found[kind] = (target / kind).read_bytes()
    return found


def test_real_dumps_of_each_format_are_whole_and_verified_ones_are_ok(folder: pathlib.Path, dumped: dict[str, bytes]) \
        -> None:
    put(folder / "a.dump", 4 * HOUR, dumped["custom"], proof=True)
    put(folder / "b.sql", 3 * HOUR, dumped["plain"])
    put(folder / "c.sql.gz", 2 * HOUR, gzip.compress(dumped["plain"]))
    put(folder / "d.dump.gz", 1 * HOUR, gzip.compress(dumped["custom"]))
    result = call("backup_check", directory=str(folder))
    assert (result["check"], result["target"], result["state"]) == ("backups", str(folder), "ok"), result
    assert (result["metrics"]["backup_count"], result["metrics"]["backup_verified_count"]) == (4, 1)
    assert result["metrics"]["backup_newest_bytes"] == len(dumped["custom"])
    assert "verified dump is a.dump, 4" in finding(result, "backup_age_hours")["message"]


@pytest.mark.parametrize(("age", "state"), [
    (26 * HOUR - 30, "ok"), (26 * HOUR + 30, "warning"), (50 * HOUR - 30, "warning"), (50 * HOUR + 30, "critical")])
def test_age_around_its_limits(folder: pathlib.Path, age: float, state: str) -> None:
    put(folder / "a.dump", age, proof=True)
    result = call("backup_check", directory=str(folder))
    assert finding(result, "backup_age_hours")["state"] == result["state"] == state


@pytest.mark.parametrize("kind", ["changed", "touched", "damaged proof"])
def test_a_dump_that_differs_from_its_proof_is_not_verified(folder: pathlib.Path, kind: str) -> None:
    path = put(folder / "a.dump", 3 * HOUR, proof=True)
    proof = pathlib.Path(f"{path}.verified.json")
    if kind == "changed":
        put(path, 3 * HOUR, CONTENT + b"x")
    elif kind == "touched":
        put(path, 2 * HOUR)
    else:
        proof.write_text(proof.read_text()[:30])
    result = call("backup_check", directory=str(folder))
    assert finding(result, "backup_verified")["state"] == "warning"
    assert finding(result, "backup_newest")["state"] == "warning"
    assert result["metrics"]["backup_verified_count"] == 0


@pytest.mark.parametrize(("content", "words"), [
    (b"", "is empty"), (b"PGDMP", "has only 5 bytes"), (b"pg_dump: error" * 99, "neither a PostgreSQL dump nor SQL")])
def test_a_newest_file_that_is_no_dump_is_a_warning_and_the_older_one_counts(folder: pathlib.Path, content: bytes,
                                                                             words: str) -> None:
    put(folder / "good.dump", 20 * HOUR, proof=True)
    put(folder / "new.dump", HOUR, content)
    result = call("backup_check", directory=str(folder))
    assert (result["state"], words in finding(result, "backup_newest")["message"]) == ("warning", True)
    assert finding(result, "backup_age_hours")["state"] == "ok"


def test_a_plain_dump_that_was_cut_is_told(folder: pathlib.Path, dumped: dict[str, bytes]) -> None:
    put(folder / "a.sql", HOUR, dumped["plain"][:-200])
    result = call("backup_check", directory=str(folder))
    assert "is cut off" in finding(result, "backup_newest")["message"]
    assert finding(result, "backup_age_hours")["state"] == "critical"


def test_links_hidden_files_folders_pipes_and_growing_files_are_left_out(folder: pathlib.Path) -> None:
    good = put(folder / "good.dump", 3 * HOUR, proof=True)
    put(folder / ".hidden.dump", HOUR, b"")
    put(folder / "growing.dump", 1, b"")
    put(folder / "notes.txt", HOUR, b"")
    (folder / "latest.dump").symlink_to(good)
    (folder / "folder.dump").mkdir()
    os.mkfifo(folder / "pipe.dump")
    result = call("backup_check", directory=str(folder))
    assert (result["state"], result["metrics"]["backup_count"]) == ("ok", 1)


def test_a_dump_that_everybody_can_read_is_a_warning(folder: pathlib.Path) -> None:
    put(folder / "a.dump", HOUR, proof=True).chmod(0o644)
    private = finding(call("backup_check", directory=str(folder)), "backup_private")
    assert (private["state"], private["details"]) == ("warning", [{"name": "a.dump", "mode": "0644"}])


def test_patterns_and_size_are_the_users_choice(folder: pathlib.Path) -> None:
    put(folder / "vendhub_db_1.backup", HOUR)
    assert finding(call("backup_check", directory=str(folder)), "backup_age_hours")["state"] == "critical"
    options: dict[str, t.Any] = {"directory": str(folder), "patterns": ["vendhub_db_*"]}
    assert finding(call("backup_check", **options), "backup_age_hours")["state"] == "ok"
    large = finding(call("backup_check", **options, min_bytes=len(CONTENT) + 1), "backup_newest")
    assert f"has only {len(CONTENT)} bytes" in large["message"]
    assert finding(call("backup_check", **options, min_bytes=len(CONTENT)), "backup_age_hours")["state"] == "ok"


def test_an_empty_and_a_missing_folder_are_critical(folder: pathlib.Path) -> None:
    assert finding(call("backup_check", directory=str(folder)), "backup_age_hours")["state"] == "critical"
    missing = finding(call("backup_check", directory=str(folder / "none")), "backups_reachable")
    assert (missing["state"], "there is no folder" in missing["message"]) == ("critical", True)


AS_NOBODY = """
import json, os, sys
sys.path[:0] = sys.argv[2:]
from tests.modules import call
call("backup_check", directory=sys.argv[1])
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
print(json.dumps(call("backup_check", directory=sys.argv[1])))
"""


def test_a_folder_that_must_not_be_read_fails_the_task_with_the_reason(folder: pathlib.Path) -> None:
    put(folder / "a.dump", HOUR)
    folder.chmod(0)
    root = pathlib.Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", AS_NOBODY, str(folder), str(root / ".collections"), str(root)],
                          capture_output=True, text=True, check=True, timeout=60)
    folder.chmod(0o700)
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["failed"]
    assert "cannot be read: Permission denied; run the check as a user who may" in result["msg"]


def test_a_thousand_dumps_are_looked_at_in_time(folder: pathlib.Path) -> None:
    for number in range(1200):
        put(folder / f"{number}.dump", HOUR * (number + 1), proof=not number % 2)
    started = time.monotonic()
    result = call("backup_check", directory=str(folder))
    assert result["state"] == "ok"
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(("options", "words"), [
    ({"min_bytes": -1}, "min_bytes must not be negative"), ({"timeout_seconds": 0}, "timeout_seconds must be between"),
    ({"patterns": []}, "patterns must name")])
def test_bad_options_are_one_sentence(folder: pathlib.Path, options: dict[str, t.Any], words: str) -> None:
    result = call("backup_check", directory=str(folder), **options)
    assert (result["failed"], words in result["msg"]) == (True, True)
