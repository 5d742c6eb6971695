# SPDX-License-Identifier: GPL-3.0-or-later
"""What the history tells, and that it claims nothing without one."""

from __future__ import annotations

import datetime
import typing as t

import pytest
from ansible_collections.vendhub.ops.plugins.plugin_utils._report.history import Past, recall
from ansible_collections.vendhub.ops.plugins.plugin_utils._report.trend import percent_a_day

from tests.reports import NOW, UNREACHABLE, entry, finding, remembered, report, result

DISK = 'disk_percent{mount="/"}'


def hours_ago(hours: float) -> datetime.datetime:
    return NOW - datetime.timedelta(hours=hours)


def history(*reports: tuple[float, t.Mapping[str, t.Any]]) -> list[Past]:
    """Earlier reports: hours ago and their results, each made with those before it."""
    past: list[Past] = []
    for hours, results in reports:
        past.append(remembered(report(results, past, hours_ago(hours))))
    return past


def disk(percent: float) -> dict[str, t.Any]:
    return {"web1": result(metrics={DISK: percent})}


def names(fleet: t.Any, host: str = "web1") -> list[str]:
    (one,) = [one for one in fleet.hosts if one.name == host]
    return [row.finding.name for row in one.entries if row.check == "trend"]


@pytest.mark.parametrize(("rate", "today", "state"), [
    (1.0, 85.0, "ok"),        # 15 days
    (1.0, 86.0, "ok"),        # 14 days: the limit itself
    (1.0, 86.2, "warning"),   # 13.8 days
    (1.0, 97.0, "warning"),   # 3 days: the limit itself
    (1.0, 97.2, "critical"),  # 2.8 days
    (0.0, 97.0, "ok"),
    (-1.0, 97.0, "ok"),
])
def test_days_to_full(rate: float, today: float, state: str) -> None:
    past = history(*[(24.0 * days, disk(today - rate * days)) for days in (4, 3, 2, 1)])
    assert entry(report(disk(today), past), "disk_days_to_full")["state"] == state


@pytest.mark.parametrize("hours", [(6.0,), (5.9, 3.0), (5.9, 4, 3, 2, 1)])
def test_too_little_history_claims_nothing_about_the_disk(hours: tuple[float, ...]) -> None:
    past = history(*[(ago, disk(50 - ago)) for ago in hours])
    assert "disk_days_to_full" not in names(report(disk(50), past))


def test_three_reports_over_six_hours_are_enough() -> None:
    past = history((6.0, disk(44)), (3.0, disk(47)))
    assert entry(report(disk(50), past), "disk_days_to_full")["value"] == pytest.approx(50 / 24, abs=0.1)


def test_one_spike_does_not_bend_the_slope() -> None:
    steady = [(hours_ago(24.0 * days), 50.0 - days) for days in range(10, 0, -1)]
    spiked = [*steady[:-1], (steady[-1][0], 99.0), (NOW, 50.0)]
    assert percent_a_day(spiked) == pytest.approx(1.0, abs=0.05)


def test_limits_of_trends_are_the_users() -> None:
    past = history(*[(24.0 * days, disk(50 - days)) for days in (3, 2, 1)])
    fleet = report(disk(50), past, disk_days_to_full={"warning": 60})
    assert entry(fleet, "disk_days_to_full")["state"] == "warning"


def logs(*prints: str) -> dict[str, t.Any]:
    rows = [{"fingerprint": one, "count": 1, "sample": f"error {one}"} for one in prints]
    return {"web1": result({**finding("log_errors", details=rows), "check": "logs"})}


def test_only_error_groups_never_seen_before_are_new() -> None:
    past = history((48, logs("a")), (24, logs("b")))
    found = entry(report(logs("a", "b", "c"), past), "new_error_groups")
    assert (found["state"], found["value"], [row["fingerprint"] for row in found["details"]]) == ("warning", 1, ["c"])
    assert entry(report(logs("a", "b"), past), "new_error_groups")["state"] == "ok"


def test_the_first_report_claims_nothing() -> None:
    fleet = report(logs("a"))
    assert names(fleet) == []
    assert not [one for one in fleet.hosts[0].entries if one.since]


def test_logs_that_were_never_read_before_make_nothing_new() -> None:
    blind = {"web1": result({**finding("log_errors", "unknown"), "check": "logs"})}
    assert "new_error_groups" not in names(report(logs("a"), history((24, blind))))


