# SPDX-License-Identifier: GPL-3.0-or-later
"""health_check: everything in one look, and no broken service hides another."""

from __future__ import annotations

import json
import socketserver
import threading
import time
import typing as t

import pytest

from demo.stack import ports
from tests.integration.health.conftest import CANARY, Site
from tests.modules import call

SUBJECTS = ["api", "pm2", "postgresql", "redis", "system", "logs", "backups"]


def states(result: t.Mapping[str, t.Any]) -> dict[str, str]:
    return {row["check"]: row["state"] for row in result["checks"]}


def test_everything_is_looked_at_in_one_task(site: Site) -> None:
    result = call("health_check", **site.options())
    assert not result["failed"]
    assert [row["check"] for row in result["checks"]] == SUBJECTS
    assert {finding["check"] for finding in result["findings"]} == set(SUBJECTS)
    assert [states(result)[name] for name in ("api", "pm2", "redis")] == ["ok", "warning", "ok"], result["msg"]
    assert result["metrics"]['pm2_online{app="vendhub-api"}'] == 2
    assert result["duration_seconds"] < 10
    assert result["changed"] is False


def test_the_worst_finding_comes_first(site: Site) -> None:
    order = {"critical": 0, "unknown": 1, "warning": 2, "ok": 3}
    findings = call("health_check", **site.options(redis={"port": ports.free_port()}))["findings"]
    ranks = [order[finding["state"]] for finding in findings]
    assert ranks == sorted(ranks)
    assert findings[0]["check"] == "redis"


def test_the_logs_of_the_apps_are_found_through_pm2(site: Site) -> None:
    with (site.logs / "api-out.log").open("a") as log:
        log.write(f"[Nest] 1  - {time.strftime('%m/%d/%Y, %I:%M:%S %p')}   ERROR [Files] upload broke\n")
    rows = [finding for finding in call("health_check", **site.options())["findings"]
            if finding["name"] == "log_errors" and finding.get("object") == "vendhub-api"]
    assert [row["value"] for row in rows] == [1]


FAULTS: dict[str, tuple[t.Callable[[Site], t.Any], str, str]] = {
    "postgresql killed": (lambda site: site.postgresql.kill(), "postgresql", "critical"),
    "postgresql frozen": (lambda site: site.postgresql.freeze(), "postgresql", "critical"),
    "redis killed": (lambda site: site.redis.kill(), "redis", "critical"),
    "redis frozen": (lambda site: site.redis.freeze(), "redis", "critical"),
    "pm2 killed": (lambda site: t.cast(t.Any, site.pm2.daemon).kill(), "pm2", "critical"),
    "pm2 frozen": (lambda site: t.cast(t.Any, site.pm2.daemon).freeze(), "pm2", "critical"),
    "login refused": (lambda site: site.postgresql.execute("ALTER ROLE vendhub_monitor NOLOGIN"), "postgresql",
                      "unknown"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_one_broken_service_never_hides_the_others(site: Site, fault: str) -> None:
    before = states(call("health_check", **site.options()))
    harm, broken, state = FAULTS[fault]
    harm(site)
    started = time.monotonic()
    after = states(call("health_check", **site.options()))
    took = time.monotonic() - started
    site.postgresql.thaw()
    site.redis.thaw()
    if site.pm2.daemon is not None:
        site.pm2.daemon.thaw()
    assert after[broken] == state
    assert took < 8
    # the API runs under PM2's daemon and dies or freezes with it; the logs are found through PM2 and another way
    others = set(before) - {broken, "system"} - ({"api", "logs"} if broken == "pm2" else set())
    assert {name: after[name] for name in others} == {name: before[name] for name in others}
    assert set(after) == set(before)


class Rubbish(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.sendall(b"\x00\xff\xfe rubbish \r\n" * 10)


@pytest.mark.parametrize("subject", ["postgresql", "redis", "api"])
def test_a_port_that_speaks_rubbish_is_critical_and_hides_nothing(site: Site, subject: str) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Rubbish) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        options = site.options()
        if subject == "api":
            options["api"][0]["url"] = f"http://127.0.0.1:{port}/health"
        else:
            options[subject]["port"] = port
        result = call("health_check", **options)
        server.shutdown()
    assert states(result)[subject] == "critical"
    assert len(result["checks"]) == len(SUBJECTS)


def test_an_option_that_makes_no_sense_here_blinds_only_its_subject(site: Site) -> None:
    result = call("health_check", **site.options(pm2={"owner": "nobody-of-that-name"}))
    assert states(result)["pm2"] == "unknown"
    assert "there is no user 'nobody-of-that-name'" in json.dumps(result["findings"])
    assert states(result)["redis"] == "ok"


@pytest.mark.parametrize(("options", "words"), [
    ({}, "one of the following is required"),
    ({"system": {"disk": 1}}, "system.disk. Supported parameters include"),
    ({"system": {}, "thresholds": {"disk": {"warning": 1}}}, "no threshold is named 'disk'"),
    ({"system": {}, "fail_on": "sometimes"}, "value of fail_on must be one of"),
])
def test_a_wrong_option_is_told_in_one_sentence(options: dict[str, t.Any], words: str) -> None:
    result = call("health_check", **options)
    assert result["failed"]
    assert words in result["msg"]


def test_no_secret_is_in_the_result(site: Site) -> None:
    assert CANARY not in json.dumps(call("health_check", **site.options()))
