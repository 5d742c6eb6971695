# SPDX-License-Identifier: GPL-3.0-or-later
"""postgresql_maintenance builds indexes anew: what it does, whom it lets by, and what it leaves when it is killed."""

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
from tests.modules import call

from .conftest import DATABASE, HASTY, NAMES, PASSWORD, SETTINGS, TABLE, Site, prepared, thread, until

ROOT = Path(__file__).resolve().parents[3]
MakeCluster = t.Callable[..., Cluster]


def rows(result: t.Mapping[str, t.Any], state: str) -> dict[str, str]:
    return {row["object"]: row["note"] for row in result["done"] if row["state"] == state}


# the plan, and that the same is done


def test_bloated_indexes_are_planned_built_anew_and_left_alone_then(make_postgresql: MakeCluster, tmp_path: Path,
                                                                    version: str) -> None:
    one = prepared(make_postgresql(version=version, settings=SETTINGS), tmp_path)
    one.sql(f"VACUUM ANALYZE {TABLE}")
    before = one.definitions()
    plan = one.module("reindex", check_mode=True)
    assert plan["plan"][0]["object"] == NAMES
    assert {row["object"] for row in plan["plan"]} == {NAMES, 'public."MachineTasks_pkey"', "public.ix_status"}
    assert (plan["changed"], plan["done"], one.state.exists()) == (True, [], False)
    done = one.module("reindex")
    assert not done["failed"], done["msg"]
    assert [row["object"] for row in done["done"]] == [row["object"] for row in plan["plan"]]
    assert all(row["bytes_after"] < row["bytes_before"] / 4 for row in done["done"]), done["done"]
    assert (one.definitions(), one.invalid(), done["changed"], done["complete"]) == (before, [], True, True)
    assert "3 indexes built anew in" in done["msg"]
    assert [path.name for path in one.state.iterdir()] == ["postgresql_maintenance.jsonl"]
    again = one.module("reindex")
    assert (again["changed"], again["plan"], again["done"]) == (False, [], [])
    assert again["msg"].endswith("nothing needed maintenance")


def test_bloat_is_measured_where_pgstattuple_is_there_and_close_to_that_otherwise(
        make_postgresql: MakeCluster, tmp_path: Path) -> None:
    one = prepared(make_postgresql(version="15", settings=SETTINGS), tmp_path)
    one.sql(f"VACUUM ANALYZE {TABLE}")
    estimated = {row["index"]: row for row in one.info()["bloat"]}
    one.sql("CREATE SCHEMA ext; CREATE EXTENSION pgstattuple SCHEMA ext")
    found = one.info()
    assert found["bloat_by"].startswith("pgstattuple (3 measured)")
    measured = {row["index"]: row for row in found["bloat"]}
    assert set(estimated) == set(measured)
    for name, row in measured.items():
        assert (row["method"], estimated[name]["method"]) == ("measured", "estimated")
        assert abs(row["wasted_percent"] - estimated[name]["wasted_percent"]) < 5, (row, estimated[name])
    without = one.info(measure_seconds=0)
    assert without["bloat_by"] == "the catalog's statistics"
    one.sql("CREATE ROLE looker LOGIN PASSWORD 'x' IN ROLE pg_monitor, pg_read_all_data; "
            "REVOKE pg_stat_scan_tables FROM pg_monitor")
    denied = one.info(user="looker", password="x")
    one.sql("GRANT pg_stat_scan_tables TO pg_monitor")
    assert denied["bloat_by"] == "the catalog's statistics"
    assert "GRANT pg_stat_scan_tables" in " ".join(denied["notes"])


def test_what_is_named_is_built_anew_however_full_and_what_is_excluded_never(bloated: Site) -> None:
    done = bloated.module("reindex", exclude=["public.IX_*", "public.MachineTasks_pkey"])
    assert list(rows(done, "done")) == ["public.ix_status"]
    done = bloated.module("reindex", reindex_always=["public.ix_*"], exclude=["public.IX_*", "*_pkey*"])
    assert list(rows(done, "done")) == ["public.ix_status"]


def test_an_ordinary_owner_can_do_it_and_somebody_else_is_told(bloated: Site) -> None:
    denied = bloated.module("reindex", user="vendhub", password=PASSWORD)
    assert not denied["changed"]
    assert denied["plan"] == []  # may not read the statistics of others' columns
    bloated.sql(f"GRANT SELECT ON {TABLE} TO vendhub")
    denied = bloated.module("reindex", user="vendhub", password=PASSWORD)
    assert set(rows(denied, "skipped").values()) == {"not ours to reindex: log in as its owner or a superuser"}
    assert not denied["complete"]
    bloated.sql(f"ALTER TABLE {TABLE} OWNER TO vendhub")
    done = bloated.module("reindex", user="vendhub", password=PASSWORD)
    assert len(rows(done, "done")) == 3, done["msg"]


