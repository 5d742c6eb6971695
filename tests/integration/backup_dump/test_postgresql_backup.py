# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup is whole, private and proved, or it is none."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import itertools
import json
import os
import re
import resource
import signal
import subprocess
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._dump import stream

from demo.stack.postgresql import Cluster
from tests.modules import finding

from .conftest import MIGRATION, PASSWORD, ROWS, Shop, made, older


def test_a_backup_is_proved_and_the_daily_check_believes_it(shop: Shop) -> None:
    result = shop.good()
    dump = Path(result["path"])
    manifest = json.loads(dump.with_name(dump.name + ".verified.json").read_text())
    assert manifest == result["manifest"]
    assert manifest["sha256"] == hashlib.sha256(dump.read_bytes()).hexdigest()
    assert (manifest["rows"], manifest["migration_head"]) == (ROWS, MIGRATION)
    counted = {key: value for key, value in manifest["tables"][0].items() if key != "estimate"}
    assert counted == {"schema": 'Odd "Schema', "table": "a.b\nc", "rows": 4}
    assert manifest["server_version"].startswith(shop.server.version)
    assert dump.stat().st_mode & 0o777 == 0o640
    assert set(shop.files()) == {dump.name, dump.name + ".verified.json"}
    verdict = shop.check()
    assert finding(verdict, "backup_verified")["state"] == "ok"
    assert finding(verdict, "backup_age_hours")["state"] == "ok"


def test_check_mode_says_the_name_and_writes_nothing(shop: Shop) -> None:
    result = shop.backup(check_mode=True)
    assert not result["failed"], result["msg"]
    assert result["changed"]
    assert f"would be backed up to {shop.folder}/" in result["msg"]
    assert list(shop.folder.iterdir()) == []


def programs(shop: Shop, folder: Path, pg_dump: str) -> str:
    """A folder of programs whose pg_dump is a script around the real one, "$REAL"."""
    folder.mkdir()
    (folder / "pg_restore").symlink_to(shop.server.binaries / "pg_restore")
    script = folder / "pg_dump"
    script.write_text("#!/bin/bash\nREAL='" + str(shop.server.binaries / "pg_dump") + "'\n"
                      '[ "$1" = --version ] && exec "$REAL" --version\n' + pg_dump)
    script.chmod(0o755)
    return str(folder)


LIES = {
    "cut": ('"$REAL" "$@" | head -c 20000', "it is cut off"),
    "cut in its table of contents": ('"$REAL" "$@" | head -c 900', "cut off"),
    "empty": (":", "it is empty"),
    "a bit flipped": ('"$REAL" "$@" > "$0.out"; printf "\\xff"'
                      ' | dd of="$0.out" bs=1 seek=15000 conv=notrunc status=none; cat "$0.out"', "damaged"),
    "no dump": ("echo all is well", "neither a PostgreSQL dump nor SQL"),
    "without a table": ('"$REAL" "$@" --exclude-table-data=machines', "public.machines is missing (3000 rows)"),
    "failed at the end": ('"$REAL" "$@"; echo "pg_dump: error: no reason" >&2; exit 1', "pg_dump failed: no reason"),
}


@pytest.mark.parametrize("lie", sorted(LIES))
def test_what_is_no_whole_dump_never_counts(shop: Shop, tmp_path: Path, lie: str) -> None:
    first = Path(shop.good()["path"])
    older(first, 3600)
    before = shop.files()
    script, words = LIES[lie]
    result = shop.backup(binary_directory=programs(shop, tmp_path / "programs", script))
    assert result["failed"]
    assert "no backup was made: " in result["msg"]
    assert words in result["msg"]
    assert f"; the last verified backup, {first.name}, 1 h old, is untouched" in result["msg"]
    assert "\n" not in result["msg"]
    assert shop.files() == before
    assert finding(shop.check(), "backup_verified")["message"] == "1 of 1 dumps are verified"


