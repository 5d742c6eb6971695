# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import BadOption
from ansible_collections.vendhub.ops.plugins.module_utils._core.thresholds import Thresholds
from ansible_collections.vendhub.ops.plugins.module_utils._core.unseen import Unseen
from ansible_collections.vendhub.ops.plugins.module_utils._core.verdict import Finding, State
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql import queries
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.connection import CONNECTION_OPTIONS, address
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.facts import Facts, statements_missing
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.judge import judge

OVERVIEW: dict[str, t.Any] = {
    "version": "16.4", "uptime_seconds": 7200.0, "standby": False, "receiver": False, "replay_age_seconds": None,
    "max_connections": 100, "reserved": 3, "sessions": None, "idle": None, "transactions": None, "waiting": None,
    "names": None, "xid": {"database": "shop", "age": 1000}, "multixact": {"database": "postgres", "age": 5},
    "slots": None, "replicas": None, "invalid_indexes": None, "database_bytes": 5, "statements": None,
}
WHO = {"pid": 11, "application": "api", "user": "app", "database": "shop"}


def look(statements: t.Any = None, unseen: tuple[Unseen, ...] = (), version: int = 160004, **overview: t.Any) -> Facts:
    return Facts(version, {**OVERVIEW, **overview}, statements, unseen)


def findings(facts: Facts, name: str, **options: t.Any) -> list[Finding]:
    return [row for row in judge(facts, Thresholds(), **options).findings if row.name == name]


def found(facts: Facts, name: str, **options: t.Any) -> Finding:
    (finding,) = findings(facts, name, **options)
    return finding


def session(state: str, connections: int) -> dict[str, t.Any]:
    return {"application": "api", "user": "app", "database": "shop", "state": state, "connections": connections}


def test_an_idle_server_is_fine_in_everything() -> None:
    answer = judge(look(), Thresholds())
    assert {row.state for row in answer.findings} == {State.OK}
    assert len(answer.findings) == 8


@pytest.mark.parametrize(("used", "state"), [(48, State.OK), (49, State.WARNING), (77, State.WARNING),
                                             (78, State.CRITICAL)])
def test_connections_are_judged_against_those_that_can_be_used(used: int, state: State) -> None:
    finding = found(look(sessions=[session("idle", used - 1), session("active", 1)]), "postgresql_connections_percent")
    assert finding.state is state
    assert finding.message.startswith(f"{used} of 97 usable connections in use")
    assert finding.details[0]["connections"] == used - 1


def test_sessions_that_are_hidden_are_said_wherever_they_matter() -> None:
    facts = look(sessions=[session("hidden", 4)])
    for name in ("postgresql_idle_in_transaction_seconds", "postgresql_transaction_seconds"):
        assert "4 sessions are hidden" in found(facts, name).message


def test_the_longest_idle_session_is_named_with_its_age() -> None:
    row = {**WHO, "state": "idle in transaction", "state_seconds": 360.0, "transaction_seconds": 600.0}
    finding = found(look(idle=[row]), "postgresql_idle_in_transaction_seconds")
    assert finding.state is State.WARNING
    assert finding.message.startswith("api (pid 11) has been idle in a transaction for 6 min")


def test_a_forgotten_prepared_transaction_is_a_long_transaction() -> None:
    row = {"pid": None, "application": "prepared transaction x", "user": "app", "database": "shop", "state": "prepared",
           "transaction_seconds": 4000.0}
    finding = found(look(transactions=[row]), "postgresql_transaction_seconds")
    assert finding.state is State.CRITICAL
    assert "prepared transaction x (prepared)" in finding.message


@pytest.mark.parametrize(("waited", "number"), [(0.5, 0), (1, 0), (1.1, 1), (None, 1)])
def test_a_short_wait_is_no_block_and_an_unknown_one_is(waited: float | None, number: int) -> None:
    row = {**WHO, "waited_seconds": waited, "blockers": [12]}
    assert found(look(waiting=[row], names={"12": "job"}), "postgresql_blocked_sessions").value == number


