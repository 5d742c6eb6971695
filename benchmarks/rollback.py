# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollback under load against the runbook's procedure, two app hosts: ``python benchmarks/rollback.py [--rounds 3]``.

Boots hosts, so it needs what docs/lab.md names. Each way goes from a newer to an older release while every web host is
asked 20 times a second; the runbook's is tried as written, and with the development dependencies its build needs.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / ".collections")]

from demo.services import INSTALL_TIMEOUT_SECONDS, NOT_SOURCE, SOURCE  # noqa: E402  (needs the path)
from demo.stack import node  # noqa: E402
from tests.hosts.load import Load  # noqa: E402
from tests.hosts.releases import Forge  # noqa: E402
from tests.hosts.site import Site, hosts_of  # noqa: E402
from tests.lab import Lab  # noqa: E402
from tests.lab.host import Host  # noqa: E402

LAYOUT = {"api": ("app1", "app2"), "web": ("app1", "app2"), "postgresql": ("db1",), "redis": ("db1",),
          "monitoring": ("db1",)}
APPS = LAYOUT["api"]
CHECKOUT = "/srv/vendhub"
OWNER = ["runuser", "-u", "vendhub", "--", "env", "HOME=/home/vendhub", f"VENDHUB_APP_DIR={CHECKOUT}"]
# the runbook's "Rollback to previous version", line by line; a failed line stopped nobody
AS_WRITTEN = (["git", "checkout", "HEAD~1"], ["npm", "ci", "--production"], ["npm", "run", "build"],
              ["pm2", "restart", "vendhub-api"])
WITH_COMPILER = (["git", "checkout", "HEAD~1"], ["npm", "ci", "--include=dev"], ["npm", "run", "build"],
                 ["pm2", "restart", "vendhub-api"])
SETTLE_SECONDS = 20.0


class Tried(t.NamedTuple):
    """One rollback: how long the command took, what the load saw, and whether the older release is served."""

    seconds: float
    asked: int
    failed: int
    down_seconds: float
    went_back: bool


def tried(site: Site, work: t.Callable[[], None], older: t.Callable[[], bool]) -> Tried:
    with Load(site) as load:
        time.sleep(1)
        began = time.monotonic()
        work()
        seconds = time.monotonic() - began
        limit = time.monotonic() + SETTLE_SECONDS
        while not older() and time.monotonic() < limit:
            time.sleep(0.5)
    down = {host: len({round(one.at, 1) for one in load.failed if one.host == host}) / 10 for host in APPS}
    return Tried(seconds, len(load.answers), len(load.failed), max(down.values()), older())


def ours(site: Site, forge: Forge, number: int) -> Tried:
    names = []
    for age in ("older", "newer"):
        archive = forge.pack(f"{age}-{number}")
        done = site.play("vendhub.ops.deploy", deployment_archive=str(archive), deployment_watch_seconds=3)
        assert done.code == 0, done.screen[-3000:]
        names.append(archive.name.removesuffix(".tar.gz"))

    def back() -> None:
        rolled = site.play("vendhub.ops.rollback")
        assert rolled.code == 0, rolled.screen[-3000:]

    look = "for pid in $(pgrep -u vendhub -f vendhub-api); do basename $(readlink /proc/$pid/cwd); done | sort -u"
    return tried(site, back, lambda: all(sh(site.lab[name], look).strip() == names[0] for name in APPS))


def adopt_runbook(site: Site, folder: Path) -> None:
    """Serve from a checkout with two commits, as the runbook has it; npm finds its packages in a cache beside."""
    source, cache = folder / "checkout", folder / "npm"
    shutil.copytree(SOURCE, source, ignore=NOT_SOURCE)
    node.npm(["ci", "--cache", str(cache)], source, INSTALL_TIMEOUT_SECONDS)
    shutil.rmtree(source / "node_modules")
    health = source / "src/health.ts"
    text = health.read_text()
    assert text.count("info, error, details") == 1
    for name in APPS:
        host = site.lab[name]
        sh(host, "command -v git || (apt-get update && apt-get install --yes --no-install-recommends git)")
        shutil.copytree(source, host.root / CHECKOUT.lstrip("/"))
        shutil.copytree(cache, host.root / "home/vendhub/.npm", dirs_exist_ok=True)
        sh(host, f"chown -R vendhub: {CHECKOUT} /home/vendhub/.npm;"
                 f" ln -s /opt/vendhub/shared/.env.production {CHECKOUT}/.env.production")
        for build in ("older", "newer"):
            (host.root / CHECKOUT.lstrip("/") / "src/health.ts").write_text(
                text.replace("info, error, details", f"build: '{build}', info, error, details"))
            for words in (["git", "init", "--quiet"], ["git", "add", "--all"],
                          ["git", "-c", "user.name=Bench", "-c", "user.email=bench@vendhub.test", "commit", "--quiet",
                           "--message", build]):
                as_owner(host, words)