def test_restarts_since_the_last_report() -> None:
    def restarts(number: int) -> dict[str, t.Any]:
        return {"web1": result(metrics={'pm2_restarts{app="api"}': number})}

    past = history((24, restarts(5)))
    assert entry(report(restarts(8), past), "pm2_restarts_since_last")["value"] == 3
    assert entry(report(restarts(2), past), "pm2_restarts_since_last")["value"] == 0


def test_growth_is_told_for_what_is_stored() -> None:
    def stored(size: int) -> dict[str, t.Any]:
        return {"web1": result(metrics={'postgresql_database_bytes{database="x"}': size, "pm2_memory_bytes": size})}

    past = history((48, stored(10**9)), (24, stored(11 * 10**8)))
    found = entry(report(stored(2 * 10**9), past), "growth")
    assert found["object"] == 'postgresql_database_bytes{database="x"}'
    assert "growth" not in names(report(stored(115 * 10**7), past))


def test_a_finding_tells_since_when_and_whether_it_is_new() -> None:
    bad = {"web1": result(finding(state="warning"))}
    past = history((72, bad), (48, {"web1": result()}), (24, bad))
    old = entry(report(bad, past), "disk_percent")
    assert (old["since"], old["new"]) == ("2026-03-11T06:00:12Z", False)
    fresh = entry(report(bad, past[:2]), "disk_percent")
    assert (fresh["since"], fresh["new"]) == ("2026-03-12T06:00:12Z", True)


def test_a_report_of_the_same_second_counts_as_earlier() -> None:
    bad = {"web1": result(finding(state="warning"))}
    assert entry(report(bad, history((0, bad))), "disk_percent")["new"] is False


def test_new_and_gone_findings_are_listed() -> None:
    past = history((24, {"web1": result(finding("a", "warning"), finding("b", "critical"))}))
    found = entry(report({"web1": result(finding("b", "critical"), finding("c", "warning"))}, past), "changes")
    assert [(row["change"], row["finding"]) for row in found["details"]] == [("new", "c"), ("gone", "a")]


@pytest.mark.parametrize("between", [{"web2": result()}, {"web1": UNREACHABLE}], ids=["left out", "unreachable"])
def test_a_report_without_the_host_makes_nothing_new(between: dict[str, t.Any]) -> None:
    bad = {"web1": result(finding(state="warning"))}
    past = history((48, {"web1": result()}), (24, bad), (12, between))
    old = entry(report(bad, past), "disk_percent")
    assert (old["since"], old["new"]) == ("2026-03-11T06:00:12Z", False)
    fresh = entry(report({"web1": result(finding(name="cpu_percent", state="warning"))}, past), "cpu_percent")
    assert fresh["new"] is True


def test_an_unreachable_host_keeps_its_since_and_has_no_other_trend() -> None:
    past = history((48, disk(50)), (24, {"web1": UNREACHABLE}))
    fleet = report({"web1": UNREACHABLE}, past)
    assert entry(fleet, "host_reachable")["since"] == "2026-03-11T06:00:12Z"
    assert names(fleet) == []


def release(**served: str) -> dict[str, t.Any]:
    return {host: result({**finding("api_release", value=value, object="api"), "check": "api"})
            for host, value in served.items()}


@pytest.mark.parametrize(("served", "differ"), [
    ({"web1": "1.0", "web2": "1.0"}, set()),
    ({"web1": "1.0"}, set()),
    ({"web1": "1.0", "web2": "1.1"}, {"web1", "web2"}),
    ({"web1": "1.0", "web2": "1.1", "web3": "1.1"}, {"web1"}),
])
def test_hosts_that_serve_another_release_than_most(served: dict[str, str], differ: set[str]) -> None:
    fleet = report(release(**served))
    assert {host.name for host, one in fleet.bad() if one.finding.name == "release_same"} == differ


@pytest.mark.parametrize("data", [
    None, [], {}, {"schema": "vendhub.ops/report/2"}, {"schema": "vendhub.ops/report/1"},
    {"schema": "vendhub.ops/report/1", "generated_at": "yesterday", "hosts": []},
    {"schema": "vendhub.ops/report/1", "generated_at": "2026-03-12T06:00:00Z", "hosts": [{"name": "x"}]},
    {"schema": "vendhub.ops/report/1", "generated_at": "2026-03-12T06:00:00Z", "hosts": 3},
])
def test_what_is_not_a_report_is_refused(data: t.Any) -> None:
    with pytest.raises(ValueError, match="it is"):
        recall(data)
