# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo promises without starting anything."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from demo import services, traffic, trouble
from demo.place import Place
from demo.stack import ports, process
from demo.stack.process import StackError

NOW = 1_780_000_000.0


def test_secrets_are_random_kept_and_only_for_their_owner(tmp_path: Path) -> None:
    places = [Place(tmp_path / name) for name in ("one", "two")]
    for place in places:
        place.settle()
    first = places[0].secret
    places[0].settle()
    assert places[0].secret == first
    assert not set(first.values()) & set(places[1].secret.values())
    assert stat.S_IMODE((tmp_path / "one" / "secrets.json").stat().st_mode) == 0o600


def test_half_written_secrets_are_made_anew(tmp_path: Path) -> None:
    place = Place(tmp_path)
    (tmp_path / "secrets.json").write_text('{"secrets": {"postg')
    place.settle()
    assert all(place.secret.values())
    assert len(set(place.port.values())) == len(place.port)


def test_a_service_that_moves_gets_another_port_and_the_others_keep_theirs(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.settle()
    before = place.port
    place.move("redis")
    assert {name for name in before if before[name] != place.port[name]} == {"redis"}


def test_two_runs_at_once_are_refused(tmp_path: Path) -> None:
    with Place(tmp_path).alone(), pytest.raises(StackError, match="another `make demo`"), Place(tmp_path).alone():
        pytest.fail("two at once")


def test_nothing_of_the_users_services_is_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = {"PM2_HOME": "/home/u/.pm2", "PGHOST": "db", "PGPASSWORD": "x", "REDIS_URL": "redis://u",
               "REDISCLI_AUTH": "x", "DATABASE_URL": "postgresql://u", "NODE_OPTIONS": "--inspect"}
    for name, value in foreign.items():
        monkeypatch.setenv(name, value)
    clean = process.clean_environment(PORT="1")
    assert not set(foreign) & set(clean)
    assert clean["PORT"] == "1"
    assert "PATH" in clean


def test_the_planted_log_is_in_order_within_a_day_and_its_newest_kind_is_recent() -> None:
    lines = trouble.worker_log(NOW, trouble.NEW_ERRORS[:1])
    moments = [moment for moment, dummy in lines]
    assert moments == sorted(moments)
    assert moments[0] >= NOW - trouble.DAY
    assert moments[-1] <= NOW
    records = [json.loads(line) for dummy, line in lines]
    newest = [moment for (moment, dummy), record in zip(lines, records) if record["message"] == trouble.NEW_ERRORS[0]]
    assert min(newest) >= NOW - 1200
    errors = [record for record in records if record["level"] == "error"]
    assert len(errors) > 50, "the threshold of log_errors would not be passed"


def test_the_build_is_known_by_every_source_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.ts").write_text("one")
    before = services.fingerprint(tmp_path)
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "x.js").write_text("x")
    (tmp_path / ".env.production").write_text("x")
    assert services.fingerprint(tmp_path) == before
    (tmp_path / "src" / "main.ts").write_text("two")
    assert services.fingerprint(tmp_path) != before
    (tmp_path / "src" / "main.ts").rename(tmp_path / "src" / "other.ts")
    assert services.fingerprint(tmp_path) != before


def test_the_traffic_is_a_few_hundred_requests_and_nobody_listening_is_counted() -> None:
    planned = sum(request.times for request in traffic.PLAN)
    assert planned < 500
    counts = traffic.burst(ports.free_port(), "a@demo.invalid", "x", seconds=0)
    assert counts == {0: planned + 1}


def test_a_socket_folder_is_remembered_short_and_dropped(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100)
    beside = ports.socket_folder(deep, "rpc.sock")
    try:
        assert ports.fits(beside, "rpc.sock")
        assert ports.socket_folder(deep, "rpc.sock") == beside
        beside.rmdir()
        assert ports.socket_folder(deep, "rpc.sock").is_dir(), "taken away by whoever tidies /tmp"
    finally:
        ports.drop_socket_folder(deep)
    assert not beside.exists()
