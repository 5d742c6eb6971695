# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways in which a site goes down, each really done to a host, with the cause that must be found."""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from tests.hosts.site import Site
from tests.lab.host import Host

PM2 = "runuser -u vendhub -- env HOME=/home/vendhub /usr/local/bin/pm2"
UNIT = "pm2-vendhub.service"
DROP_IN = f"/run/systemd/system/{UNIT}.d"
ENV = "/opt/vendhub/shared/.env.production"
MAIN = "/opt/vendhub/current/dist/main.js"
HOLD = """
import os, psycopg2, signal
held = []
try:
    while True:
        held.append(psycopg2.connect(host="127.0.0.1", dbname="vendhub_prod", user="vendhub", password=os.environ["P"]))
except psycopg2.OperationalError:
    print(len(held), flush=True)
signal.pause()
"""


@dataclasses.dataclass(frozen=True)
class Outage:
    """What is broken on which host and mended afterwards, and what recovery must make of it.

    ``causes`` are (kind, host); ``why`` is the reason of a crash; ``recovers`` whether the site must be well in the
    end; ``disk`` is a folder that becomes a full disk.
    """

    host: str
    breaks: str
    causes: tuple[tuple[str, str], ...]
    recovers: bool
    mends: str = ""
    why: str = ""
    disk: str = ""


def healthy(port: int = 3000) -> str:
    """A command that waits until the app answers well."""
    url = f"http://127.0.0.1:{port}/health"
    return f"for i in $(seq 60); do curl --silent --fail --max-time 3 {url} >/dev/null && exit 0; sleep 1; done; exit 1"


MAIN_PID = "$(systemctl show --property=MainPID --value {unit})"
DAEMON, CACHE = MAIN_PID.format(unit=UNIT), MAIN_PID.format(unit="redis-server")
POSTMASTER = "-u postgres -f 'postgres -D|postgresql/.*/bin/postgres'"
REDIS = "redis-cli --no-auth-warning -a {redis} config set"
RESTART = f"{PM2} restart vendhub-api"

OUTAGES: dict[str, Outage] = {
    "the app is stopped": Outage("app1", f"{PM2} stop vendhub-api", (("app_stopped", "app1"),), True),
    "the app is deleted": Outage("app1", f"{PM2} delete vendhub-api", (("app_absent", "app1"),), True),
    "a worker is deleted": Outage("app2", f"{PM2} delete job-scheduler", (("app_absent", "app2"),), True),
    "the daemon is killed": Outage(
        "app1", f"mkdir -p {DROP_IN}; printf '[Service]\nRestart=no\n' > {DROP_IN}/dead.conf; systemctl daemon-reload;"
        f" kill -KILL {DAEMON}; sleep 2",
        (("pm2_daemon_dead", "app1"),), True, mends=f"rm -r {DROP_IN}; systemctl daemon-reload"),
    "the daemon hangs": Outage("app1", f"kill -STOP {DAEMON}", (("pm2_daemon_hung", "app1"),), True),
    "a variable is missing": Outage(
        "app1", f"sed -i s/^JWT_SECRET/NO_SECRET/ {ENV}; {RESTART} || true; sleep 12",
        (("crash_loop", "app1"),), False, why="missing_variable",
        mends=f"sed -i s/^NO_SECRET/JWT_SECRET/ {ENV}; {RESTART}"),
    "the code is broken": Outage(
        "app1", f"cp -a {MAIN} /root/main.js; echo 'const = broken' >> {MAIN}; {RESTART} || true; sleep 12",
        (("crash_loop", "app1"),), False, why="broken_code", mends=f"cp -a /root/main.js {MAIN}; {RESTART}"),
    "another program has the port": Outage(
        "app1", f"{PM2} stop vendhub-api; systemd-run --unit=thief python3 -m http.server 3000; sleep 1;"
        f" {RESTART} || true; sleep 5",
        (("port_stolen", "app1"),), False, mends=f"systemctl stop thief; {RESTART}"),
    "PostgreSQL is stopped": Outage("db1", "systemctl stop postgresql", (("postgresql_down", "db1"),), True),
    "PostgreSQL is frozen": Outage("db1", f"pkill -STOP {POSTMASTER}", (("postgresql_silent", "db1"),), False,
                                   mends=f"pkill -CONT {POSTMASTER}"),
    "PostgreSQL has no connection left": Outage(
        "db1", "systemd-run --unit=holder --setenv=P={password} python3 -c '{hold}'; sleep 5",
        (("postgresql_exhausted", "db1"),), False, mends="systemctl stop holder"),
    "Redis is stopped": Outage("db1", "systemctl stop redis-server", (("redis_down", "db1"),), True),
    "Redis is frozen": Outage("db1", f"kill -STOP {CACHE}", (("redis_silent", "db1"),), False,
                              mends=f"kill -CONT {CACHE}"),
    "Redis is full": Outage(
        "db1", f"{REDIS} maxmemory-policy noeviction; {REDIS} maxmemory 1mb", (("redis_full", "db1"),), False,
        mends=f"{REDIS} maxmemory 0"),
    "Redis and PostgreSQL are stopped": Outage(
        "db1", "systemctl stop redis-server postgresql", (("postgresql_down", "db1"), ("redis_down", "db1")), True),
    "the app's disk is full": Outage("app1", "", (("disk_full", "app1"),), False, disk="/opt/vendhub"),
    "PostgreSQL's disk is full": Outage(
        "db1", "systemctl restart 'postgresql@*' || true", (("disk_full", "db1"),), False, disk="/var/lib/postgresql",
        mends="systemctl restart 'postgresql@*'"),
    "nginx is down": Outage("app1", "systemctl stop nginx", (("proxy_down", "app1"),), True),
}


@contextlib.contextmanager
def broken(site: Site, outage: Outage) -> t.Iterator[None]:
    """The site in this state; mended afterwards, and waited for."""
    host = site.lab[outage.host]
    variables = site.variables()
    words = {"password": variables["site_database_password"], "redis": variables["site_redis_password"], "hold": HOLD}
    with contextlib.ExitStack() as stack:
        stack.callback(sh, host, _filled(outage.mends or "true", words))
        if outage.disk:
            stack.enter_context(host.full_disk(outage.disk))
        sh(host, _filled(outage.breaks or "true", words))
        yield
    for name in site.layout["api"]:
        sh(site.lab[name], healthy())


def sh(host: Host, script: str, seconds: float = 120) -> str:
    """What a script prints on a host."""
    return host.run(["sh", "-c", script], timeout=seconds).stdout


def _filled(script: str, words: t.Mapping[str, str]) -> str:
    for name, value in words.items():
        script = script.replace("{" + name + "}", value)
    return script
