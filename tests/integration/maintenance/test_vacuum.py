# SPDX-License-Identifier: GPL-3.0-or-later
"""postgresql_maintenance vacuums what needs it, and postgresql_maintenance_info tells what a person should know."""

from __future__ import annotations

import contextlib
import threading
import typing as t
from pathlib import Path

import psycopg2
import pytest

from demo.stack.postgresql import Cluster

from .conftest import DATABASE, PASSWORD, SETTINGS, TABLE, Site, prepared, thread, until

MakeCluster = t.Callable[..., Cluster]


def states(result: t.Mapping[str, t.Any]) -> dict[str, tuple[str, str]]:
    return {row["object"]: (row["state"], row["note"]) for row in result["done"]}


def test_only_what_needs_it_is_vacuumed_and_only_once(make_postgresql: MakeCluster, tmp_path: Path,
                                                      version: str) -> None:
    one = prepared(make_postgresql(version=version, settings=SETTINGS), tmp_path)
    for statement in ("CREATE TABLE quiet AS SELECT generate_series(1, 50000) AS id", "VACUUM ANALYZE quiet",
                      "UPDATE quiet SET id = id WHERE id < 500", "CREATE TABLE empty (id int)",
                      "CREATE TABLE changed AS SELECT generate_series(1, 50000) AS id", "VACUUM ANALYZE changed",
                      "INSERT INTO changed SELECT generate_series(1, 6000)"):
        one.sql(statement)
    plan = one.module("vacuum", check_mode=True)
    assert [(row["what"], row["object"]) for row in plan["plan"]] == [("vacuum", TABLE), ("analyze", "public.changed")]
    assert plan["plan"][0]["statement"] == f"VACUUM (ANALYZE, TRUNCATE false, PARALLEL 0) {TABLE}"
    assert plan["plan"][1]["why"] == "6000 rows changed since the last ANALYZE"
    assert one.sql("SELECT count(*) FROM pg_stat_user_tables WHERE last_vacuum IS NOT NULL") == [(2,)]
    done = one.module("vacuum")
    assert states(done) == {TABLE: ("done", ""), "public.changed": ("done", "")}
    assert "1 table vacuumed, 1 table analyzed in" in done["msg"]
    until(lambda: one.sql(f"SELECT n_dead_tup FROM pg_stat_user_tables WHERE relid = '{TABLE}'::regclass") == [(0,)])
    again = one.module("vacuum")
    assert (again["plan"], again["changed"], again["complete"]) == ([], False, True)


def test_who_is_blocked_by_a_lock_is_tried_again_and_then_left(site: Site) -> None:
    with site.transaction(f"LOCK TABLE {TABLE} IN SHARE UPDATE EXCLUSIVE MODE"):
        done = site.module("vacuum", lock_timeout_seconds=0.1, retries=1)
    assert states(done) == {TABLE: ("skipped", "a lock was not free in time")}
    assert (done["done"][0]["attempts"], done["changed"], done["complete"], done["failed"]) == (2, False, False, False)


