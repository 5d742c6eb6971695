# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore never touches the live database: it is made beside, proved, and then swapped on an explicit word."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import typing as t
from pathlib import Path

import psycopg2
import pytest

from demo.stack.postgresql import Cluster
from demo.stack.privileges import give
from tests.modules import call

from .conftest import MIGRATION, PASSWORD, ROWS, Shop

ROOT = Path(__file__).resolve().parents[3]


def options(shop: Shop, **more: t.Any) -> dict[str, t.Any]:
    return {**shop.options(), "user": "postgres", "password": shop.server.password, "directory": str(shop.folder),
            **more}


def restore(shop: Shop, check_mode: bool = False, **more: t.Any) -> dict[str, t.Any]:
    result = call("postgresql_restore", check_mode=check_mode, **options(shop, **more))
    assert shop.server.password not in json.dumps({key: value for key, value in result.items() if key != "invocation"})
    return result


def good(shop: Shop, **more: t.Any) -> dict[str, t.Any]:
    result = restore(shop, **more)
    assert not result["failed"], result["msg"]
    return result


def around(shop: Shop) -> set[str]:
    """The databases whose names begin with that of the live one."""
    rows = shop.server.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", (shop.name,))
    return {name for (name,) in rows}


@pytest.fixture(autouse=True)
def tidy(shop: Shop) -> t.Iterator[None]:
    yield
    for name in around(shop):
        shop.server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def machines(shop: Shop, database: str = "") -> int:
    found: int = shop.server.execute("SELECT count(*) FROM machines", database=database or shop.name)[0][0]
    return found


def test_beside_is_whole_owned_and_granted_like_the_live_one_which_is_untouched(shop: Shop) -> None:
    shop.server.execute(f"ALTER DATABASE {shop.name} SET search_path = public, \"Odd \"\"Schema\"; "
                        f"ALTER DATABASE {shop.name} SET work_mem = '5MB'; ALTER DATABASE {shop.name} "
                        f"CONNECTION LIMIT 31; REVOKE ALL ON DATABASE {shop.name} FROM PUBLIC; "
                        f"ALTER ROLE vendhub IN DATABASE {shop.name} SET statement_timeout = '7s'")
    path = shop.good()["path"]
    shop.execute("DELETE FROM machines WHERE id > 100")
    result = good(shop)
    beside = result["beside"]
    assert (result["rows"], result["migration_head"], result["path"]) == (ROWS, MIGRATION, path)
    assert f"{shop.name} is untouched" in result["msg"]
    assert (machines(shop), machines(shop, beside)) == (100, 3000)
    about = ("SELECT pg_get_userbyid(datdba), datconnlimit, datacl::text, datcollate, pg_encoding_to_char(encoding), "
             "(SELECT array_agg(setconfig::text || setrole ORDER BY setrole) FROM pg_db_role_setting "
             "WHERE setdatabase = d.oid) FROM pg_database d WHERE datname = %s")
    assert shop.server.execute(about, (beside,)) == shop.server.execute(about, (shop.name,))
    assert shop.server.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'machines'", database=beside) == [
        ("vendhub",)]
    analyzed = "SELECT reltuples FROM pg_class WHERE relname = 'machines'"
    assert shop.server.execute(analyzed, database=beside) == [(3000,)]


def test_check_mode_restores_and_swaps_nothing(shop: Shop) -> None:
    shop.good()
    plan = good(shop, check_mode=True)
    assert f"beside {shop.name}, and compared; nobody would notice" in plan["msg"]
    assert around(shop) == {shop.name}
    beside = good(shop)["beside"]
    plan = good(shop, check_mode=True, state="swapped", beside=beside, replace=shop.name)
    assert f"{beside} would take the place of {shop.name}; what was there stays as {shop.name}_before_" in plan["msg"]
    plan = good(shop, check_mode=True, state="absent", beside=beside)
    assert f"{beside} would be dropped" in plan["msg"]
    assert around(shop) == {shop.name, beside}


def test_a_swap_and_the_way_back(shop: Shop) -> None:
    shop.good()
    shop.server.execute(f"COMMENT ON DATABASE {shop.name} IS 'the shop'")
    shop.execute("DELETE FROM machines WHERE id > 100")
    beside = good(shop)["beside"]
    result = good(shop, state="swapped", beside=beside, replace=shop.name)
    previous = result["previous"]
    assert f"what was there stays as {previous}, and a swap with beside={previous} brings it back" in result["msg"]
    assert (machines(shop), machines(shop, previous)) == (3000, 100)
    assert around(shop) == {shop.name, previous}
    comment = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
    assert shop.server.execute(comment, (shop.name,)) == [("the shop",)]
    again = restore(shop, state="swapped", beside=beside, replace=shop.name)
    assert f"there is no database {beside}; was it swapped already?" in again["msg"]
    back = good(shop, state="swapped", beside=previous, replace=shop.name)
    assert (machines(shop), machines(shop, back["previous"])) == (100, 3000)
    assert good(shop, state="absent", beside=back["previous"])["changed"]
    assert not good(shop, state="absent", beside=back["previous"])["changed"]
    assert around(shop) == {shop.name}