def test_the_root_of_a_chain_of_waits_is_named_not_its_links() -> None:
    rows = [{**WHO, "pid": 2, "waited_seconds": 9, "blockers": [1]},
            {**WHO, "pid": 3, "waited_seconds": 8, "blockers": [2]}]
    finding = found(look(waiting=rows, names={"1": "job", "2": "api"}), "postgresql_blocked_sessions")
    assert finding.message.startswith("2 sessions wait for a lock, blocked by job (pid 1) (warning")
    assert finding.details[1]["blocked_by"] == "api (pid 2)"


def test_a_circle_of_waits_and_prepared_blockers_are_survived() -> None:
    rows = [{**WHO, "pid": 2, "waited_seconds": 9, "blockers": [3]},
            {**WHO, "pid": 3, "waited_seconds": 9, "blockers": [2, 0]}]
    assert "a prepared transaction" in found(look(waiting=rows), "postgresql_blocked_sessions").message


@pytest.mark.parametrize(("version", "key", "age", "state"), [
    (160004, "xid", 1_072_000_000, State.OK), (160004, "xid", 1_073_000_000, State.WARNING),
    (160004, "xid", 1_716_000_000, State.CRITICAL), (160004, "multixact", 1_073_000_000, State.WARNING),
    (130014, "xid", 1_073_000_000, State.OK), (130014, "xid", 1_073_250_000, State.WARNING),
])
def test_the_way_to_the_stop_is_measured_by_what_stops_first(version: int, key: str, age: int, state: State) -> None:
    overview: dict[str, t.Any] = {key: {"database": "old", "age": age}}
    finding = found(look(version=version, **overview), "postgresql_wraparound_percent")
    assert finding.state is state
    assert "of old are" in finding.message


@pytest.mark.parametrize(("slot", "state"), [
    ({"active": True, "wal_status": "reserved"}, State.OK), ({"active": True, "wal_status": "extended"}, State.OK),
    ({"active": False, "wal_status": "reserved"}, State.WARNING),
    ({"active": True, "wal_status": "unreserved"}, State.WARNING),
    ({"active": False, "wal_status": "lost"}, State.CRITICAL), ({"active": False, "wal_status": None}, State.WARNING),
])
def test_a_slot_is_judged_by_its_use_and_its_wal(slot: dict[str, t.Any], state: State) -> None:
    facts = look(slots=[{"name": "s", "type": "physical", "retained_bytes": None, **slot}])
    assert found(facts, "postgresql_slot_state").state is state
    assert found(facts, "postgresql_slot_retained_bytes").object == "s"


def test_a_replica_that_lags_is_told_and_a_hidden_one_is_not_called_fine() -> None:
    rows = [{"name": "r1", "state": "streaming", "sync_state": "async", "lag_bytes": 2 * 2**30},
            {"name": "r2", "state": None, "sync_state": None, "lag_bytes": None}]
    assert found(look(replicas=rows), "postgresql_replica_lag_bytes").state is State.CRITICAL


@pytest.mark.parametrize(("receiver", "state"), [(True, State.OK), (False, State.WARNING)])
def test_a_standby_without_a_primary_is_a_warning(receiver: bool, state: State) -> None:
    assert found(look(standby=True, receiver=receiver), "postgresql_standby").state is state


def test_invalid_indexes_are_named_a_few_at_most() -> None:
    finding = found(look(invalid_indexes=["a.b", "a.c", "a.d", "a.e"]), "postgresql_invalid_indexes")
    assert (finding.state, finding.value) == (State.WARNING, 4)
    assert "a.b, a.c, a.d, …" in finding.message