def test_a_disk_that_gives_back_something_else_is_noticed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    before = shop.good() and shop.files()
    sync = os.fsync

    def flipped(handle: int) -> None:
        if (name := os.readlink(f"/proc/self/fd/{handle}")).endswith(".dump.part"):
            with open(name, "r+b") as file:
                file.seek(14)  # a byte of the time in its head, which pg_restore does not miss
                byte = file.read(1)
                file.seek(14)
                file.write(bytes([byte[0] ^ 1]))
        sync(handle)

    monkeypatch.setattr(os, "fsync", flipped)
    result = shop.backup()
    assert result["failed"]
    assert "what the disk gives back is not what was written" in result["msg"] or "damaged" in result["msg"]
    assert shop.files() == before


def fill(shop: Shop, megabytes: int) -> None:
    shop.execute(f"SET ROLE vendhub; CREATE TABLE much AS SELECT n, gen_random_uuid()::text || gen_random_uuid() AS a, "
                 f"repeat(md5(n::text), 28) AS b FROM generate_series(1, {megabytes} * 1000) n")


def test_a_limit_for_files_is_told_and_leaves_nothing(shop: Shop) -> None:
    before = shop.good() and shop.files()
    fill(shop, 2)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limit[1]))
    try:
        result = shop.backup(compress_level=0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert f"a limit for the size of files is reached in {shop.folder} (ulimit -f); the last verified" in result["msg"]
    assert shop.files() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system")
def test_a_disk_that_becomes_full_is_told_and_the_previous_dump_stays(shop: Shop) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(shop.folder)], check=True)
    try:
        before = shop.good() and shop.files()
        fill(shop, 20)
        result = shop.backup(compress_level=0)
        assert f"no backup was made: the disk of {shop.folder} became full; the last verified backup, " in result["msg"]
        assert shop.files() == before
        result = shop.backup(reserve_bytes=10 ** 9)
        assert "are needed (the dump and reserve_bytes); free some space" in result["msg"]
        assert shop.files() == before
    finally:
        subprocess.run(["umount", str(shop.folder)], check=True)


def test_a_wrong_password_is_told_and_harms_nothing(shop: Shop) -> None:
    before = shop.good() and shop.files()
    result = shop.backup(password="canary-wrong")
    assert "no backup was made: the login of 'vendhub' was refused" in result["msg"]
    assert "the last verified backup" in result["msg"]
    assert "canary-wrong" not in result["msg"]
    assert shop.files() == before


