# SPDX-License-Identifier: GPL-3.0-or-later
"""Recovery finds the cause of an outage, repairs what it may, proves it, and names what a person must do."""

from __future__ import annotations

import json
import re
import tarfile
import time
import typing as t
from pathlib import Path

import pytest

from tests.hosts.outages import OUTAGES, broken, healthy, sh
from tests.hosts.play import Run, kill, start
from tests.hosts.releases import Forge
from tests.hosts.site import CALM, Site, hosts_of
from tests.lab import Lab

LAYOUT = {"api": ("app1", "app2"), "web": ("app1", "app2"), "postgresql": ("db1",), "redis": ("db1",),
          "monitoring": ("db1",)}
QUICK: dict[str, t.Any] = {"recover_watch_seconds": 3, "recover_first_watch_seconds": 3, "recover_deadline_seconds": 60,
                           "recover_service_seconds": 30}
NOBODY_LOOKS = ("-e", json.dumps({"deployment_health": [], "deployment_watch_seconds": 0}))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Site]:
    """Two app hosts and a server of data, provisioned."""
    with Lab("recover", hosts_of(LAYOUT)) as lab:
        made = Site(lab, tmp_path_factory.mktemp("site"), LAYOUT)
        made.prepare()
        done = made.play("vendhub.ops.provision")
        assert done.code == 0, done.screen[-4000:]
        made.migrate()
        yield made


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Forge:
    """Where releases come from."""
    return Forge(tmp_path_factory.mktemp("forge"))


def recover(site: Site, *words: str) -> Run:
    """Run recovery with budgets that are not used up, and bundles in a folder of the test."""
    for name in hosts_of(LAYOUT):
        sh(site.lab[name], "rm -f /var/lib/vendhub-ops/actions.jsonl")
    return run(site, *words)


def run(site: Site, *words: str) -> Run:
    return site.play("vendhub.ops.recover", *words, **options(site))


def options(site: Site) -> dict[str, t.Any]:
    """What an operator would write into group_vars; a full disk counts, how busy this machine is does not."""
    limits = {name: limit for name, limit in CALM.items() if not name.startswith(("disk", "inodes"))}
    return QUICK | {"recover_evidence_directory": str(site.folder / "evidence"), "recover_on_call": "the pager",
                    "vendhub_thresholds": limits | {"certificate_days": {"warning": 1, "critical": 0}}}


def deploy(site: Site, archive: Path, *words: str) -> None:
    """Serve a release on both hosts, with these words on the command line."""
    done = site.play("vendhub.ops.deploy", *words, deployment_archive=str(archive), deployment_watch_seconds=2)
    assert done.code == 0, done.screen[-4000:]


def tag(site: Site, name: str) -> str:
    """Which release a host serves, by the kernel's word."""
    return sh(site.lab[name], "for pid in $(pgrep -u vendhub -f dist/main.js); do cat /proc/$pid/cwd/TAG; echo; done"
                              " | sort -u").strip()


def state(site: Site) -> str:
    """What a recovery that only looks must not change."""
    return "\n".join(sh(site.lab[name], "pgrep -a -u vendhub node; ls -lR /var/lib/vendhub-ops | grep -v evidence;"
                                        " systemctl list-units --state=running --no-legend --plain | cut -d' ' -f1"
                                        " | grep -v '^session\\|^user'") for name in hosts_of(LAYOUT))


def test_a_site_that_is_well_is_left_alone(site: Site) -> None:
    done = recover(site)
    assert done.code == 0, done.screen[-3000:]
    assert "Nothing that takes the site down was found; nothing was changed." in done.screen
    assert set(done.recap("changed").values()) == {0}


@pytest.mark.parametrize("name", OUTAGES)
def test_the_cause_is_found_and_dealt_with(
        site: Site, name: str, record_property: t.Callable[[str, object], None]) -> None:
    outage = OUTAGES[name]
    with broken(site, outage):
        began = time.monotonic()
        done = recover(site)
        record_property("seconds_to_recover", round(time.monotonic() - began, 1))
        causes = found(done)
        assert [(one[0], one[1]) for one in causes] == list(outage.causes), done.screen[-6000:]
        assert outage.why.replace("_", " ") in "".join(one[2] for one in causes)
        assert (done.code == 0) == outage.recovers, done.screen[-6000:]
        assert ("Recovered;" if outage.recovers else "NOT recovered;") in done.screen
        if outage.recovers:
            assert sh(site.lab["app1"], "curl --silent --fail --max-time 5 http://127.0.0.1:3000/health")
        else:
            assert "On call: the pager" in done.screen
        assert sorted(bundles(done)) == hosts_of(LAYOUT)