def test_a_slow_statement_is_shown_without_its_literals() -> None:
    row = {"query": "SELECT * FROM t WHERE a = 'canary'", "calls": 30, "mean_seconds": 3.0, "total_seconds": 90.0}
    facts = look(statements={"number": 1, "hidden": 0, "slowest": [row]})
    finding = found(facts, "postgresql_statement_mean_seconds")
    assert finding.state is State.CRITICAL
    assert "SELECT * FROM t WHERE a = ?" in finding.message
    assert "canary" not in json.dumps(finding.as_dict())


@pytest.mark.parametrize("reason", ["absent", "not preloaded", "denied", "odd"])
@pytest.mark.parametrize("option", ["auto", "required", "off"])
def test_statements_that_cannot_be_seen_are_never_called_fine(reason: str, option: str) -> None:
    unseen = () if option == "off" else (statements_missing(reason, "shop"),)
    facts = look(unseen=unseen)
    rows = findings(facts, "postgresql_statement_mean_seconds", statements=option)
    assert [row.state for row in rows] == ([State.UNKNOWN] if option == "required" else [])
    not_seen = findings(facts, "postgresql_not_seen", statements=option)
    assert bool(not_seen) is (reason in ("denied", "odd") and option != "off")
    assert bool(found(facts, "postgresql_reachable").details) is (reason not in ("denied", "odd") and option != "off")


def test_no_frequent_statement_is_fine() -> None:
    facts = look(statements={"number": 0, "hidden": 0, "slowest": None})
    assert found(facts, "postgresql_statement_mean_seconds").state is State.OK


def test_metrics_are_flat_numbers_by_state() -> None:
    facts = look(sessions=[session("idle", 3), {**session("idle", 2), "application": "job"}, session("active", 1)],
                 slots=[{"name": 'a"b', "type": "physical", "active": True, "wal_status": "reserved",
                         "retained_bytes": 7}])
    metrics = judge(facts, Thresholds()).metrics
    assert metrics['postgresql_connections{state="idle"}'] == 5
    assert metrics["postgresql_connections_used"] == 6
    assert metrics['postgresql_slot_retained_bytes{slot="a\\"b"}'] == 7
    assert all(isinstance(value, (int, float)) for value in metrics.values())


@pytest.mark.parametrize(("version", "has", "lacks"), [
    (130014, ["a.state_change"], ["waitstart", "'reserved_connections'"]),
    (140000, ["waitstart"], ["'reserved_connections'"]), (150018, ["waitstart"], ["'reserved_connections'"]),
    (160004, ["waitstart", "'reserved_connections'"], []), (180001, ["waitstart", "'reserved_connections'"], []),
])
def test_the_question_knows_what_each_version_has(version: int, has: list[str], lacks: list[str]) -> None:
    sql = queries.overview(version)
    assert all(part in sql for part in has)
    assert not any(part in sql for part in lacks)


@pytest.mark.parametrize(("extension", "column"), [("1.7", "mean_time"), ("1.8", "mean_exec_time"),
                                                   ("1.10", "mean_exec_time"), ("2", "mean_exec_time"),
                                                   ("1.4", "mean_time")])
def test_statements_are_asked_by_the_version_of_the_extension(extension: str, column: str) -> None:
    assert f" {column} / 1000" in queries.statements(extension, "public")


@pytest.mark.parametrize("wrong", [{"port": 0}, {"port": 65536}, {"timeout_seconds": 0}, {"user": ""},
                                   {"database": "host=evil password=x"}, {"database": "postgresql://evil/x"}])
def test_an_option_that_cannot_be_meant_is_refused(wrong: dict[str, t.Any]) -> None:
    options = {name: spec.get("default") for name, spec in CONNECTION_OPTIONS.items()}
    assert str(address(options)) == "vendhub_prod at 127.0.0.1:5432"
    with pytest.raises(BadOption):
        address({**options, **wrong})


def test_the_address_never_shows_its_password() -> None:
    options = {name: spec.get("default") for name, spec in CONNECTION_OPTIONS.items()}
    assert "canary" not in repr(address({**options, "password": "canary"}))