def test_a_server_that_restarts_in_the_middle_is_told(make_postgresql: t.Callable[..., Cluster], tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    server = make_postgresql(version="16")
    process = server.process
    assert process
    server.execute(f"CREATE ROLE vendhub LOGIN PASSWORD '{PASSWORD}'")
    for shop in made(server, "vendhub_prod", tmp_path / "backups"):
        before = shop.good() and shop.files()
        fill(shop, 30)

        def slow(self: stream.File, piece: bytes, write: t.Callable[[stream.File, bytes], None] = stream.File.write,
                 pieces: t.Iterator[int] = itertools.count()) -> None:  # noqa: B008 - one count for all calls
            write(self, piece)
            if next(pieces) == 3:
                process.signal(signal.SIGQUIT)  # as a crash or an impatient operator does

        monkeypatch.setattr(stream.File, "write", slow)
        result = shop.backup(compress_level=0)
        assert "no backup was made: pg_dump failed: the server went away in the middle" in result["msg"]
        assert "the last verified backup" in result["msg"]
        assert shop.files() == before
        monkeypatch.undo()
        process.stop(signal.SIGQUIT, timeout_seconds=15)
        server.start()
        shop.good()


def test_without_rights_on_a_table_there_is_no_backup(shop: Shop) -> None:
    shop.execute("CREATE TABLE secret (id int); INSERT INTO secret VALUES (1)")
    result = shop.backup()
    assert "no backup was made: pg_dump failed: the role may not read everything" in result["msg"]
    assert "secret" in result["msg"]
    assert "; there is no verified backup" in result["msg"]
    assert shop.files() == {}


def test_a_table_that_somebody_locks_is_waited_for_only_so_long(shop: Shop) -> None:
    with contextlib.closing(shop.server.connect(shop.name)) as holder:
        holder.autocommit = False
        holder.cursor().execute("LOCK TABLE machines")
        result = shop.backup(lock_wait_seconds=0.3)
    assert "somebody holds a lock on a table for too long" in result["msg"]
    assert shop.files() == {}


def test_a_backup_that_takes_too_long_is_ended(shop: Shop, tmp_path: Path) -> None:
    script = programs(shop, tmp_path / "programs", 'sleep 100 & "$REAL" "$@"; wait')
    result = shop.backup(binary_directory=script, max_seconds=2)
    assert f"the dump of {shop.name} did not end within 2 s (max_seconds), and was ended" in result["msg"]
    assert shop.files() == {}


def test_only_one_backup_at_a_time(shop: Shop) -> None:
    with open(shop.folder / ".vendhub-ops-backup.lock", "w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        assert f"another backup into {shop.folder} is running" in shop.backup()["msg"]
    shop.good()


def test_what_a_killed_backup_left_is_swept_and_nothing_of_others(shop: Shop) -> None:
    ours = [f".{shop.name}_20260101T000000Z.dump.part", f"{shop.name}_20260101T000000Z.dump.verified.json"]
    others = [f".{shop.name}_x.dump.part", "other_20260101T000000Z.dump.verified.json",
              ".other_20260101T000000Z.dump.part", "vendhub_prod.dump", "notes.txt"]
    for name in ours + others:
        (shop.folder / name).write_text("x")
    assert sorted(shop.good(check_mode=True)["leftovers"]) == sorted(ours)
    result = shop.good()
    assert sorted(result["leftovers"]) == sorted(ours)
    assert set(others) < set(shop.files())
    assert not set(ours) & set(shop.files())


def test_old_ones_go_only_after_a_good_one_and_never_the_newest_verified(shop: Shop) -> None:
    made = []
    for days in (40, 30, 20):
        made.append(Path(shop.good()["path"]))
        older(made[-1], days * 86400)
        made[-1] = renamed(made[-1], days)
    foreign = shop.folder / "by_hand.dump"
    foreign.write_bytes(made[0].read_bytes())
    os.utime(foreign, (1, 1))
    assert shop.good(keep=5)["removed"] == []
    fifth = shop.good(keep=3, keep_days=25, check_mode=True)
    assert fifth["removed"] == [made[0].name, made[1].name]
    bad = programs(shop, shop.folder.parent / "programs", "exit 1")
    assert shop.backup(keep=1, binary_directory=bad)["failed"]
    assert all(path.exists() for path in made)
    result = shop.good(keep=3, keep_days=25)
    assert result["removed"] == [made[0].name, made[1].name]
    assert made[2].exists()
    assert foreign.exists()
    assert not made[0].with_name(made[0].name + ".verified.json").exists()


def renamed(path: Path, days: int) -> Path:
    """As it would have been called so many days ago."""
    then = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() - days * 86400))
    new = path.with_name(re.sub(r"\d{8}T\d{6}Z", then, path.name))
    path.with_name(path.name + ".verified.json").rename(new.with_name(new.name + ".verified.json"))
    return path.rename(new)


def test_a_dump_much_smaller_than_the_last_does_not_count_until_somebody_says_so(shop: Shop) -> None:
    first = Path(shop.good()["path"])
    older(first, 3600)
    shop.execute("TRUNCATE machines")
    result = shop.backup()
    assert "does not count: it has " in result["msg"]
    assert "is something gone from the database? If that is right, run it again with accept_shrink" in result["msg"]
    assert first.exists()
    for path in shop.folder.glob("*.dump"):
        older(path, 100)  # younger ones may still be written
    assert finding(shop.check(), "backup_verified")["message"] == "1 of 2 dumps are verified"
    assert shop.good(accept_shrink=True)["manifest"]["rows"] == ROWS - 3000