def test_clients_lose_one_connection_and_no_row_and_the_step_is_short(shop: Shop) -> None:
    shop.good()
    beside = good(shop)["beside"]
    stop, waits, faults = threading.Event(), [0.0], []

    def client() -> None:
        link = None
        while not stop.wait(0.005):
            began = time.monotonic()
            try:
                link = link or shop.server.connect(shop.name, user="vendhub", password=PASSWORD)
                link.cursor().execute("SELECT count(*) FROM machines")
            except psycopg2.Error as exc:
                faults.append(str(exc))
                link = None
            waits.append(time.monotonic() - began)

    threads = [threading.Thread(target=client, daemon=True) for dummy in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    result = good(shop, state="swapped", beside=beside, replace=shop.name)
    time.sleep(0.5)
    stop.set()
    for thread in threads:
        thread.join(10)
    assert result["ended"] == 4
    assert result["seconds"] < 2
    assert 4 <= len(faults) <= 8, faults
    assert max(waits) < 3


@pytest.mark.parametrize("replace", [None, "", "yes", "vendhub_prod"])
def test_a_swap_is_refused_without_the_word(shop: Shop, replace: str | None) -> None:
    shop.good()
    beside = good(shop)["beside"]
    result = restore(shop, state="swapped", beside=beside, replace=replace)
    assert f"replace must be '{shop.name}', the name of the database that is to be replaced" in result["msg"]
    assert around(shop) == {shop.name, beside}


def test_a_swap_is_refused_without_a_fresh_backup_of_the_same_database(shop: Shop, tmp_path: Path) -> None:
    path = shop.good()["path"]
    beside = good(shop, path=path)["beside"]
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    swap = {"state": "swapped", "beside": beside, "replace": shop.name}
    assert f"nothing was changed: there is no verified backup of {shop.name}; make one" in restore(
        shop, **swap, directory=str(nothing))["msg"]
    time.sleep(0.01)
    assert "must not be older than 1 ms (fresh_seconds)" in restore(shop, **swap, fresh_seconds=0.001)["msg"]
    assert around(shop) == {shop.name, beside}
    assert good(shop, **swap, directory=str(nothing), without_backup=True)["changed"]


def test_a_database_that_this_module_did_not_prove_is_neither_swapped_nor_dropped(shop: Shop) -> None:
    shop.good()
    other = f"{shop.name}_other"
    shop.server.execute(f"CREATE DATABASE {other}")
    for state in ("swapped", "absent"):
        assert "its comment does not say so" in restore(shop, state=state, beside=other, replace=shop.name)["msg"]
    shop.server.execute(f"COMMENT ON DATABASE {other} IS 'vendhub-ops: being restored'")
    assert "its comment does not say so" in restore(shop, state="swapped", beside=other, replace=shop.name)["msg"]
    assert around(shop) == {shop.name, other}
    assert good(shop, state="absent", beside=other)["changed"]


def test_a_live_database_that_was_lost_comes_back(shop: Shop) -> None:
    shop.good()
    shop.server.execute(f"DROP DATABASE {shop.name} WITH (FORCE)")
    beside = good(shop, owner="vendhub")["beside"]
    result = good(shop, state="swapped", beside=beside, replace=shop.name)
    assert result["previous"] == ""
    assert machines(shop) == 3000


def test_a_damaged_dump_leaves_nothing_beside(shop: Shop) -> None:
    dump = Path(shop.good()["path"])
    dump.with_name(dump.name + ".verified.json").unlink()
    content = dump.read_bytes()
    flipped = len(content) * 3 // 4  # in a table's data: in the table of contents it may be a letter of a name
    for damaged in (content[:len(content) // 2],
                    content[:flipped] + bytes([content[flipped] ^ 255]) + content[flipped + 1:]):
        dump.write_bytes(damaged)
        result = restore(shop, path=str(dump))
        assert f"nothing was restored, and {shop.name} is untouched" in result["msg"]
        assert "damaged" in result["msg"] or "cut off" in result["msg"]
        assert around(shop) == {shop.name}
    assert "there is no verified dump in" in restore(shop)["msg"]


def test_a_prepared_transaction_is_named_before_anybody_is_ended(make_postgresql: t.Callable[..., Cluster],
                                                                 shop: Shop) -> None:
    server = make_postgresql(version="16", settings={"max_prepared_transactions": 2})
    server.execute(f"CREATE ROLE vendhub LOGIN PASSWORD '{PASSWORD}'")
    server.execute("CREATE DATABASE prepared OWNER vendhub")
    server.execute("SET ROLE vendhub; CREATE SCHEMA shop; CREATE TABLE shop.machines AS SELECT 1 AS id",
                   database="prepared")
    other = Shop(server, "prepared", shop.folder)
    other.good()
    beside = good(other)["beside"]
    with contextlib.closing(server.connect("prepared")) as guest:
        guest.cursor().execute("BEGIN; INSERT INTO shop.machines VALUES (2); PREPARE TRANSACTION 'forgotten'")
        result = restore(other, state="swapped", beside=beside, replace="prepared")
        assert "nothing was changed: a prepared transaction holds a database for ever" in result["msg"]
        guest.cursor().execute("SELECT 1")


def test_a_full_disk_ends_the_restore_and_nothing_else(make_postgresql: t.Callable[..., Cluster], short_folder: Path,
                                                       tmp_path: Path) -> None:
    """The live database lies in a tablespace of a small disk, and so would the new one."""
    server = make_postgresql()
    space = short_folder / "space"
    space.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(space)], check=True)
    try:
        short_folder.chmod(0o755)
        give(space)
        server.execute(f"CREATE ROLE vendhub LOGIN PASSWORD '{PASSWORD}'")
        server.execute(f"CREATE TABLESPACE small LOCATION '{space}'")
        server.execute("CREATE DATABASE shop OWNER vendhub TABLESPACE small")
        (tmp_path / "dumps").mkdir()
        shop = Shop(server, "shop", tmp_path / "dumps")
        shop.execute("CREATE SCHEMA shop AUTHORIZATION vendhub; SET ROLE vendhub; CREATE TABLE shop.machines AS "
                     "SELECT n AS id, repeat('x', 1000) AS name FROM generate_series(1, 30000) n")
        server.execute("CHECKPOINT")  # a new database is full of holes until then
        shop.good(compress_level=0)
        refused = restore(shop)["msg"]
        assert f"{space} has " in refused
        assert "are needed (the database and reserve_bytes)" in refused
        forget_size(shop)
        full = restore(shop)["msg"]
        assert "nothing was restored, and shop is untouched: pg_restore failed: the disk is full" in full
        assert around(shop) == {"shop"}, full
        ended = restore(shop, reserve_bytes=20_000_000)["msg"]
        assert f"shop is untouched: it was ended before {space} became full: less than 9.5 MiB are free" in ended
        assert around(shop) == {"shop"}, ended
        assert shop.execute("SELECT count(*) FROM shop.machines") == [(30000,)]
        assert good(shop, tablespace="pg_default")["rows"] == 30000
    finally:
        server.stop()
        subprocess.run(["umount", str(space)], check=True)


