# SPDX-License-Identifier: GPL-3.0-or-later
"""postgresql_session against real servers."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import typing as t

import psycopg2
import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql import sessions_end, sessions_plan

from demo.stack.postgresql import Cluster
from tests.modules import call

from .conftest import PASSWORD, SMALL, Crowd, crowd, everybody, prepare, until

MakeCluster = t.Callable[..., Cluster]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Cluster]:
    """One server, for what does not differ between versions."""
    with Cluster(tmp_path_factory.mktemp("pg"), version="18", settings=SMALL) as one:
        prepare(one)
        yield one


@pytest.fixture
def guests(server: Cluster) -> t.Iterator[Crowd]:
    alone = "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'client backend'"
    until(lambda: bool(server.execute(alone)[0][0]))
    with crowd(server) as found:
        yield found


def session(server: Cluster, check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
    given = {"host": server.host, "port": server.port, "user": "operator", "password": PASSWORD,
             "database": "vendhub_prod", "min_age_seconds": 0, **options}
    return call("postgresql_session", check_mode=check_mode, **given)


def as_superuser(server: Cluster) -> dict[str, t.Any]:
    return {"user": server.superuser, "password": server.password}


def planned(result: t.Mapping[str, t.Any]) -> list[int]:
    return [row["pid"] for row in result["plan"]]


# the acceptance: 27 sessions of 30 connections in every state


def test_exactly_the_planned_sessions_of_a_full_server_end(make_postgresql: MakeCluster, version: str) -> None:
    one = make_postgresql(version=version, settings=SMALL)
    prepare(one)
    with crowd(one) as guests:
        everybody(guests)
        assert len(guests.all() - set(guests.pids["replication"])) == 27
        with pytest.raises(psycopg2.OperationalError, match=r"reserved|too many"):
            one.connect("vendhub_prod", "vendhub", PASSWORD)
        options: dict[str, t.Any] = {"databases": ["vendhub_prod"], "users": ["vendhub"], "headroom": 10,
                                     **as_superuser(one)}
        plan = session(one, check_mode=True, **options)
        assert guests.alive() == guests.all()
        oldest = guests.pids["idle"] + guests.pids["in transaction"]
        assert (planned(plan), plan["ended"], plan["changed"]) == (oldest[:10], oldest[:10], True)
        assert plan["msg"].endswith(
            "10 sessions would be ended; then 10 of 27 connections are free, before 0; 10 were asked for "
            "(spared: 5 not needed, 2 protected)")
        done = session(one, **options)
        assert (done["ended"], done["remaining"], done["changed"]) == (planned(plan), [], True)
        assert guests.alive() == guests.all() - set(oldest[:10])
        assert (done["after"][0]["free"], done["short"]) == (10, 0)
        assert done["report"][0].startswith("8 connections of vendhub-api (vendhub@vendhub_prod), idle, the oldest")
        assert len(done["report"]) == len(done["groups"]) + 10
        again = session(one, **options)
        assert (again["changed"], again["ended"], guests.alive()) == (False, [], guests.all() - set(oldest[:10]))


def test_all_that_may_go_goes_and_nobody_else(guests: Crowd) -> None:
    everybody(guests)
    done = session(guests.server, headroom_percent=100, **as_superuser(guests.server))
    kinds = ("idle", "in transaction", "aborted", "blocking", "other role", "other database")
    gone = {pid for kind in kinds for pid in guests.pids[kind]}
    assert set(done["ended"]) == gone
    assert guests.alive() == guests.all() - gone
    assert done["spared"] == {"superuser": 2, "protected": 2, "replication": 1}
    assert (done["short"], done["headroom"]) == (0, None)
    until(lambda: {guests.state(pid) for pid in guests.pids["blocked"]} != {"active"})  # the blocker is gone


def test_a_headroom_that_cannot_be_reached_is_said(guests: Crowd) -> None:
    for dummy in range(20):
        guests.join("idle", application="pg_dump")
    guests.join("idle")
    done = session(guests.server, headroom=12)
    assert (len(done["ended"]), done["short"], done["after"][0]["free"]) == (1, 5, 7)
    assert "7 of 27 connections are free, before 6; 12 were asked for; 5 short (spared: 20 protected)" in done["msg"]


def test_active_ones_end_only_by_name(guests: Crowd) -> None:
    guests.busy("active")
    guests.join("idle")
    done = session(guests.server, session_states=["active"], headroom_percent=100)
    assert done["ended"] == guests.pids["active"]
    assert guests.alive() == set(guests.pids["idle"])


@pytest.mark.parametrize(("options", "kinds"), [
    ({"applications": ["meta*"]}, ["reports"]), ({"users": ["reports"]}, ["reports"]),
    ({"databases": ["postgres"]}, ["elsewhere"]), ({"session_states": ["idle in transaction"]}, ["forgotten"]),
    ({"protected_users": ["vendhub"]}, ["reports"]), ({"protected_applications": ["*"]}, []),
    ({"applications": ["100%", "api_%"]}, []),
])
def test_each_choice_means_what_it_says(guests: Crowd, options: dict[str, t.Any], kinds: list[str]) -> None:
    guests.join("idle")
    guests.transaction("forgotten")
    guests.join("reports", user="reports", application="metabase")
    guests.join("elsewhere", database="postgres")
    plan = session(guests.server, check_mode=True, headroom_percent=100, **options)
    assert sorted(planned(plan)) == sorted(pid for kind in kinds for pid in guests.pids[kind])


def test_named_processes_need_no_headroom(guests: Crowd) -> None:
    guests.join("idle")
    guests.join("meant")
    done = session(guests.server, pids=guests.pids["meant"])
    assert (done["ended"], guests.alive()) == (guests.pids["meant"], set(guests.pids["idle"]))


def test_age_is_that_of_the_state(guests: Crowd) -> None:
    guests.join("idle")
    working = guests.join("working")
    time.sleep(0.7)
    working.cursor().execute("SELECT 1")
    plan = session(guests.server, check_mode=True, min_age_seconds=0.6, headroom_percent=100)
    assert planned(plan) == guests.pids["idle"]
    assert plan["spared"] == {"younger": 1}


def test_a_limit_of_a_role_is_a_room_of_its_own(guests: Crowd) -> None:
    for dummy in range(3):
        guests.join("reports", user="reports", application="metabase")
    for dummy in range(3):
        guests.join("idle")
    guests.server.execute("ALTER ROLE reports CONNECTION LIMIT 3")
    try:
        done = session(guests.server, users=["reports"], headroom=2)
    finally:
        guests.server.execute("ALTER ROLE reports CONNECTION LIMIT -1")
    assert done["ended"] == guests.pids["reports"][:2]
    assert done["after"][1] == {"of": "user reports", "used": 1, "usable": 3, "free": 2}


def test_cancelling_ends_the_statement_and_not_the_session(guests: Crowd) -> None:
    guests.busy("active")
    plan = session(guests.server, check_mode=True, state="cancelled", pids=guests.pids["active"])
    assert guests.state(guests.pids["active"][0]) == "active"
    done = session(guests.server, state="cancelled", pids=guests.pids["active"])
    assert planned(plan) == done["ended"] == guests.pids["active"]
    assert guests.state(guests.pids["active"][0]) == "idle"
    assert "1 statement cancelled" in done["msg"]


# what can go wrong


def test_a_full_server_lets_in_those_for_whom_connections_are_reserved(make_postgresql: MakeCluster) -> None:
    one = make_postgresql(version="16", settings={**SMALL, "reserved_connections": 2})
    prepare(one)
    with crowd(one) as guests:
        for dummy in range(25):
            guests.join("idle")
        refused = session(one, headroom=5, login_wait_seconds=0)
        assert refused["failed"]
        assert "every connection that 'operator' may use is taken" in refused["msg"]
        assert "log in as a superuser (or, since PostgreSQL 16, as a member of pg_use" in refused["msg"]
        one.execute("GRANT pg_use_reserved_connections TO operator")
        done = session(one, headroom=5, login_wait_seconds=0)
        assert (done["ended"], done["reserved_used"]) == (guests.pids["idle"][:5], True)


def test_a_login_to_a_full_server_is_tried_for_a_while(guests: Crowd) -> None:
    for dummy in range(27):
        guests.join("idle")
    threading.Timer(0.8, guests.connections[guests.pids["idle"][5]].close).start()
    done = session(guests.server, headroom=3, login_wait_seconds=10)
    assert not done["failed"], done["msg"]
    assert done["ended"] == guests.pids["idle"][:2]


def test_without_the_right_to_end_nothing_ends(guests: Crowd) -> None:
    guests.join("idle")
    guests.server.execute("CREATE ROLE watcher LOGIN PASSWORD %s IN ROLE pg_monitor", [PASSWORD])
    for check_mode in (True, False):
        refused = session(guests.server, check_mode=check_mode, user="watcher", headroom_percent=100)
        assert refused["failed"]
        assert "nothing was ended: 'watcher' may not end sessions of vendhub; GRANT pg_signal_backend" in refused["msg"]
    assert guests.alive() == guests.all()


def test_what_is_hidden_is_spared_and_said(guests: Crowd) -> None:
    guests.join("idle")
    guests.join("own", user="nobody", application="mine")
    done = session(guests.server, user="nobody", headroom_percent=100)
    assert (done["ended"], done["spared"]) == (guests.pids["own"], {"hidden": 1})
    assert "(spared: 1 hidden; what is hidden needs GRANT pg_monitor TO <role>)" in done["msg"]
    assert guests.alive() == set(guests.pids["idle"])


def test_who_works_again_since_the_plan_is_left_alone(guests: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    guests.join("idle")
    back = guests.join("back at work")

    def chosen(*arguments: t.Any) -> t.Any:
        choice = sessions_plan.choose(*arguments)
        back.cursor().execute("SELECT 2")  # between the plan and the act
        return choice

    monkeypatch.setattr(sessions_end, "choose", chosen)
    done = session(guests.server, headroom_percent=100)
    assert (done["ended"], done["changed_meanwhile"]) == (guests.pids["idle"], guests.pids["back at work"])
    assert guests.alive() == set(guests.pids["back at work"])
    assert "1 were left alone" in done["msg"]


def test_who_does_not_end_in_time_fails_the_task(guests: Crowd) -> None:
    guests.join("idle")
    guests.join("frozen")
    (frozen,) = guests.pids["frozen"]
    os.kill(frozen, signal.SIGSTOP)
    try:
        done = session(guests.server, headroom_percent=100, end_seconds=0.5)
    finally:
        os.kill(frozen, signal.SIGCONT)
    assert (done["failed"], done["ended"], done["remaining"]) == (True, guests.pids["idle"], [frozen])
    assert f"pid {frozen} did not end" in done["msg"]
    assert "never kill -9" in done["msg"]


def test_no_secret_and_no_literal_is_shown(guests: Crowd) -> None:
    guests.transaction("idle", "SELECT 'canary-literal', 4711", application="password=canary-name")
    result = session(guests.server, check_mode=True, headroom_percent=100)
    assert result["plan"][0]["query"] == "SELECT ?, ?"
    assert "canary" not in json.dumps(result)


@pytest.mark.parametrize(("options", "words"), [
    ({"headroom": -1}, "headroom must be 0 or more"), ({"headroom_percent": 101}, "between 0 and 100"),
    ({"headroom": 1, "headroom_percent": 1}, "mutually exclusive"),
    ({"min_age_seconds": -1}, "min_age_seconds must be"), ({"session_states": []}, "name one state"),
    ({"session_states": ["sleeping"]}, "value of session_states must be one"),
    ({"end_seconds": -1}, "end_seconds must be"), ({"port": 1}, "nothing listens"),
    ({"password": "canary-wrong"}, "login of 'operator' was refused"),
])
def test_a_wrong_option_is_one_clear_sentence(guests: Crowd, options: dict[str, t.Any], words: str) -> None:
    guests.join("idle")
    result = session(guests.server, **options)
    assert result["failed"]
    assert words in result["msg"]
    assert guests.alive() == guests.all()
