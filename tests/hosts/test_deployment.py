# SPDX-License-Identifier: GPL-3.0-or-later
"""A release is served on all app hosts or on none, whatever goes wrong and whenever the controller dies."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import tarfile
import time
import typing as t
from pathlib import Path

import pytest

from tests.hosts.load import Load
from tests.hosts.play import Run, kill, start
from tests.hosts.releases import Forge
from tests.hosts.site import Site, hosts_of
from tests.lab import Lab, network
from tests.lab.machine import run as machine_run

LAYOUT = {"api": ("app1", "app2"), "web": ("app1", "app2"), "postgresql": ("db1",), "redis": ("db1",),
          "monitoring": ("db1",)}
APPS = LAYOUT["api"]
DEPLOY, ROLLBACK = "vendhub.ops.deploy", "vendhub.ops.rollback"
QUICK = {"deployment_watch_seconds": 3, "deployment_back_watch_seconds": 2, "deployment_deadline_seconds": 60}
LOCK = "/var/lib/vendhub-ops/lock.json"
TASK_SECONDS = 240.0


class Shop:
    """The site, the releases that are made for it, and what its app hosts serve."""

    def __init__(self, site: Site, forge: Forge) -> None:
        self.site, self.forge, self._count = site, forge, 0

    def pack(self, fault: str = "") -> Path:
        """A new release."""
        self._count += 1
        return self.forge.pack(f"v{self._count}", fault)

    def words(self, archive: Path | None = None, **options: t.Any) -> list[str]:
        """What is said on the command line."""
        named = {"deployment_archive": str(archive)} if archive else {}
        return ["-e", json.dumps({**QUICK, **named, **options})]

    def deploy(self, archive: Path, *more: str, **options: t.Any) -> Run:
        return self.site.play(DEPLOY, *self.words(archive, **options), *more)

    def rollback(self, *more: str, **options: t.Any) -> Run:
        return self.site.play(ROLLBACK, *self.words(**options), *more)

    def serve(self, fault: str = "") -> str:
        """Deploy a new release, which must go well; its id."""
        archive = self.pack(fault)
        done = self.deploy(archive)
        assert done.code == 0, done.screen[-4000:]
        assert self.served() == identity(archive)
        return identity(archive)

    def each(self) -> dict[str, set[str]]:
        """By host, the releases that the link points to and that the processes of the apps run from."""
        look = ("readlink /opt/vendhub/current; for pid in $(pgrep -u vendhub -f /opt/vendhub/current/dist/);"
                " do readlink /proc/$pid/cwd || true; done")
        return {name: {Path(line).name for line in self.sh(name, look).splitlines()} for name in APPS}

    def served(self) -> str:
        """The one release that all app hosts serve."""
        found = set.union(*self.each().values())
        assert len(found) == 1, self.each()
        for name in APPS:
            assert self.sh(name, "curl --silent --fail --max-time 5 http://127.0.0.1:3000/health")
        return found.pop()

    def states(self, release: str) -> dict[str, str]:
        """What the ledger of each app host last said of the release."""
        found = {}
        for name in APPS:
            lines = [json.loads(line) for line in self.sh(name, "cat /var/lib/vendhub-ops/releases.jsonl").splitlines()]
            found[name] = [line["event"] for line in lines if line["release"] == release and
                           line["event"] in ("staged", "proven", "good", "bad")][-1]
        return found

    def locked(self) -> list[str]:
        """The app hosts on which there is a lock."""
        return [name for name in APPS if self.site.lab[name].run(["test", "-e", LOCK], check=False).returncode == 0]

    def everything(self) -> str:
        """All that a deployment could change on the app hosts; not what the apps log."""
        look = ("find /opt/vendhub /var/lib/vendhub-ops /home/vendhub/.pm2/dump.pm2 -path '*/logs/*' -prune -o"
                " -printf '%p %y %m %u %l\\n' | sort; find /opt/vendhub /var/lib/vendhub-ops -path '*/logs/*' -prune -o"
                " -type f -print0 | sort -z | xargs -0 sha256sum; pgrep -a -u vendhub node | sort")
        return "\n".join(self.sh(name, look) for name in APPS)

    def sh(self, host: str, command: str) -> str:
        return self.site.lab[host].run(["sh", "-c", command], timeout=120).stdout

    def killed(self, playbook: str, words: t.Sequence[str], task: str, seconds: float) -> None:
        """Begin a run and kill it that many seconds after it began that task on all hosts."""
        run = start(playbook, self.site.inventory(), *words)
        screen = []
        deadline = time.monotonic() + TASK_SECONDS
        assert run.stdout
        with run:
            for line in run.stdout:
                screen.append(line)
                if re.match(rf"TASK \[(vendhub.ops.deployment : )?{re.escape(task)}\]", line):
                    time.sleep(seconds)
                    break
                assert time.monotonic() < deadline, "".join(screen)
            assert run.poll() is None, "".join(screen)[-4000:]
            kill(run)
            run.stdout.close()
        assert run.returncode == -signal.SIGKILL


def identity(archive: Path) -> str:
    return archive.name.removesuffix(".tar.gz")


@contextlib.contextmanager
def alone(shop: Shop) -> t.Iterator[None]:
    """The app hosts reach each other and their database, and nothing else: no registry, no Git, no name server."""
    rules = ("table inet alone { chain out { type filter hook output priority 0; ct state established accept;"
             f' oifname "lo" accept; ip daddr {network.subnet(shop.site.lab.number)} accept; reject; }}; }}')
    inside = [["ip", "netns", "exec", shop.site.lab[name].machine, "nft"] for name in APPS]
    for nft in inside:
        machine_run([*nft, "-f", "-"], input=rules)
    try:
        yield
    finally:
        for nft in inside:
            machine_run([*nft, "delete", "table", "inet", "alone"])


@contextlib.contextmanager
def away(shop: Shop, host: str) -> t.Iterator[None]:
    """The host is cut off from everybody."""
    shop.site.lab[host].cable(False)
    try:
        yield
    finally:
        shop.site.lab[host].cable(True)
        shop.site.lab[host].forget_connections()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Shop]:
    """Two app hosts with their web servers and a server of data, provisioned; no Git, no way to any package source."""
    with Lab("deploy", hosts_of(LAYOUT)) as lab:
        site = Site(lab, tmp_path_factory.mktemp("site"), LAYOUT)
        site.prepare()
        done = site.play("vendhub.ops.provision")
        assert done.code == 0, done.screen[-4000:]
        site.migrate()
        yield Shop(site, Forge(tmp_path_factory.mktemp("forge")))


def test_the_first_deployment_knows_what_was_served_and_serves_the_release_on_all_hosts(shop: Shop) -> None:
    before, archive = shop.served(), shop.pack()
    state = shop.everything()
    dry = shop.deploy(archive, "--check", "--diff")
    assert dry.code == 0, dry.screen[-4000:]
    assert shop.everything() == state
    done = shop.deploy(archive)
    assert done.code == 0, done.screen[-4000:]
    assert shop.served() == identity(archive)
    assert shop.states(before) == shop.states(identity(archive)) == {"app1": "good", "app2": "good"}
    assert shop.locked() == []


def test_a_second_run_changes_nothing(shop: Shop) -> None:
    archive = shop.pack()
    assert shop.deploy(archive).code == 0
    state = shop.everything()
    again = shop.deploy(archive)
    assert (again.code, again.changed) == (0, 0), again.screen[-4000:]
    assert shop.everything() == state


def test_a_rollback_under_load_fails_no_request_and_needs_no_git_and_no_network(
        shop: Shop, record_property: t.Callable[[str, object], None]) -> None:
    before, newer = shop.served(), shop.serve()
    state = shop.everything()
    dry = shop.rollback("--check", "--diff")
    assert dry.code == 0, dry.screen[-4000:]
    assert f"app1: from {newer} to {before}" in dry.words
    assert shop.everything() == state
    for name in APPS:
        assert shop.site.lab[name].run(["which", "git"], check=False).returncode != 0
    with alone(shop), Load(shop.site) as load:
        began = time.monotonic()
        done = shop.rollback()
        seconds = time.monotonic() - began
    assert done.code == 0, done.screen[-4000:]
    assert shop.served() == before
    assert shop.states(newer) == {"app1": "bad", "app2": "bad"}
    assert len(load.answers) > seconds * 20
    assert load.failed == []
    record_property("seconds_to_roll_back", round(seconds, 1))
    record_property("slowest_answer_seconds", round(max(one.seconds for one in load.answers), 2))


def test_a_second_rollback_goes_to_the_release_before_that_and_a_bad_one_is_not_taken_again(shop: Shop) -> None:
    first, second, third = shop.served(), shop.serve(), shop.serve()
    assert shop.rollback().code == 0
    assert shop.served() == second
    assert shop.rollback(deployment_reason="orders fail").code == 0
    assert shop.served() == first
    refused = shop.rollback(deployment_release=third.rpartition("-")[2])
    assert f"{third} was found bad" in refused.refusal
    assert shop.served() == first
    assert shop.rollback(deployment_release=third).code == 0
    assert shop.served() == third
    assert shop.locked() == []


def test_a_host_on_which_staging_fails_leaves_all_as_they_were(shop: Shop) -> None:
    before, archive = shop.served(), shop.pack()
    with shop.site.lab["app2"].full_disk("/opt/vendhub/releases", free_bytes=1024 * 1024):
        failed = shop.deploy(archive)
    assert "MiB are free" in failed.refusal
    assert (shop.served(), shop.locked()) == (before, [])
    wrong = shop.deploy(shop.pack(), deployment_archive_sha256="0" * 64)
    assert "0000" in wrong.refusal
    assert (shop.served(), shop.locked()) == (before, [])


def test_a_host_that_cannot_switch_takes_all_hosts_back(shop: Shop) -> None:
    before, archive = shop.served(), shop.pack()
    shop.sh("app2", "mkdir -p /opt/vendhub/.current-new/in-the-way")
    try:
        failed = shop.deploy(archive)
    finally:
        shop.sh("app2", "rm -r /opt/vendhub/.current-new")
    assert failed.code == 2
    assert "/opt/vendhub/current cannot be changed: Is a directory; it points where it pointed" in failed.words
    assert f"all hosts serve {before} as before" in failed.words
    assert (shop.served(), shop.locked()) == (before, [])
    assert set(shop.states(identity(archive)).values()) == {"proven"}  # that was not the release's fault
    assert shop.deploy(archive).code == 0
    assert shop.served() == identity(archive)


@pytest.mark.parametrize(("fault", "watch", "words"), [
    ("fails_on_app2", 3, "app2"), ("fails_under_pm2", 3, "vendhub-api"), ("answers_500", 3, "500"),
    ("dies_late", 30, "vendhub-api")])
def test_a_release_that_does_not_hold_is_taken_back_on_all_hosts_and_marked_bad(
        shop: Shop, fault: str, watch: int, words: str) -> None:
    before, archive = shop.served(), shop.pack(fault)
    failed = shop.deploy(archive, deployment_watch_seconds=watch)
    assert failed.code == 2, failed.screen[-4000:]
    assert words in failed.refusal
    assert f"all hosts serve {before} as before" in failed.words
    assert (shop.served(), shop.locked()) == (before, [])
    assert set(shop.states(identity(archive)).values()) == {"bad"}
    again = shop.deploy(archive)
    assert f"{identity(archive)} was found bad" in again.refusal
    assert shop.served() == before


def test_a_release_that_does_not_start_is_never_served(shop: Shop) -> None:
    before, archive = shop.served(), shop.pack("syntax_error")
    with Load(shop.site) as load:
        failed = shop.deploy(archive)
    assert "SyntaxError" in failed.refusal
    assert (shop.served(), shop.locked(), load.failed) == (before, [], [])


@pytest.mark.parametrize(("task", "seconds"), [
    ("Unpack the release beside the one that is served", 1),
    ("Prove the release on a spare port", 2),
    ("Say what is going to be done", 0),
    ("Change the schema", 0),
    ("Point to the release", 0.5),
    ("Run the apps from it, and watch them", 0),
    ("Run the apps from it, and watch them", 6),
    ("Write down that the release is good", 1),
    ("Give the lock back", 0),
])
def test_a_deployment_that_was_killed_is_finished_by_the_next_run_and_can_be_taken_back(
        shop: Shop, task: str, seconds: float) -> None:
    before, archive = shop.served(), shop.pack()
    shop.killed(DEPLOY, shop.words(archive, deployment_watch_seconds=8), task, seconds)
    done = shop.deploy(archive)
    assert done.code == 0, done.screen[-6000:]
    assert (shop.served(), shop.locked()) == (identity(archive), [])
    assert set(shop.states(identity(archive)).values()) == {"good"}
    dry = shop.rollback("--check")
    assert f"app1: from {identity(archive)} to {before}" in dry.words
    assert f"app2: from {identity(archive)} to {before}" in dry.words


@pytest.mark.parametrize(("task", "seconds"), [
    ("Point to the release", 0.5), ("Run the apps from it, and watch them", 3)])
def test_a_deployment_that_was_killed_is_taken_back_by_a_rollback(shop: Shop, task: str, seconds: float) -> None:
    before, archive = shop.served(), shop.pack()
    shop.killed(DEPLOY, shop.words(archive, deployment_watch_seconds=8), task, seconds)
    done = shop.rollback()
    assert done.code == 0, done.screen[-6000:]
    assert (shop.served(), shop.locked()) == (before, [])


@pytest.mark.parametrize(("task", "seconds"), [
    ("Write the plan into the lock", 0),
    ("Point to the release", 0.5),
    ("Run the apps from it, and watch them", 0),
    ("Run the apps from it, and watch them", 4),
    ("Write down that the release is bad", 0.5),
    ("Give the lock back", 0),
])
def test_a_rollback_that_was_killed_is_finished_by_the_next_run_and_goes_no_further_back(
        shop: Shop, task: str, seconds: float) -> None:
    before, newer = shop.served(), shop.serve()
    shop.killed(ROLLBACK, shop.words(deployment_back_watch_seconds=6), task, seconds)
    done = shop.rollback()
    assert done.code == 0, done.screen[-6000:]
    assert (shop.served(), shop.locked()) == (before, [])
    assert set(shop.states(newer).values()) == {"bad"}


def test_what_a_killed_run_left_survives_a_run_that_fails_early(shop: Shop) -> None:
    before, archive = shop.served(), shop.pack()
    shop.killed(DEPLOY, shop.words(archive), "Run the apps from it, and watch them", 0)
    failed = shop.deploy(shop.pack(), deployment_archive_sha256="0" * 64)
    assert failed.code == 2
    assert "so the lock stays with its plan" in failed.words
    assert shop.rollback().code == 0
    assert (shop.served(), shop.locked()) == (before, [])


def test_two_runs_at_once_do_not_meet(shop: Shop) -> None:
    archive = shop.pack()
    first = start(DEPLOY, shop.site.inventory(), *shop.words(archive, deployment_reason="the new tariff",
                                                             deployment_watch_seconds=20))
    try:
        deadline = time.monotonic() + 60
        while sorted(shop.locked()) != sorted(APPS):
            assert time.monotonic() < deadline
        refused = shop.rollback()
        assert "holds the lock for deploy (the new tariff)" in refused.refusal
        screen = first.communicate(timeout=TASK_SECONDS)[0]
    finally:
        if first.poll() is None:
            kill(first)
    assert first.returncode == 0, screen[-4000:]
    assert (shop.served(), shop.locked()) == (identity(archive), [])


def test_a_run_that_meets_a_lock_on_one_host_gives_the_others_back(shop: Shop) -> None:
    theirs = shop.site.folder / "lock.json"
    theirs.write_text(json.dumps([{"hosts": "app2", "gather_facts": False, "tasks": [{"vendhub.ops.operation_lock": {
        "operation": "recover", "holder": "the other team"}}]}]))
    assert shop.site.play(theirs).code == 0
    try:
        refused = shop.rollback()
        assert "the other team holds the lock for recover" in refused.refusal
        assert shop.locked() == ["app2"]
    finally:
        shop.sh("app2", f"rm {LOCK}")


def test_app_hosts_are_left_out_only_when_that_is_said(shop: Shop) -> None:
    before = shop.served()
    refused = shop.deploy(shop.pack(), "--limit", "app1")
    assert "app2 would be left with another release" in refused.refusal
    assert shop.served() == before
    archive = shop.pack()
    assert shop.deploy(archive, "--limit", "app1", deployment_partial=True).code == 0
    assert shop.each() == {"app1": {identity(archive)}, "app2": {before}}
    assert shop.deploy(archive).code == 0
    assert shop.served() == identity(archive)


def test_a_host_that_is_away_from_the_beginning_keeps_all_as_they_are(shop: Shop) -> None:
    before = shop.served()
    with away(shop, "app2"):
        for done in (shop.deploy(shop.pack()), shop.rollback()):
            assert done.code != 0
            assert "app2" in done.words
    assert (shop.served(), shop.locked()) == (before, [])


def test_a_host_that_falls_silent_on_the_way_takes_the_others_back(shop: Shop) -> None:
    before, archive = shop.served(), shop.pack()
    run = start(DEPLOY, shop.site.inventory(), *shop.words(archive, deployment_watch_seconds=15))
    assert run.stdout
    screen: list[str] = []
    gone = contextlib.ExitStack()
    with gone, run:
        for line in run.stdout:
            if "Run the apps from it, and watch them" in line and not any("Run the apps" in one for one in screen):
                time.sleep(4)
                gone.enter_context(away(shop, "app2"))
            screen.append(line)
    assert run.returncode != 0
    assert shop.each()["app1"] == {before}, "".join(screen)[-6000:]
    assert set(shop.states(identity(archive)).values()) == {"proven"}
    done = shop.rollback()
    assert done.code == 0, done.screen[-4000:]
    assert (shop.served(), shop.locked()) == (before, [])


def test_what_one_host_built_is_served_by_all(shop: Shop) -> None:
    shop.sh("app1", "command -v git || (apt-get update && apt-get install --yes --no-install-recommends git)")
    archive = shop.forge.folder / "work.tar"
    with tarfile.open(archive, "w") as packed:
        packed.add(shop.forge.work, ".")
    target = shop.site.lab["app1"].root / "srv"
    with tarfile.open(archive) as packed:
        packed.extractall(target / "vendhub", filter="fully_trusted")
    shop.sh("app1", "chown -R vendhub: /srv/vendhub")
    done = shop.site.play(DEPLOY, *shop.words(
        deployment_build_host="app1", deployment_repository="/srv/vendhub", deployment_ref="main",
        deployment_build=[["node", "--version"]],
        deployment_controller_directory=str(shop.site.folder / "built")))
    assert done.code == 0, done.screen[-6000:]
    release = shop.served()
    assert f"{release}.log" in shop.sh("app1", "ls /var/lib/vendhub-ops/builds")
    assert "builds" not in shop.sh("app2", "ls /var/lib/vendhub-ops")