def test_programs_older_than_the_server_are_refused(shop: Shop) -> None:
    result = shop.backup(binary_directory="/usr/lib/postgresql/15/bin")
    assert "the server is PostgreSQL 18 and needs pg_dump and pg_restore of at least that version" in result["msg"]
    assert "/usr/lib/postgresql/15/bin has only 15." in result["msg"]


def test_a_folder_that_is_not_there_is_not_made(shop: Shop, tmp_path: Path) -> None:
    result = shop.backup(directory=str(tmp_path / "not-mounted"))
    assert f"there is no folder {tmp_path}/not-mounted; make it" in result["msg"]
    assert not (tmp_path / "not-mounted").exists()


@pytest.fixture
def key(tmp_path: Path) -> tuple[str, str]:
    """(file of the secret key, public key)"""
    path = tmp_path / "key.txt"
    said = subprocess.run(["age-keygen", "-o", str(path)], check=True, capture_output=True, text=True).stderr
    return str(path), said.split()[-1]


@pytest.mark.parametrize("known", [False, True])
def test_an_encrypted_dump_is_proved_without_and_with_its_key(shop: Shop, key: tuple[str, str], known: bool) -> None:
    more = {"identity_file": key[0]} if known else {}
    result = shop.good(recipients=[key[1]], **more)
    dump = Path(result["path"])
    assert dump.name.endswith("Z.dump.age")
    assert dump.read_bytes().startswith(b"age-encryption.org/v1\n")
    assert result["manifest"]["sha256"] == hashlib.sha256(dump.read_bytes()).hexdigest()
    assert result["manifest"]["rows"] == ROWS
    assert finding(shop.check(), "backup_verified")["state"] == "ok"
    plain = subprocess.run(["age", "-d", "-i", key[0], str(dump)], check=True, capture_output=True).stdout
    assert plain.startswith(b"PGDMP")


def test_an_encrypted_dump_that_is_cut_or_for_nobody_does_not_count(shop: Shop, key: tuple[str, str],
                                                                    tmp_path: Path) -> None:
    cut = programs(shop, tmp_path / "programs", '"$REAL" "$@" | head -c 20000')
    assert "cut off" in shop.backup(recipients=[key[1]], binary_directory=cut)["msg"]
    assert "no backup was made: age failed: " in shop.backup(recipients=["age1" + "q" * 58])["msg"]
    assert "public keys of age" in shop.backup(recipients=["--output=/tmp/x"])["msg"]
    assert shop.files() == {}


def test_copies_are_equal_proved_and_a_failed_one_is_told(shop: Shop, tmp_path: Path) -> None:
    there = tmp_path / "mount"
    there.mkdir()
    result = shop.good(copies=[str(there)])
    assert result["copies"] == [str(there / Path(result["path"]).name)]
    assert shop.files(there) == shop.files()
    failed = shop.backup(copies=[str(there), str(tmp_path / "gone")])
    assert failed["failed"]
    assert "verified, in" in failed["msg"]
    assert f"BUT A COPY FAILED: {tmp_path}/gone: there is no such folder; is it mounted?" in failed["msg"]
    assert len(failed["copies"]) == 1


@pytest.mark.parametrize(("option", "value"), [("keep", -1), ("max_seconds", 0), ("compress_level", 10),
                                               ("shrink_percent", 101), ("database", "host=x"), ("reserve_bytes", -1)])
def test_what_cannot_be_meant_is_refused(shop: Shop, option: str, value: t.Any) -> None:
    result = shop.backup(**{option: value})
    assert result["failed"]
    assert result["msg"].startswith(f"{option} must be")
