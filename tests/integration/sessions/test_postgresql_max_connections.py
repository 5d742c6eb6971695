# SPDX-License-Identifier: GPL-3.0-or-later
"""postgresql_max_connections against real servers, restarts included."""

from __future__ import annotations

import json
import subprocess
import typing as t
from pathlib import Path

import pytest

from demo.stack.postgresql import Cluster
from demo.stack.privileges import unprivileged
from tests.modules import call

from .conftest import PASSWORD, SMALL, crowd, prepare

SETTINGS = {name: value for name, value in SMALL.items() if name != "max_connections"}


class Server:
    """A cluster that somebody else may restart, as a unit of the system would."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def control(self, *words: str) -> list[str]:
        program = [str(self.cluster.binaries / "pg_ctl"), "-D", str(self.cluster.data), "-m", "fast", "-t", "30",
                   *words]
        return unprivileged(program, self.cluster.binaries, self.cluster.data)

    @property
    def restart(self) -> list[str]:
        return self.control("restart", "-w", "-s", "-l", str(self.cluster.folder / "again.log"))

    @property
    def auto_conf(self) -> str:
        return (self.cluster.data / "postgresql.auto.conf").read_text()

    def running(self) -> int:
        return int(self.cluster.execute("SHOW max_connections")[0][0])

    def set(self, value: int, check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
        given = {"host": self.cluster.host, "port": self.cluster.port, "user": "postgres",
                 "password": self.cluster.password, "database": "postgres", "value": value,
                 "memory_bytes": 8 * 1024**3, "restart_command": self.restart, "restart_seconds": 30, **options}
        return call("postgresql_max_connections", check_mode=check_mode, **given)


@pytest.fixture(params=["15", "16", "18"])
def server(request: pytest.FixtureRequest, short_folder: Path) -> t.Iterator[Server]:
    short_folder.chmod(0o755)
    # max_connections is in the file as on Debian, and not where the stack would set it again
    with Cluster(short_folder / "pg", version=request.param, settings=SETTINGS) as cluster:
        found = Server(cluster)
        yield found
        subprocess.run(found.control("stop"), capture_output=True, check=False, timeout=60)


@pytest.fixture
def one(short_folder: Path) -> t.Iterator[Server]:
    """One server, for what does not differ between versions."""
    short_folder.chmod(0o755)
    with Cluster(short_folder / "pg", version="15", settings=SETTINGS) as cluster:
        found = Server(cluster)
        yield found
        subprocess.run(found.control("stop"), capture_output=True, check=False, timeout=60)


def test_set_restarted_and_the_way_back(server: Server, tmp_path: Path) -> None:
    journal = tmp_path / "state" / "settings.jsonl"
    before = server.auto_conf
    plan = server.set(70, check_mode=True, restart=True, journal=str(journal))
    assert (plan["changed"], plan["restarted"], plan["previous"]) == (True, True, {"running": 50, "at_start": 50})
    assert "max_connections would be 70, was 50; the server would be restarted; at worst " in plan["msg"]
    assert (server.auto_conf, server.running(), journal.exists()) == (before, 50, False)

    kept = server.set(70, journal=str(journal))
    assert (kept["changed"], kept["restarted"], kept["restart_needed"], kept["validated"]) == (True, False, True, True)
    assert server.running() == 50
    assert "it runs with 50 until it is restarted, which ends all sessions" in kept["msg"]
    again = server.set(70)
    assert (again["changed"], again["restart_needed"]) == (False, True)
    assert "max_connections is 70 already; it runs with 50 until it is restarted" in again["msg"]

    done = server.set(70, restart=True, journal=str(journal))
    assert (done["changed"], done["restarted"], done["restart_needed"]) == (True, True, False)
    assert (server.running(), 0 < done["restart_seconds"] < 30) == (70, True)
    assert server.set(70, restart=True)["changed"] is False

    back = server.set(done["previous"]["running"], restart=True, journal=str(journal))
    assert (back["changed"], server.running()) == (True, 50)
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    assert [(line["from"], line["to"]) for line in lines] == [(50, 70), (70, 50)]


def test_what_the_host_has_no_memory_for_is_refused(one: Server) -> None:
    before = one.auto_conf
    refused = one.set(5000, restart=True)
    assert refused["failed"]
    assert "nothing was changed: 5000 busy sessions may take" in refused["msg"]
    assert (one.auto_conf, one.running()) == (before, 50)
    plan = one.set(5000, check_mode=True)
    assert (plan["changed"], len(plan["risks"])) == (True, 1)
    assert one.set(5000, accept_risk=True)["changed"]
    assert "max_connections = '5000'" in one.auto_conf


def test_the_memory_of_this_host_is_the_measure(one: Server) -> None:
    total = int(Path("/proc/meminfo").read_text().split()[1]) * 1024
    assert one.set(60, check_mode=True, memory_bytes=None)["memory"]["total_bytes"] == total


def test_connections_in_use_are_not_taken_away(one: Server) -> None:
    prepare(one.cluster)
    with crowd(one.cluster) as guests:
        for dummy in range(20):
            guests.join("idle")
        refused = one.set(22)
    assert "20 connections are in use, and 19 would be usable" in refused["msg"]
    assert one.set(3)["msg"] == ("value must be above the 3 connections that are reserved, not 3: the server would not "
                                 "start")


def test_a_broken_file_is_found_before_anything_is_changed(one: Server) -> None:
    before = one.auto_conf
    with (one.cluster.data / "postgresql.conf").open("a") as file:
        file.write("max_connections = = 200\n")
    refused = one.set(70, restart=True)
    assert refused["failed"]
    assert "a file of the server is broken, so it would not start again" in refused["msg"]
    assert (one.auto_conf, one.running()) == (before, 50)


def test_a_value_that_the_server_does_not_know_is_found_by_its_own_program(one: Server) -> None:
    before = one.auto_conf
    with (one.cluster.data / "postgresql.conf").open("a") as file:
        file.write("shared_buffers = 'much'\n")
    refused = one.set(70, restart=True)
    assert refused["failed"]
    assert "the setting was taken back: the server would not start with its configuration as it is" in refused["msg"]
    assert "shared_buffers" in refused["msg"]
    assert ("max_connections" in one.auto_conf, one.running()) == ("max_connections" in before, 50)


def test_a_server_that_does_not_come_back_gets_its_old_setting(one: Server, tmp_path: Path) -> None:
    before = one.auto_conf
    # a restart that fails as long as the new value is in the file
    script = tmp_path / "restart"
    stop, start = " ".join(one.control("stop", "-s")), " ".join(one.restart)
    script.write_text(f"#!/bin/sh\nif grep -q 70 {one.cluster.data}/postgresql.auto.conf; then {stop}; exit 0; fi\n"
                      f"exec {start}\n")
    script.chmod(0o755)
    failed = one.set(70, restart=True, restart_command=[str(script)], restart_seconds=3)
    assert failed["failed"]
    assert ("the server did not come back with 70 connections (it did not answer); the setting was taken back, and it "
            "runs with 50") in failed["msg"]
    assert (one.auto_conf, one.running()) == (before, 50)


def test_the_command_line_wins_and_is_said(one: Server) -> None:
    subprocess.run([*one.restart, "-o", "-c max_connections=40"], check=True, timeout=60)
    refused = one.set(70)
    assert refused["failed"]
    assert "given on the server's command line" in refused["msg"]


@pytest.mark.parametrize(("options", "words"), [
    ({"user": "operator", "password": PASSWORD}, "'operator' may not ask"),
    ({"host": "localhost", "restart": True, "restart_command": []}, "nothing was changed: the server belongs to no"),
    ({"memory_percent": 0}, "memory_percent must be above 0"), ({"work_mems": -1}, "work_mems must be 0 or more"),
    ({"system_user": "nobody-of-this-name"}, "this host has no user 'nobody-of-this-name'"),
    ({"port": 1}, "nothing listens"),
])
def test_what_cannot_be_is_one_clear_sentence(one: Server, options: dict[str, t.Any], words: str) -> None:
    prepare(one.cluster)
    before = one.auto_conf
    result = one.set(70, **options)
    assert result["failed"]
    assert words in result["msg"]
    assert one.auto_conf == before