# nobody waits for it


def test_a_migration_that_waits_for_it_is_let_by_and_no_insert_waits(bloated: Site) -> None:
    evidence: list[tuple[t.Any, ...]] = []
    waited: list[float] = []
    stop = threading.Event()

    def write() -> None:
        with bloated.transaction() as connection, connection.cursor() as cursor:
            connection.autocommit = True
            while not stop.wait(0.02):
                began = time.monotonic()
                cursor.execute(f"INSERT INTO {TABLE} (name) VALUES ('x')")
                waited.append(time.monotonic() - began)

    def look() -> None:
        with bloated.transaction() as connection, connection.cursor() as cursor:
            connection.autocommit = True
            while not stop.wait(0.02):
                cursor.execute("""SELECT a.query, b.query FROM pg_stat_activity a, unnest(pg_blocking_pids(a.pid)) p
                                  JOIN pg_stat_activity b ON b.pid = p WHERE a.query LIKE 'INSERT%'
                                  AND b.query LIKE 'REINDEX%'""")
                evidence.extend(cursor.fetchall())

    def migrate() -> None:
        until(bloated.at_work)
        with contextlib.closing(bloated.session()) as connection, connection.cursor() as cursor:
            cursor.execute(f'ALTER TABLE {TABLE} ADD COLUMN IF NOT EXISTS "newColumn" int')

    # an open transaction keeps the first reindexing from ending; it is younger than what would keep it from beginning
    with thread(write), thread(look), bloated.transaction("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
                                                          "SELECT 1") as holder, thread(migrate):
        timer = threading.Timer(2, holder.rollback)
        timer.start()
        done = bloated.module("reindex", lock_timeout_seconds=20, retries=3)
        stop.set()
    assert not done["failed"], done["msg"]
    assert done["complete"], done["done"]
    assert max(row["attempts"] for row in done["done"]) > 1
    assert evidence == []
    assert bloated.invalid() == []
    assert bloated.sql("SELECT count(*) FROM information_schema.columns WHERE column_name = 'newColumn'") == [(1,)]
    assert len(waited) > 20
    assert max(waited) < 1.5, max(waited)  # the migration itself waits that long at most


def test_a_long_transaction_is_waited_for_in_vain_and_nothing_is_begun(bloated: Site) -> None:
    with bloated.transaction("SELECT pg_current_xact_id()", application_name="forgotten"):
        time.sleep(0.3)
        done = bloated.module("reindex", long_transaction_seconds=0.2, retries=0)
    assert (done["changed"], done["complete"], done["failed"]) == (False, False, False)
    assert set(rows(done, "skipped")) == {NAMES, 'public."MachineTasks_pkey"', "public.ix_status"}
    assert "it would wait for forgotten (pid" in rows(done, "skipped")[NAMES]
    assert not list(bloated.state.glob("*.json"))


def test_a_lock_that_is_not_free_ends_the_try_and_leaves_nothing(bloated: Site) -> None:
    with bloated.transaction(f"INSERT INTO {TABLE} (name) VALUES ('open')"):
        done = bloated.module("reindex", lock_timeout_seconds=0.2, retries=1, exclude=["*_pkey*", "*.ix_status"])
    left = 'public."IX_tasks_name_ccnew"'
    assert rows(done, "skipped") == {NAMES: f"what is left of reindexing {NAMES} must go first",
                                     left: "somebody was in the way; the next run removes it"}
    assert [row["attempts"] for row in done["done"] if row["what"] == "reindex"] == [2]
    assert bloated.invalid() == ['"IX_tasks_name_ccnew"']  # one, however often it was tried
    done = bloated.module("reindex")
    assert "1 leftover removed" in done["msg"]
    assert (bloated.invalid(), noted(bloated)) == ([], {})


def test_a_dump_keeps_it_from_beginning(bloated: Site) -> None:
    with bloated.transaction("SELECT 1", application_name="pg_dump"):
        done = bloated.module("reindex", retries=0)
    assert set(rows(done, "skipped").values()) == {"a dump or restore runs in this database"}


def test_when_the_time_is_over_it_stops_cleans_up_and_says_what_is_left(bloated: Site) -> None:
    with bloated.transaction(f"INSERT INTO {TABLE} (name) VALUES ('open')") as holder:
        began = time.monotonic()
        done = bloated.module("reindex", time_budget_seconds=1, lock_timeout_seconds=30)
        seconds = time.monotonic() - began
        holder.rollback()
    assert rows(done, "skipped")[NAMES] == "the time was over while waiting for writers before build"
    assert (done["complete"], len(rows(done, "skipped"))) == (False, 4)
    assert seconds < 25
    assert noted(bloated)["object"] == NAMES  # the writer was in the way of the removal too
    assert bloated.module("reindex")["complete"]
    assert (bloated.invalid(), noted(bloated)) == ([], {})


