# SPDX-License-Identifier: GPL-3.0-or-later
"""Which table and index needs what, in which order, and whose a leftover is."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import BadOption
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.index_advice_judge import (
    duplicates,
    invalid,
    too_young,
    unused,
)
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.maintenance_facts import Index, Table
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.maintenance_options import refuse
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.maintenance_plan import (
    Begun,
    Limits,
    Server,
    leftovers,
    reindex_plan,
    vacuum_plan,
)

DAY = 86400.0
LIMITS = Limits((), (), (), 10, 1000, 10, 50, 40, 1_000_000)
SERVER = Server(True, False, 200_000_000, 400_000_000)
TABLE = Table(oid=1, schema="public", name="Tasks", quoted='public."Tasks"', partitioned=False, system=False,
              locked=False, rows=90_000, live=90_000, dead=0, toast_dead=0, modified=0, inserted=0,
              vacuumed_seconds=9.0, analyzed_seconds=9.0, xid_age=10, mxid_age=0, heap_bytes=8192,
              table_bytes=8192, index_bytes=0, ours=True,
              vacuuming=False, needed_bytes=8192)
INDEX = Index(oid=10, table=1, schema="public", name="ix", quoted="public.ix", of='public."Tasks"', toast=False,
              method="btree", rows=9.0, locked=False, bytes=10_000_000, unique=False, primary=False, exclusion=False,
              valid=True, identity=False, clustered=False, attached=False, constraint="", foreign_key=False, scans=0,
              scanned_seconds=None, shape=("1", "2", "3", "0", "", "", 1), fillfactor=90, ours=True, owned=True,
              building=False, tablespace="", needed_bytes=10_000_000, method_of_bloat="estimated")


def table(**changes: t.Any) -> Table:
    return dataclasses.replace(TABLE, **changes)


def index(**changes: t.Any) -> Index:
    return dataclasses.replace(INDEX, **changes)


def planned(*tables: Table, limits: Limits = LIMITS) -> list[tuple[str, str, str]]:
    return [(work.object, work.what, work.skip) for work in vacuum_plan(tables, SERVER, limits, 0)]


@pytest.mark.parametrize(("changes", "what"), [
    ({}, ""), ({"dead": 9_999}, ""), ({"dead": 10_000}, "vacuum"), ({"toast_dead": 10_000}, "vacuum"),
    ({"dead": 999, "live": 100, "rows": 100.0}, ""), ({"inserted": 17_999}, ""), ({"inserted": 18_000}, "vacuum"),
    ({"modified": 8_999}, ""), ({"modified": 9_000}, "analyze"), ({"analyzed_seconds": None}, "analyze"),
    ({"analyzed_seconds": None, "heap_bytes": 0}, ""), ({"system": True, "modified": 90_000}, ""),
    ({"system": True, "dead": 90_000}, "vacuum"), ({"xid_age": 99_999_999}, ""), ({"xid_age": 100_000_000}, "vacuum"),
    ({"mxid_age": 200_000_000}, "vacuum"), ({"partitioned": True, "dead": 90_000}, ""),
])
def test_a_table_is_vacuumed_only_when_it_needs_it(changes: dict[str, t.Any], what: str) -> None:
    assert planned(table(**changes)) == ([('public."Tasks"', what, "")] if what else [])


def test_the_table_closest_to_a_forced_freeze_comes_first_then_the_one_with_most_dead_rows() -> None:
    several = [table(name="a", quoted="a", dead=20_000), table(name="b", quoted="b", dead=30_000),
               table(name="c", quoted="c", xid_age=150_000_000), table(name="d", quoted="d", xid_age=190_000_000)]
    assert [name for name, dummy, dummy2 in planned(*several)] == ["d", "c", "b", "a"]


@pytest.mark.parametrize(("changes", "words"), [
    ({"ours": False}, "not ours"), ({"vacuuming": True}, "works on it already"), ({"locked": True}, "exclusively")])
def test_what_is_left_alone_says_why(changes: dict[str, t.Any], words: str) -> None:
    assert words in planned(table(dead=50_000, **changes))[0][2]


def test_schemas_and_exclusions_know_names_with_capitals() -> None:
    busy = table(dead=50_000)
    assert planned(busy, limits=dataclasses.replace(LIMITS, exclude=["public.Tas*"])) == []
    assert planned(busy, limits=dataclasses.replace(LIMITS, schemas=["audit"])) == []
    assert planned(busy, limits=dataclasses.replace(LIMITS, schemas=["pub*"])) != []


@pytest.mark.parametrize(("changes", "planned_at_all", "skip"), [
    ({"needed_bytes": 6_000_001}, False, ""), ({"needed_bytes": 6_000_000}, True, ""),
    ({"needed_bytes": None}, False, ""),
    ({"bytes": 1_600_000, "needed_bytes": 700_000}, False, ""), ({"valid": False, "needed_bytes": 1}, False, ""),
    ({"exclusion": True, "needed_bytes": 1}, True, "exclusion"),
    ({"owned": False, "needed_bytes": 1}, True, "not ours"),
    ({"building": True, "needed_bytes": 1}, True, "works on it"),
])
def test_an_index_is_built_anew_only_when_it_is_bloated(changes: dict[str, t.Any], planned_at_all: bool,
                                                        skip: str) -> None:
    plan = reindex_plan([index(**changes)], SERVER, LIMITS)
    assert bool(plan) == planned_at_all
    assert not plan or (skip in plan[0].skip and bool(plan[0].skip) == bool(skip))


def test_only_a_superuser_touches_the_index_of_a_toast_table() -> None:
    plan = reindex_plan([index(toast=True, needed_bytes=1)], dataclasses.replace(SERVER, superuser=False), LIMITS)
    assert "TOAST" in plan[0].skip


BEGUN = Begun("7", 5, 10, 1, "public.ix", (8,), 4711, 99, "2026-01-02T03:04:05Z", created=12)


@pytest.mark.parametrize(("changes", "begun", "ours"), [
    ({"oid": 12, "name": "ix_ccnew"}, BEGUN, True), ({"oid": 12, "name": "ix_ccnew3"}, BEGUN, True),
    ({"oid": 10, "name": "ix_ccold"}, BEGUN, True), ({"oid": 13, "name": "ix_ccnew1"}, BEGUN, False),
    ({"oid": 8, "name": "ix_ccnew"}, BEGUN, False), ({"oid": 12, "name": "ix_ccnew"}, None, False),
    ({"oid": 12, "name": "ix_ccnew", "table": 2}, BEGUN, False), ({"oid": 12, "name": "ix_ccold"}, BEGUN, False),
    ({"oid": 12, "name": "ix_ccnew", "building": True}, BEGUN, False),
    ({"oid": 12, "name": "ix_ccnew"}, dataclasses.replace(BEGUN, created=None), False),
])
def test_a_leftover_is_ours_by_what_we_saw_never_by_its_name(changes: dict[str, t.Any], begun: Begun | None,
                                                             ours: bool) -> None:
    one = index(valid=False, **changes)
    assert leftovers([one], begun) == (([one], []) if ours else ([], [one]))


def test_what_is_no_copy_or_valid_is_no_leftover() -> None:
    assert leftovers([index(oid=12, valid=False, name="ix_new"), index(oid=12, name="ix_ccnew")], BEGUN) == ([], [])


# advice


@pytest.mark.parametrize("duty", [
    {"unique": True}, {"primary": True}, {"constraint": "uq"}, {"identity": True}, {"exclusion": True},
    {"attached": True}, {"clustered": True}, {"scans": 1}, {"valid": False}, {"toast": True}])
def test_an_index_with_another_duty_is_never_called_unused(duty: dict[str, t.Any]) -> None:
    assert [one["index"] for one in unused([index()], 30, 40 * DAY, 0)] == ["public.ix"]
    assert unused([index(**duty)], 30, 40 * DAY, 0) == []


def test_use_is_judged_only_as_far_back_as_it_was_counted() -> None:
    assert unused([index()], 30, 29 * DAY, 0) == []
    assert unused([index()], 30, None, 0) == []
    assert "29 days" in too_young(30, 29 * DAY)
    assert too_young(30, 31 * DAY) == ""
    assert [one["why"] for one in unused([index(scans=5, scanned_seconds=40 * DAY)], 30, DAY, 0)] == [
        "not used for 40 days"]


def test_replicas_and_foreign_keys_are_told() -> None:
    notes = " ".join(unused([index(foreign_key=True)], 30, 40 * DAY, 1)[0]["notes"])
    assert "replicas exist" in notes
    assert "foreign key" in notes


def test_of_two_equal_indexes_the_one_without_a_duty_goes() -> None:
    twin = index(oid=11, quoted="public.twin", unique=True)
    assert [(one["index"], one["why"]) for one in duplicates([index(), twin])] == [
        ("public.ix", "the same as public.twin")]
    both = [index(), index(oid=11, quoted="public.twin")]
    assert len(duplicates(both)) == 1


@pytest.mark.parametrize(("shape", "covered"), [
    (("1 4", "2 2", "3 3", "0 0", "", "", 2), True), (("4 1", "2 2", "3 3", "0 0", "", "", 2), False),
    (("1 4", "2 2", "3 3", "0 0", "", "x > 1", 2), False), (("1 4", "9 2", "3 3", "0 0", "", "", 2), False),
    (("1 4", "2 2", "3 3", "1 0", "", "", 2), False), (("1 0", "2 2", "3 3", "0 0", "lower(a)", "", 2), False)])
def test_the_first_columns_of_another_are_superfluous(shape: tuple[t.Any, ...], covered: bool) -> None:
    wide = index(oid=11, quoted="public.wide", shape=shape)
    assert [one["index"] for one in duplicates([index(), wide])] == (["public.ix"] if covered else [])


def test_invalid_indexes_are_told_apart() -> None:
    mine, theirs = index(oid=12, name="ix_ccnew", valid=False), index(oid=13, name="ix_ccnew1", valid=False)
    broken, busy = index(oid=14, valid=False), index(oid=15, valid=False, building=True)
    found = invalid([mine, theirs, broken, busy], [mine])
    assert [one["statement"].split(" ")[0] for one in found] == ["", "DROP", "REINDEX"]


@pytest.mark.parametrize(("name", "value"), [
    ("bloat_percent", 0), ("dead_percent", 101), ("retries", -1), ("yield_seconds", 61), ("cost_delay_ms", 101)])
def test_numbers_that_cannot_be_meant_are_refused(name: str, value: float) -> None:
    with pytest.raises(BadOption, match=name):
        refuse({name: value})
