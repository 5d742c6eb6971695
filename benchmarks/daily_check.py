# SPDX-License-Identifier: GPL-3.0-or-later
"""The daily check against its alternatives, side by side in one run over SSH on loopback addresses.

``python benchmarks/daily_check.py [--hosts 20] [--rounds 5]`` compares, for one host and for a fleet:

- ours: ``ansible-playbook playbooks/daily_check.yml``, report included
- (a) the runbook's own daily-check.sh through ``ansible.builtin.script``
- (b) the same questions asked by existing modules (uri, community.postgresql, community.general, command)
- (c) plain ``ssh host daily-check.sh`` through xargs, the floor
- (d) one ``ansible.builtin.ping`` per host, the floor of Ansible itself
- (e) one module per host that imports redis-py and psycopg2 and does nothing, the floor of any look by those libraries

The rounds are interleaved; the table shows medians and ratios. Every run starts without SSH connections, as in the
morning; ``--warm`` keeps them open between runs. Needs sshd, jq and the development environment.
"""

from __future__ import annotations

import argparse
import contextlib
import getpass
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from demo.stack import node  # noqa: E402  (needs the path)
from demo.stack.pm2 import Pm2  # noqa: E402
from demo.stack.ports import free_port  # noqa: E402
from demo.stack.postgresql import Cluster, binaries  # noqa: E402
from demo.stack.process import clean_environment  # noqa: E402
from demo.stack.redis import Server, binary  # noqa: E402

LISTEN_SOCKETS = 16  # as many as one sshd takes
BIN = ROOT / ".venv" / "bin"
API = """
const body = JSON.stringify({status: 'ok', info: {database: {status: 'up'}, redis: {status: 'up'}}});
require('http').createServer((q, s) => { s.setHeader('content-type', 'application/json'); s.end(body); })
  .listen(process.env.PORT, '127.0.0.1');
"""
# The runbook's script word for word; only the addresses and the missing host options are those of this machine.
SCRIPT = """#!/bin/bash
set -e
{environment}
echo "=== VendHub Daily Health Check ==="
echo "Date: $(date)"
echo ""
echo "--- API Health ---"
API_STATUS=$(curl -s -o /dev/null -w "%{{http_code}}" http://127.0.0.1:{api}/health)
if [ "$API_STATUS" == "200" ]; then
    echo "[OK] API is healthy"
else
    echo "[ALERT] API returned HTTP $API_STATUS"
fi
echo ""
echo "--- Database ---"
DB_CONN=$(psql -U vendhub_monitor -d postgres -t -c "SELECT count(*) FROM pg_stat_activity WHERE state='active';")
echo "Active connections: $DB_CONN"
if [ "$DB_CONN" -gt 50 ]; then
    echo "[WARN] High connection count"
fi
echo ""
echo "--- Redis ---"
REDIS_MEM=$(redis-cli -p {redis} -a $REDIS_PASSWORD info memory | grep used_memory_human | cut -d: -f2)
echo "Memory usage: $REDIS_MEM"
echo ""
echo "--- Disk Space ---"
DISK_USAGE=$(df -h / | awk 'NR==2 {{print $5}}' | tr -d '%')
echo "Root partition: ${{DISK_USAGE}}%"
if [ "$DISK_USAGE" -gt 80 ]; then
    echo "[WARN] Disk usage above 80%"
fi
echo ""
echo "--- PM2 Status ---"
pm2 jlist | jq '.[] | {{name, status, memory: .monit.memory, cpu: .monit.cpu}}'
echo ""
echo "=== Check Complete ==="
"""
# The least a module can do that asks Redis and PostgreSQL by their client libraries: load them, and leave.
IMPORTS = """#!/usr/bin/python
import psycopg2
import redis

from ansible.module_utils.basic import AnsibleModule

AnsibleModule(argument_spec={}, supports_check_mode=True).exit_json(changed=False)
"""


class Bench(t.NamedTuple):
    """One way to do it: its name and the command."""

    name: str
    command: list[str]