def test_a_table_under_an_exclusive_lock_does_not_stop_the_look(site: Site) -> None:
    with site.transaction(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE"):
        done = site.module("vacuum")
        told = site.info()
    assert states(done) == {TABLE: ("skipped", "somebody holds it exclusively")}
    assert told["tables"][0]["table"] == TABLE


def test_a_vacuum_that_somebody_waits_for_gives_way(site: Site) -> None:
    site.sql(f"INSERT INTO {TABLE} (name) SELECT repeat(md5(g::text), 20) FROM generate_series(1, 60000) g")
    waited: list[str] = []

    def migrate() -> None:
        until(lambda: site.sql("SELECT 1 FROM pg_stat_progress_vacuum"))
        with contextlib.closing(site.session()) as connection, connection.cursor() as cursor:
            try:
                cursor.execute(f"SET lock_timeout = '3s'; ALTER TABLE {TABLE} ADD COLUMN late int")
            except psycopg2.Error as exc:
                waited.append(str(exc))

    with thread(migrate):
        done = site.module("vacuum", cost_delay_ms=100, cost_limit=100, retries=0)
    state, note = states(done)[TABLE]
    assert (state, note.startswith("gave way to"), waited) == ("skipped", True, [])


def test_it_ends_with_its_time(site: Site) -> None:
    done = site.module("vacuum", time_budget_seconds=1, cost_delay_ms=100, cost_limit=1)
    state, note = states(done)[TABLE]
    assert (state, note.startswith("the time was over while ")) == ("skipped", True)
    assert done["seconds"] < 5


def test_who_does_not_own_a_table_is_told_so(site: Site) -> None:
    site.sql("ALTER DATABASE vendhub_prod OWNER TO postgres")
    done = site.module("vacuum", user="vendhub", password=PASSWORD)
    assert states(done)[TABLE] == (
        "skipped", "not ours to vacuum: log in as its owner or a superuser, or GRANT MAINTAIN (PostgreSQL 17)")


def test_old_transaction_ids_are_frozen(make_postgresql: MakeCluster, tmp_path: Path) -> None:
    settings = {**SETTINGS, "autovacuum_freeze_max_age": 100000}
    one = prepared(make_postgresql(version="18", settings=settings), tmp_path)
    one.sql(f"VACUUM ANALYZE {TABLE}")
    one.sql("DO $$ BEGIN FOR i IN 1..60000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$")
    one.sql("CREATE TABLE young AS SELECT generate_series(1, 10) AS id; ANALYZE young")
    plan = {row["object"]: row for row in one.module("vacuum", check_mode=True)["plan"]}
    assert "FREEZE" in plan[TABLE]["statement"]
    assert "of what makes the server freeze them by force" in plan[TABLE]["why"]
    assert "public.young" not in plan
    one.module("vacuum", cost_delay_ms=0)
    assert one.sql(f"SELECT age(relfrozenxid) < 1000 FROM pg_class WHERE oid = '{TABLE}'::regclass") == [(True,)]
    assert one.module("vacuum", check_mode=True)["plan"] == []


def test_the_killed_session_ends_the_run_with_a_sentence(site: Site) -> None:
    def kill() -> None:
        until(lambda: site.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_progress_vacuum"))

    with thread(kill):
        done = site.module("vacuum", cost_delay_ms=100, cost_limit=10)
    assert done["failed"]
    assert "ended by an administrator" in done["msg"]


# the look


def test_indexes_are_advised_about_only_when_nothing_speaks_for_them(make_postgresql: MakeCluster, tmp_path: Path,
                                                                     version: str) -> None:
    one = prepared(make_postgresql(version=version, settings=SETTINGS), tmp_path)
    one.sql(f"""CREATE UNIQUE INDEX name_once ON {TABLE} (id, name);
                CREATE INDEX status_again ON {TABLE} (status);
                CREATE INDEX status_name ON {TABLE} (status, name);
                CREATE INDEX status_some ON {TABLE} (status) WHERE id > 5;
                CREATE INDEX used ON {TABLE} ("dueAt");
                CREATE TABLE refs (id int PRIMARY KEY, task int REFERENCES {TABLE}, u int UNIQUE);
                CREATE INDEX refs_task ON refs (task);
                CREATE TABLE identity (id int NOT NULL); CREATE UNIQUE INDEX identity_id ON identity (id);
                ALTER TABLE identity REPLICA IDENTITY USING INDEX identity_id;
                ANALYZE; SET enable_seqscan = off; SELECT 1 FROM {TABLE} WHERE "dueAt" = now()""")
    until(lambda: one.sql("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'used'") == [(1,)])
    told = one.info(unused_days=0)
    kinds = {kind: {row["index"]: row for row in told["advice"] if row["kind"] == kind}
             for kind in ("unused", "duplicate")}
    # since PostgreSQL 16 the server knows when it was used last, and 0 days are over at once
    assert ("public.used" in kinds["unused"]) == (version != "15")
    assert set(kinds["unused"]) - {"public.used"} == {
        'public."IX_tasks_name"', "public.ix_status", "public.refs_task", "public.status_again", "public.status_name",
        "public.status_some"}
    assert any("foreign key" in note for note in kinds["unused"]["public.refs_task"]["notes"])
    assert {name: row["why"] for name, row in kinds["duplicate"].items()} == {
        "public.ix_status": "the same as public.status_again",  # which is smaller
        "public.status_again": "the first columns of public.status_name"}
    young = one.info(unused_days=30)
    assert not [row for row in young["advice"] if row["kind"] == "unused"]
    assert any("30 days are wanted" in note for note in young["notes"])


def test_a_replica_is_named_in_the_advice(site: Site) -> None:
    site.sql("SELECT pg_create_physical_replication_slot('standby')")
    told = site.info(unused_days=0)
    row = next(row for row in told["advice"] if row["kind"] == "unused")
    assert any("replicas exist" in note for note in row["notes"])


def test_the_look_tells_sizes_ages_progress_and_who_holds_dead_rows(site: Site) -> None:
    stop = threading.Event()

    def work() -> None:
        with contextlib.closing(site.session()) as connection, connection.cursor() as cursor, \
                contextlib.suppress(psycopg2.Error):
            cursor.execute("SET vacuum_cost_delay = 100; SET vacuum_cost_limit = 1")
            cursor.execute(f"VACUUM {TABLE}")
        stop.set()

    with site.transaction("SELECT pg_current_xact_id()", "SELECT 1", application_name="forgotten"), thread(work):
        until(lambda: site.sql("SELECT 1 FROM pg_stat_progress_vacuum"))
        told = site.info()
        site.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_progress_vacuum")
        until(stop.is_set)
    assert told["tables"][0]["table"] == TABLE
    real = site.sql(f"SELECT pg_total_relation_size('{TABLE}'), pg_indexes_size('{TABLE}')")[0]
    assert (told["tables"][0]["bytes"], told["tables"][0]["index_bytes"]) == real
    assert told["progress"][0]["what"] == "vacuum"
    assert told["progress"][0]["object"] == '"MachineTasks"'
    assert told["plan"][0]["skipped"] == "a VACUUM works on it already"
    assert "session forgotten" in {row["what"] for row in told["holding"]}
    assert {row["database"] for row in told["wraparound"]} >= {DATABASE, "template0"}
    assert not told["changed"]
    assert not site.state.exists()


def test_the_login_of_the_checks_can_look(site: Site) -> None:
    site.sql("CREATE ROLE monitor LOGIN PASSWORD 'x' IN ROLE pg_monitor")
    told = site.info(user="monitor", password="x")
    assert not told["failed"], told["msg"]
    assert told["tables"][0]["table"] == TABLE
    assert all(row["wasted_percent"] is None for row in told["bloat"])


@pytest.mark.parametrize(("option", "value", "words"), [
    ("limit", 0, "limit must be at least 1"), ("dead_percent", 120.0, "dead_percent must be above 0 and at most 100")])
def test_a_number_that_cannot_be_meant_is_refused(site: Site, option: str, value: float, words: str) -> None:
    refused = site.info(**{option: value})
    assert refused["failed"]
    assert words in refused["msg"]