def test_a_second_maintenance_is_refused(bloated: Site) -> None:
    with bloated.transaction("SELECT pg_advisory_lock(1986359923, 22)"):
        done = bloated.module("reindex")
    assert done["failed"]
    assert "another maintenance works in this database (pid" in done["msg"]


# broken off


def start(one: Site, **options: t.Any) -> subprocess.Popen[str]:
    """The module in a process of its own, as on a host."""
    code = ("import json, sys\nfrom tests.modules import call\n"
            "print(json.dumps(call('postgresql_maintenance', **json.loads(sys.stdin.read()))))")
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True, env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / '.collections'}"})
    assert process.stdin
    process.stdin.write(json.dumps({**one.options, **HASTY, "work": "reindex", "lock_timeout_seconds": 60, **options}))
    process.stdin.close()
    process.stdin = None
    return process


def noted(one: Site) -> dict[str, t.Any]:
    """What the journal says was begun."""
    found = list(one.state.glob("postgresql_reindex_*.json"))
    return dict(json.loads(found[0].read_text())) if found else {}


def foreign_leftover(one: Site) -> None:
    """Somebody else's REINDEX CONCURRENTLY, broken off, of the very index that ours was at."""
    with one.transaction(f"INSERT INTO {TABLE} (name) VALUES ('open')"), \
            contextlib.closing(one.session()) as connection, connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '300ms'")
        with pytest.raises(psycopg2.errors.LockNotAvailable):
            cursor.execute(f"REINDEX INDEX CONCURRENTLY {NAMES}")


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_the_next_run_removes_its_own_leftover_and_only_that(make_postgresql: MakeCluster, tmp_path: Path,
                                                                    version: str, when: str) -> None:
    one = prepared(make_postgresql(version=version, settings=SETTINGS), tmp_path)
    one.sql(f"VACUUM ANALYZE {TABLE}")
    before = one.definitions()
    if when == "before":
        foreign_leftover(one)
    foreign = one.invalid()
    with one.transaction(f"INSERT INTO {TABLE} (name) VALUES ('open')"):
        process = start(one)
        until(lambda: noted(one).get("created"))
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        until(lambda: one.at_work() is None)  # the server notices by itself, although the lock is not free yet
    ours = [name for name in one.invalid() if name not in foreign]
    assert len(ours) == 1
    assert "_ccnew" in ours[0]
    if when == "after":
        foreign_leftover(one)
        foreign = [name for name in one.invalid() if name not in ours]
    assert len(foreign) == 1
    told = one.info()
    assert told["leftovers"] == [f"public.{ours[0]}"]
    assert {row["index"]: row["statement"] for row in told["advice"] if row["kind"] == "invalid"} == {
        f"public.{ours[0]}": "", f"public.{foreign[0]}": f"DROP INDEX CONCURRENTLY public.{foreign[0]}"}
    plan = one.module("reindex", check_mode=True)
    assert plan["plan"][0]["statement"] == f"DROP INDEX CONCURRENTLY IF EXISTS public.{ours[0]}"
    assert set(one.invalid()) == {*ours, *foreign}
    done = one.module("reindex")
    assert not done["failed"], done["msg"]
    assert one.invalid() == foreign
    assert "1 leftover removed" in done["msg"]
    one.sql(f"DROP INDEX public.{foreign[0]}")
    assert one.definitions() == before
    assert noted(one) == {}


def test_ended_by_an_administrator_it_stops_and_the_next_run_cleans_up(make_postgresql: MakeCluster, tmp_path: Path,
                                                                       version: str) -> None:
    one = prepared(make_postgresql(version=version, settings=SETTINGS), tmp_path)
    one.sql(f"VACUUM ANALYZE {TABLE}")
    with one.transaction(f"INSERT INTO {TABLE} (name) VALUES ('open')"):
        process = start(one)
        until(lambda: noted(one).get("created"))
        one.sql("SELECT pg_terminate_backend(%s)", [one.at_work()])
        said, dummy = process.communicate(timeout=30)
    result = json.loads(said)
    assert result["failed"]
    assert "the session was ended by an administrator or by a shutdown" in result["msg"]
    assert one.invalid() == ['"IX_tasks_name_ccnew"']
    done = one.module("reindex")
    assert not done["failed"], done["msg"]
    assert (one.invalid(), noted(one), done["complete"]) == ([], {}, True)