class Site:
    """Real services on this machine, sshd, and an inventory in which the machine is many hosts."""

    def __init__(self, folder: Path, hosts: int, services: contextlib.ExitStack) -> None:
        self.folder = folder
        self.hosts = hosts
        self.postgresql = services.enter_context(Cluster(folder / "postgresql"))
        self.redis = services.enter_context(Server(folder / "redis"))
        self.pm2 = services.enter_context(Pm2(Path(tempfile.mkdtemp(prefix="vb-", dir="/tmp")), version="7"))
        services.callback(shutil.rmtree, self.pm2.home, ignore_errors=True)
        self.api = free_port()
        self.ssh = free_port()
        self._start_api()
        self._start_sshd(services)
        self.postgresql.execute("CREATE ROLE vendhub_monitor LOGIN PASSWORD 'bench' IN ROLE pg_monitor")
        self.script = folder / "daily-check.sh"
        self.script.write_text(SCRIPT.format(environment=self._environment(), api=self.api, redis=self.redis.port))
        self.script.chmod(0o755)
        self.composed = folder / "composed.yml"
        self.composed.write_text(json.dumps(self._composed()))
        self.by_script = folder / "script.yml"
        self.by_script.write_text(json.dumps([{
            "name": "The runbook's script", "hosts": "vendhub", "gather_facts": False,
            "tasks": [{"name": "Run it", "ansible.builtin.script": str(self.script)}]}]))

        self.ping = folder / "ping.yml"
        self.ping.write_text(json.dumps([{"name": "Nothing", "hosts": "vendhub", "gather_facts": False,
                                          "tasks": [{"name": "Ping", "ansible.builtin.ping": {}}]}]))
        (folder / "library").mkdir()
        (folder / "library/only_imports.py").write_text(IMPORTS)
        self.imports = folder / "imports.yml"
        self.imports.write_text(json.dumps([{"name": "Imports", "hosts": "vendhub", "gather_facts": False,
                                             "tasks": [{"name": "Load the libraries", "only_imports": {}}]}]))

    def _start_api(self) -> None:
        (self.folder / "api.js").write_text(API)
        (self.folder / "ecosystem.config.json").write_text(json.dumps({"apps": [
            {"name": "vendhub-api", "script": str(self.folder / "api.js"), "exec_mode": "cluster", "instances": 2,
             "env": {"PORT": self.api}}]}))
        self.pm2.start(self.folder / "ecosystem.config.json")
        self.pm2.run("save")

    def _start_sshd(self, services: contextlib.ExitStack) -> None:
        program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
        if not program:
            sys.exit("sshd is not installed: apt-get install openssh-server")
        for key in ("host_key", "user_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / key)], check=True)
        keys = self.folder / "authorized_keys"
        keys.write_text((self.folder / "user_key.pub").read_text())
        keys.chmod(0o600)
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        addresses = ["127.0.0.1", *(f"127.0.1.{number}" for number in range(1, self.hosts + 1))]
        for first in range(0, len(addresses), LISTEN_SOCKETS):
            self._sshd(program, keys, addresses[first:first + LISTEN_SOCKETS], services)

    def _sshd(self, program: str, keys: Path, addresses: t.Sequence[str], services: contextlib.ExitStack) -> None:
        config = self.folder / f"sshd_config_{addresses[0]}"
        config.write_text(f"Port {self.ssh}\n" + "".join(f"ListenAddress {address}\n" for address in addresses) +
                          f"HostKey {self.folder}/host_key\nAuthorizedKeysFile {keys}\nStrictModes no\nUsePAM no\n"
                          f"PasswordAuthentication no\nMaxStartups 100\nPidFile none\n")
        log = self.folder / f"sshd_{addresses[0]}.log"
        server = subprocess.Popen([program, "-D", "-e", "-f", str(config)], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=log.open("w"))
        services.callback(server.wait, 10)
        services.callback(server.terminate)
        deadline = time.monotonic() + 10
        while f"port {self.ssh}." not in log.read_text():
            if server.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"sshd does not listen: {log.read_text()}")
            time.sleep(0.05)

    def _environment(self) -> str:
        programs = [binaries("18"), binary("6").parent, node.node().parent, self.pm2.script.parent]
        lines = {"PATH": ":".join(map(str, programs)) + ":/usr/local/bin:/usr/bin:/bin", "PGHOST": "127.0.0.1",
                 "PGPORT": str(self.postgresql.port), "PGPASSWORD": "bench",
                 "REDIS_PASSWORD": self.redis.password, "PM2_HOME": str(self.pm2.home)}
        return "\n".join(f"export {name}={value}" for name, value in lines.items())

    def inventory(self, hosts: int) -> Path:
        """An inventory of this many hosts, all of them this machine under other addresses."""
        names = {f"host{number:02}": {"ansible_host": f"127.0.1.{number}"} for number in range(1, hosts + 1)}
        options = (f"-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
                   f" -o IdentitiesOnly=yes -o ControlMaster=auto -o ControlPersist=120s"
                   f" -o ControlPath={self.folder}/c-%C")
        variables = {
            "ansible_port": self.ssh, "ansible_user": getpass.getuser(),
            "ansible_ssh_private_key_file": f"{self.folder}/user_key", "ansible_ssh_args": options,
            "ansible_python_interpreter": interpreter(),
            "vendhub_api": [{"name": "vendhub-api", "url": f"http://127.0.0.1:{self.api}/health"}],
            "vendhub_pm2": {"home": str(self.pm2.home), "apps": [{"name": "vendhub-api", "instances": 2}]},
            "vendhub_postgresql": {"port": self.postgresql.port, "user": "vendhub_monitor", "password": "bench",
                                   "database": "postgres"},
            "vendhub_redis": {"port": self.redis.port, "password": self.redis.password},
            "vendhub_logs": {}, "vendhub_backups": [],
            "vendhub_report_directory": f"{self.folder}/reports", "vendhub_fail_on": "never",
        }
        groups: dict[str, t.Any] = {
            name: {"hosts": {key: {} for key in names}} for name in ("api", "postgresql", "redis")}
        path = self.folder / f"hosts-{hosts}.json"
        path.write_text(json.dumps({"vendhub": {"hosts": names, "vars": variables, "children": groups}}))
        return path

    def disconnect(self) -> None:
        """Close every SSH connection that is kept open."""
        for control in self.folder.glob("c-*"):
            subprocess.run(["ssh", "-o", f"ControlPath={control}", "-O", "exit", "any"], capture_output=True,
                           timeout=10, check=False)

    def _composed(self) -> list[dict[str, t.Any]]:
        login = {"login_host": "127.0.0.1", "login_port": self.postgresql.port, "login_user": "vendhub_monitor",
                 "login_password": "bench", "login_db": "postgres"}

        def ask(name: str, sql: str) -> dict[str, t.Any]:
            return {"name": name, "community.postgresql.postgresql_query": {**login, "query": sql}}

        return [{"name": "The same questions to existing modules", "hosts": "vendhub", "gather_facts": False, "tasks": [
            {"name": "Health", "ansible.builtin.uri": {"url": f"http://127.0.0.1:{self.api}/health"}},
            ask("Sessions and transactions", "SELECT state, application_name, count(*), max(now() - xact_start),"
                " max(now() - state_change) FROM pg_stat_activity GROUP BY state, application_name"),
            ask("Blocked sessions", "SELECT pid, pg_blocking_pids(pid) FROM pg_stat_activity"
                " WHERE cardinality(pg_blocking_pids(pid)) > 0"),
            ask("Wraparound", "SELECT datname, age(datfrozenxid), mxid_age(datminmxid) FROM pg_database"),
            ask("Slots", "SELECT slot_name, active, restart_lsn FROM pg_replication_slots"),
            ask("Invalid indexes", "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid"),
            {"name": "Settings", "community.postgresql.postgresql_info": {**login, "filter": ["settings"]}},
            {"name": "Redis", "community.general.redis_info": {
                "login_port": self.redis.port, "login_password": self.redis.password}},
            {"name": "Disk and inodes", "ansible.builtin.command": "df --output=pcent,ipcent,target"},
            {"name": "Memory and swap", "ansible.builtin.command": "cat /proc/meminfo /proc/vmstat"},
            {"name": "CPU", "ansible.builtin.command": "cat /proc/stat /proc/loadavg"},
            {"name": "PM2", "ansible.builtin.command": f"{node.node()} {self.pm2.script} jlist --silent",
             "environment": {"PM2_HOME": str(self.pm2.home)}},
            {"name": "Errors in the logs", "ansible.builtin.command":
             f"grep -cE Error|Exception {self.pm2.home}/logs/vendhub-api-error-0.log",
             "failed_when": False},
        ]}]

    def ways(self, hosts: int) -> list[Bench]:
        """The four commands over the first so many hosts."""
        inventory = str(self.inventory(hosts))
        playbook = [str(BIN / "ansible-playbook"), "-i", inventory, "--forks", "20"]
        plain = self.folder / f"plain-{hosts}.sh"
        options = f"-F none -p {self.ssh} -i {self.folder}/user_key " + json.loads(
            Path(inventory).read_text())["vendhub"]["vars"]["ansible_ssh_args"]
        plain.write_text(f"#!/bin/bash\nprintf '127.0.1.%s\\n' {{1..{hosts}}} | xargs -P 20 -I HOST"
                         f" ssh {options} HOST {self.script}\n")
        return [
            Bench("ours: daily_check", [*playbook, str(ROOT / "playbooks/daily_check.yml")]),
            Bench("(a) runbook's script", [*playbook, str(self.by_script)]),
            Bench("(b) existing modules", [*playbook, str(self.composed)]),
            Bench("(c) plain ssh", ["bash", str(plain)]),
            Bench("(d) Ansible's ping", [*playbook, str(self.ping)]),
            Bench("(e) only the imports", [*playbook, str(self.imports)]),
        ]