def forget_size(shop: Shop) -> None:
    """Leave the manifest as one that does not know how large the database is."""
    (path,) = shop.folder.glob("*.verified.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "database_bytes": 0}))


def test_a_restore_killed_in_the_middle_is_swept_by_the_next(shop: Shop) -> None:
    shop.execute("INSERT INTO machines SELECT n, repeat(md5(n::text), 20), '' FROM generate_series(10000, 60000) n")
    shop.good()
    code = ("import json, sys; from tests.modules import call; "
            "call('postgresql_restore', **json.loads(sys.stdin.read()))")
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, cwd=ROOT, env={
        **os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / '.collections'}"}, stdout=subprocess.DEVNULL)
    assert process.stdin
    process.stdin.write(json.dumps(options(shop)).encode())
    process.stdin.close()
    deadline = time.monotonic() + 60
    begun = ("SELECT datname FROM pg_database WHERE shobj_description(oid, 'pg_database') = "
             "'vendhub-ops: being restored'")
    while not shop.server.execute(begun):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (left,) = around(shop) - {shop.name}
    assert machines(shop) == 53001
    assert "its comment does not say so" in restore(shop, state="swapped", beside=left, replace=shop.name)["msg"]
    result = good(shop)
    assert result["leftovers"] == [left]
    assert around(shop) == {shop.name, result["beside"]}


@pytest.mark.parametrize(("more", "words"), [
    ({"state": "swapped"}, "beside must name"), ({"beside": "postgres"}, "beside must be another database"),
    ({"beside": "host=evil"}, "beside must be the name of a database"), ({"swap_seconds": 0}, "swap_seconds must be"),
    ({"maintenance_database": ""}, "maintenance_database must not be empty")])
def test_what_cannot_be_meant_is_refused(shop: Shop, more: dict[str, t.Any], words: str) -> None:
    assert restore(shop, **more)["msg"].startswith(words)
