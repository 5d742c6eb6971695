# SPDX-License-Identifier: GPL-3.0-or-later
"""A drill proves that a dump can be restored, tells how long it takes, and leaves nothing behind."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from demo.stack.postgresql import Cluster
from tests.modules import call, finding

from .conftest import MIGRATION, PASSWORD, ROWS, Shop

ROOT = Path(__file__).resolve().parents[3]


def options(shop: Shop, **more: t.Any) -> dict[str, t.Any]:
    return {**shop.options(), "user": "postgres", "password": shop.server.password, "directory": str(shop.folder),
            **more}


def drill(shop: Shop, check_mode: bool = False, **more: t.Any) -> dict[str, t.Any]:
    result = call("postgresql_restore_drill", check_mode=check_mode, **options(shop, **more))
    assert shop.server.password not in json.dumps({key: value for key, value in result.items() if key != "invocation"})
    return result


def scratch(server: Cluster) -> list[str]:
    rows = server.execute("SELECT datname FROM pg_database WHERE datname LIKE 'vendhub_ops_drill%'")
    return [name for (name,) in rows]


def dumped(shop: Shop, *words: str) -> bytes:
    return subprocess.run([str(shop.server.binaries / "pg_dump"), "-h", shop.server.host, "-p", str(shop.server.port),
                           "-U", "vendhub", *words, shop.name], env={**os.environ, "PGPASSWORD": PASSWORD},
                          check=True, capture_output=True).stdout


def test_a_drill_restores_compares_tells_the_time_and_leaves_nothing(shop: Shop, tmp_path: Path) -> None:
    path = shop.good()["path"]
    shop.execute("INSERT INTO machines VALUES (9999, 'since the backup')")
    journal = tmp_path / "state" / "drills.jsonl"
    result = drill(shop, journal=str(journal))
    assert not result["failed"], result["msg"]
    assert (result["path"], result["rows"], result["migration_head"]) == (path, ROWS, MIGRATION)
    assert result["compared_with"] == "its manifest"
    assert 0 < result["restore_seconds"] < result["seconds"] < 60
    assert f"{path} can be restored: 6 tables, {ROWS} rows, compared with its manifest; it took " in result["msg"]
    note = json.loads(journal.read_text())
    assert (note["ok"], note["dump"], note["seconds"], note["rows"]) == (True, path, result["seconds"], ROWS)
    assert scratch(shop.server) == []
    assert shop.execute("SELECT count(*) FROM machines") == [(3001,)]


def test_check_mode_restores_nothing(shop: Shop, tmp_path: Path) -> None:
    path = shop.good()["path"]
    result = drill(shop, check_mode=True, journal=str(tmp_path / "journal"))
    assert (result["failed"], result["changed"], result["path"]) == (False, False, path)
    assert "would be restored into a scratch database, compared with its manifest, and dropped" in result["msg"]
    assert not (tmp_path / "journal").exists()


CONVENTIONS = {  # what the application's documents and scripts make
    "vendhub_prod_20260101.dump": (("--format=custom",), False),
    "vendhub_db_20260101_020000.sql.gz": (("--format=custom",), True),  # its name lies
    "backup.sql": ((), False),
}


@pytest.mark.parametrize("name", CONVENTIONS)
def test_dumps_of_the_existing_scripts_are_read_and_count_after_a_drill(shop: Shop, name: str) -> None:
    words, packed = CONVENTIONS[name]
    content = dumped(shop, *words)
    dump = shop.folder / name
    dump.write_bytes(gzip.compress(content) if packed else content)
    os.utime(dump, (time.time() - 3600,) * 2)
    assert finding(shop.check(), "backup_verified")["state"] == "warning"
    result = drill(shop)
    assert (result["failed"], result.get("rows"), result.get("compared_with")) == (False, ROWS, "the dump itself"), \
        result["msg"]
    assert finding(shop.check(), "backup_verified")["state"] == "warning", "nothing is written unless asked for"
    result = drill(shop, prove=True)
    assert result["proved"]
    assert finding(shop.check(), "backup_verified")["state"] == "ok"
    assert drill(shop)["compared_with"] == "its manifest"
    assert scratch(shop.server) == []


def test_an_encrypted_dump_is_restored_with_its_key(shop: Shop, tmp_path: Path) -> None:
    key = tmp_path / "key.txt"
    said = subprocess.run(["age-keygen", "-o", str(key)], check=True, capture_output=True, text=True).stderr
    shop.good(recipients=[said.split()[-1]])
    assert "set identity_file" in drill(shop)["msg"]
    assert drill(shop, identity_file=str(key))["rows"] == ROWS


def test_a_damaged_dump_is_told_and_noted(shop: Shop, tmp_path: Path) -> None:
    dump = Path(shop.good()["path"])
    before = dump.stat()
    content = bytearray(dump.read_bytes())
    content[len(content) // 2] ^= 0x10
    dump.write_bytes(content)
    os.utime(dump, ns=(before.st_atime_ns, before.st_mtime_ns))
    journal = tmp_path / "drills.jsonl"
    result = drill(shop, journal=str(journal))
    assert f"the drill failed, so {dump} cannot be relied on yet: {dump.name} is damaged: its check " in result["msg"]
    assert json.loads(journal.read_text())["ok"] is False
    dump.with_name(dump.name + ".verified.json").unlink()
    dump.write_bytes(bytes(content[:len(content) // 2]))
    assert "is cut off" in drill(shop)["msg"] or "damaged" in drill(shop)["msg"]
    assert scratch(shop.server) == []


def test_rows_that_are_missing_are_named(shop: Shop) -> None:
    dump = Path(shop.good()["path"])
    proof = dump.with_name(dump.name + ".verified.json")
    manifest = json.loads(proof.read_text())
    next(row for row in manifest["tables"] if row["table"] == "machines")["rows"] = 3005
    manifest["migration_head"] = "Later1"
    proof.write_text(json.dumps(manifest))
    result = drill(shop)
    assert ("what was restored is not what its manifest says: public.machines has 3000 rows instead of 3005; its "
            f"newest migration is {MIGRATION} instead of Later1") in result["msg"]
    assert scratch(shop.server) == []


def test_sql_that_connects_elsewhere_is_refused(shop: Shop) -> None:
    content = dumped(shop, "--create")
    (shop.folder / "created.sql").write_bytes(content)
    result = drill(shop)
    assert "the dump has a command of psql in it, which is not carried out: \\connect" in result["msg"]
    assert scratch(shop.server) == []


def test_a_role_that_may_not_make_databases_is_told_what_it_needs(shop: Shop) -> None:
    shop.good()
    result = drill(shop, user="vendhub", password=PASSWORD)
    assert "'vendhub' may not make databases here" in result["msg"]
    assert "ALTER ROLE <role> CREATEDB" in result["msg"]


def test_without_room_nothing_begins(shop: Shop) -> None:
    shop.good()
    result = drill(shop, reserve_bytes=2 ** 59)
    assert "are needed (the database and reserve_bytes)" in result["msg"]
    assert scratch(shop.server) == []


def test_without_a_dump_it_says_so(shop: Shop) -> None:
    (shop.folder / "empty.dump").write_bytes(b"")
    assert f"there is no usable dump in {shop.folder} (1 other file)" in drill(shop)["msg"]


def test_a_killed_drill_is_swept_by_the_next_and_a_running_one_is_not(shop: Shop) -> None:
    shop.execute("INSERT INTO machines SELECT n, repeat(md5(n::text), 20), '' FROM generate_series(10000, 60000) n")
    shop.good()
    process = started(shop)
    deadline = time.monotonic() + 60
    while not scratch(shop.server):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGSTOP)
    try:
        left = scratch(shop.server)
        assert drill(shop, check_mode=True)["leftovers"] == [], "it is at work"
    finally:
        process.kill()
        process.wait()
    deadline = time.monotonic() + 10
    while drill(shop, check_mode=True)["leftovers"] != left:  # the server notices it in a moment
        assert time.monotonic() < deadline
    result = drill(shop)
    assert not result["failed"], result["msg"]
    assert result["leftovers"] == left
    assert scratch(shop.server) == []


def started(shop: Shop) -> subprocess.Popen[bytes]:
    """A drill in a process of its own."""
    code = ("import json, sys; from tests.modules import call; "
            "call('postgresql_restore_drill', **json.loads(sys.stdin.read()))")
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, cwd=ROOT, env={
        **os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / '.collections'}"}, stdout=subprocess.DEVNULL)
    assert process.stdin
    process.stdin.write(json.dumps(options(shop)).encode())
    process.stdin.close()
    return process