def interpreter() -> str:
    """The Python of the hosts: the distribution's, as on real ones, when it has the client libraries."""
    libraries = "import jmespath, psycopg2, redis"
    system = subprocess.run(["/usr/bin/python3", "-c", libraries], capture_output=True, check=False)
    return str(BIN / "python") if system.returncode else "/usr/bin/python3"


def seconds(way: Bench) -> float:
    """Run it once; a failed run ends the benchmark, its figures would mean nothing."""
    environment = clean_environment(ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), ANSIBLE_NOCOLOR="1", LC_ALL="C.UTF-8")
    started = time.monotonic()
    done = subprocess.run(way.command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=300, check=False)
    if done.returncode:
        sys.exit(f"{way.name} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}")
    return time.monotonic() - started


def compare(ways: t.Sequence[Bench], rounds: int, title: str, before: t.Callable[[], None]) -> None:
    """Interleave the ways and print medians and ratios; ``before`` prepares each run."""
    for way in ways:
        seconds(way)  # caches and bytecode
    taken: dict[str, list[float]] = {way.name: [] for way in ways}
    for dummy in range(rounds):
        for way in ways:
            before()
            taken[way.name].append(seconds(way))
    medians = {name: statistics.median(values) for name, values in taken.items()}
    ours = medians[ways[0].name]
    print(f"\n{title}: medians of {rounds} interleaved rounds")
    print(f"{'':24}{'seconds':>9}{'ours / it':>11}")
    for name, median in medians.items():
        print(f"{name:24}{median:9.2f}{ours / median:11.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--warm", action="store_true", help="keep SSH connections open between runs")
    given = parser.parse_args()
    for program in ("jq", "curl", "ssh"):
        if not shutil.which(program):
            sys.exit(f"{program} is not installed; the runbook's script needs it")
    with tempfile.TemporaryDirectory(prefix="vb-", dir="/tmp") as folder, contextlib.ExitStack() as services:
        site = Site(Path(folder), given.hosts, services)
        before = (lambda: None) if given.warm else site.disconnect
        for hosts, title in ((1, "One host"), (given.hosts, f"{given.hosts} hosts")):
            compare(site.ways(hosts), given.rounds, f"{title}, {'warm' if given.warm else 'new'} connections", before)
        report = json.loads((Path(folder) / "reports/latest/report.json").read_text())
        print(f"\nThe hosts' Python: {interpreter()}")
        findings = report["hosts"][0].get("findings", [])
        print(f"Looked at per host: ours {len(findings)} findings, the runbook's script 5 values")


if __name__ == "__main__":
    main()