def serve_newer(site: Site) -> None:
    for name in APPS:
        host = site.lab[name]
        for words in (["git", "checkout", "--quiet", "--force", "master"], ["npm", "ci", "--include=dev", "--offline"],
                      ["npm", "run", "build"], ["npm", "prune", "--omit=dev", "--offline"]):
            as_owner(host, words)
        as_owner(host, ["pm2", "delete", "all"], check=False)
        as_owner(host, ["pm2", "start", f"{CHECKOUT}/ecosystem.config.js"])
    wait_for(site, "newer")


def runbook(site: Site, procedure: t.Sequence[t.Sequence[str]]) -> Tried:
    serve_newer(site)

    def back() -> None:
        for name in APPS:
            for words in procedure:
                offline = ["--offline"] if words[:2] == ["npm", "ci"] else []
                as_owner(site.lab[name], [*words, *offline], check=False)

    return tried(site, back, lambda: builds(site) == {"older"})


def builds(site: Site) -> set[str]:
    """Which builds the app hosts' health pages name."""
    found = set()
    for name in APPS:
        said = site.lab[name].run(["curl", "--silent", "--max-time", "5", "http://127.0.0.1:3000/health"], check=False)
        found.add(json.loads(said.stdout).get("build", "none") if said.stdout.startswith("{") else "none")
    return found


def wait_for(site: Site, build: str) -> None:
    limit = time.monotonic() + 60
    while builds(site) != {build}:
        assert time.monotonic() < limit, builds(site)
        time.sleep(1)
    time.sleep(3)


def start_up(host: Host) -> float:
    """Seconds that the app needs from its start to its first good answer, on a port of its own."""
    script = ("cd /opt/vendhub/current; PORT=3999 node dist/main.js > /dev/null 2>&1 & "
              "until curl --silent --fail --max-time 1 http://127.0.0.1:3999/health > /dev/null;"
              " do sleep 0.05; done; kill $!")
    began = time.monotonic()
    host.run(["runuser", "-u", "vendhub", "--", "sh", "-c", script], timeout=60)
    return time.monotonic() - began


def as_owner(host: Host, words: t.Sequence[str], *, check: bool = True) -> None:
    host.run(["sh", "-c", 'cd "$0" && exec "$@"', CHECKOUT, *OWNER, *words], timeout=300, check=check)


def sh(host: Host, script: str) -> str:
    return host.run(["sh", "-c", script], timeout=300).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="vendhub-rollback-") as place, Lab("rollback", hosts_of(LAYOUT)) as lab:
        folder = Path(place)
        site = Site(lab, folder / "site", LAYOUT)
        site.prepare()
        done = site.play("vendhub.ops.provision")
        assert done.code == 0, done.screen[-3000:]
        site.migrate()
        forge = Forge(folder / "forge")
        ways = {"vendhub.ops.rollback": [ours(site, forge, number) for number in range(rounds)]}
        alone = start_up(site.lab[APPS[0]])
        adopt_runbook(site, folder)
        for name, procedure in (("the runbook's, as written", AS_WRITTEN),
                                ("the runbook's, with the compiler", WITH_COMPILER)):
            ways[name] = [runbook(site, procedure) for dummy in range(rounds)]
    print(f"two app hosts, {rounds} rounds; the app needs {alone:.1f} s from its start to its first good answer")
    print(f"{'medians':34}{'command':>10}{'failed':>10}{'of':>8}{'down':>10}  older release served")
    for name, rows in ways.items():
        seconds, asked, failed, down, back = (statistics.median(values) for values in zip(*rows, strict=True))
        print(f"{name:34}{seconds:8.1f} s{failed:10.0f}{asked:8.0f}{down:8.1f} s  {'yes' if back else 'no'}")


if __name__ == "__main__":
    main()