def test_cancelled_by_a_person_it_cleans_up_and_does_not_go_on(bloated: Site) -> None:
    with bloated.transaction(f"INSERT INTO {TABLE} (name) VALUES ('open')") as holder:
        process = start(bloated)
        until(lambda: noted(bloated).get("created"))
        bloated.sql("SELECT pg_cancel_backend(%s)", [bloated.at_work()])
        until(lambda: bloated.at_work() is None)
        holder.rollback()
        said, dummy = process.communicate(timeout=30)
    result = json.loads(said)
    assert rows(result, "skipped") == {NAMES: "somebody cancelled it",
                                       'public."MachineTasks_pkey"': "somebody cancelled the maintenance",
                                       "public.ix_status": "somebody cancelled the maintenance"}
    assert (bloated.invalid(), noted(bloated)) == ([], {})


def test_an_old_copy_that_could_not_go_goes_with_the_next_run(bloated: Site) -> None:
    """The new index is in use already; a reader of the old one, who began late, keeps that from going."""
    readers: list[psycopg2.extensions.connection] = []
    original = bloated.sql(f"SELECT '{NAMES}'::regclass::oid")[0][0]
    with bloated.transaction(f"INSERT INTO {TABLE} (name) VALUES ('open')") as writer:
        process = start(bloated, lock_timeout_seconds=2, retries=0, exclude=["*_pkey*", "*.ix_status"])
        until(lambda: noted(bloated).get("created"))
        reader = bloated.session()
        reader.autocommit = False
        readers.append(reader)
        with reader.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {TABLE}")
        writer.rollback()
        said, dummy = process.communicate(timeout=60)
    result = json.loads(said)
    left = bloated.invalid()
    assert not result["failed"], result["msg"]
    assert len(left) == 1
    reader.close()
    done = bloated.module("reindex", exclude=["*_pkey*", "*.ix_status"])
    assert (bloated.invalid(), noted(bloated)) == ([], {}), done["msg"]
    assert bloated.sql(f"SELECT '{NAMES}'::regclass::oid")[0][0] != original


def test_a_journal_that_cannot_be_read_proves_nothing(bloated: Site) -> None:
    with bloated.transaction(f"INSERT INTO {TABLE} (name) VALUES ('open')"):
        process = start(bloated)
        until(lambda: noted(bloated).get("created"))
        process.kill()
        process.wait(10)
        until(lambda: bloated.at_work() is None)
    next(bloated.state.glob("postgresql_reindex_*.json")).write_text('{"half": ')
    done = bloated.module("reindex")
    assert bloated.invalid() == ['"IX_tasks_name_ccnew"']
    assert any("is no journal of a reindexing any more" in note for note in done["notes"])


# errors


def test_a_broken_index_is_an_error_that_is_told_and_the_others_are_done(bloated: Site) -> None:
    bloated.sql("""CREATE FUNCTION broken(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS
                   $$ BEGIN IF current_setting('my.broken', true) = 'on' THEN RAISE 'canary'; END IF; RETURN $1; END $$;
                   CREATE INDEX aaa ON "MachineTasks" (broken(name));
                   ALTER DATABASE vendhub_prod SET my.broken = 'on'""")
    done = bloated.module("reindex", reindex_always=["public.aaa"])
    assert done["failed"]
    assert "canary" in rows(done, "failed")["public.aaa"]
    assert len(rows(done, "done")) >= 3
    assert (bloated.invalid(), noted(bloated)) == ([], {})


@pytest.mark.parametrize("work", ["vacuum", "reindex"])
def test_a_standby_is_refused_and_looked_at(bloated: Site, work: str) -> None:
    bloated.become_standby()
    refused = bloated.module(work)
    assert refused["failed"]
    assert "it is a standby, whose tables are maintained on its primary" in refused["msg"]
    assert not bloated.state.exists()
    seen = bloated.info()
    assert (seen["failed"], seen["standby"]) == (False, True)


def test_a_wrong_option_is_refused(bloated: Site) -> None:
    for option, value, words in (("bloat_percent", 0, "bloat_percent must be above 0"),
                                 ("time_budget_seconds", 0, "time_budget_seconds must be at least 1"),
                                 ("database", "host=elsewhere", "not a connection string")):
        refused = bloated.module("reindex", False, **{option: value})
        assert refused["failed"]
        assert words in refused["msg"]


def test_nothing_of_the_password_is_shown(bloated: Site) -> None:
    result = call("postgresql_maintenance", work="reindex", **{**bloated.options, "user": "gone"})
    assert bloated.cluster.password not in json.dumps({**result, "invocation": None})
    assert DATABASE in result["msg"]