@pytest.mark.parametrize(("fault", "seconds"), [("answers_500", 0), ("dies_late", 45)])
def test_a_bad_release_is_taken_back(site: Site, forge: Forge, fault: str, seconds: float) -> None:
    deploy(site, forge.pack(f"good-{fault}"))
    deploy(site, forge.pack(fault, fault), *NOBODY_LOOKS)
    time.sleep(seconds)
    done = recover(site, "-e", "recover_first_watch_seconds=25")
    assert {one[0] for one in found(done)} == {"bad_release"}, done.screen[-6000:]
    assert done.code == 0, done.screen[-6000:]
    assert {tag(site, name) for name in LAYOUT["api"]} == {f"good-{fault}"}, done.screen[-6000:]


def test_a_diagnosis_changes_nothing(site: Site) -> None:
    outage = OUTAGES["Redis is stopped"]
    with broken(site, outage):
        before = state(site)
        done = run(site, "--check")
        assert state(site) == before
        assert "would start Redis" in done.screen
        assert done.code == 2
        sh(site.lab["db1"], "systemctl start redis-server")


def test_a_remedy_that_does_not_last_is_used_so_often_and_no_more(site: Site) -> None:
    recover(site)
    for count in range(4):
        sh(site.lab["db1"], "systemctl stop redis-server")
        done = run(site)
        assert (done.code == 0) == (count < 3), done.screen[-4000:]
    assert "start_services was used 3 of 3 times within 1 h" in " ".join(done.screen.split())
    sh(site.lab["db1"], "systemctl start redis-server")
    for name in LAYOUT["api"]:
        sh(site.lab[name], healthy())


def test_the_evidence_is_older_than_the_first_action(site: Site) -> None:
    with broken(site, OUTAGES["the app is stopped"]):
        done = recover(site)
        first = json.loads(sh(site.lab["app1"], "head -1 /var/lib/vendhub-ops/actions.jsonl"))
        with tarfile.open(bundles(done)["app1"]) as bundle:
            names = bundle.getnames()
            told = bundle.extractfile(next(name for name in names if name.endswith("pm2.json")))
            assert told is not None
            assert b"stopped" in told.read()
        assert bundles(done)["app1"].parent.name[:16] <= re.sub("[-:]", "", first["at"])[:15] + "Z"


def test_a_host_that_cannot_be_reached_is_named_and_the_others_are_looked_at(site: Site) -> None:
    site.lab["app2"].cable(False)
    try:
        done = run(site)
    finally:
        site.lab["app2"].cable(True)
        site.lab["app2"].forget_connections()
    assert [(one[0], one[1]) for one in found(done)] == [("host_unreachable", "app2")], done.screen[-4000:]
    assert done.code != 0
    assert "On call: the pager" in done.screen


def test_a_killed_recovery_is_finished_by_the_next_one(site: Site) -> None:
    with broken(site, OUTAGES["the app is stopped"]):
        killed = start("vendhub.ops.recover", site.inventory(**options(site)))
        assert killed.stdout is not None
        for line in killed.stdout:
            if "Start the app as its ecosystem file says" in line:
                break
        kill(killed)
        done = recover(site)
        assert done.code == 0, done.screen[-4000:]
        assert sh(site.lab["app1"], "cat /var/lib/vendhub-ops/lock.json 2>/dev/null || true").strip() in ("", "{}")


def found(done: Run) -> list[tuple[str, str, str]]:
    """(cause, host, its facts) as the message tells them."""
    lines = done.screen.splitlines()
    lines = lines[lines.index("What was down, and why:") + 1:lines.index("What was done:")]
    rows: list[tuple[str, str, str]] = []
    for line in lines:
        if line.startswith("    - ") and rows:
            rows[-1] = (rows[-1][0], rows[-1][1], f"{rows[-1][2]} {line[6:]}")
        elif line.startswith("  ") and ": " in line:
            host, words = line.strip().split(": ", 1)
            kind = next((one for one in KINDS if words.startswith(one.replace("_", " "))), words)
            rows.append((kind, host, ""))
    return rows


KINDS = sorted({cause for outage in OUTAGES.values() for cause, _host in outage.causes}
               | {"bad_release", "host_unreachable", "unknown"}, key=len, reverse=True)


def bundles(done: Run) -> dict[str, Path]:
    """The evidence of each host, as the message names it."""
    lines = done.screen.splitlines()
    start = lines.index("Evidence, saved before anything was touched:") + 1
    return {host: Path(path) for host, path in (line.strip().split(": ", 1) for line in lines[start:start + 3])}
