# SPDX-License-Identifier: GPL-3.0-or-later
"""Log rotation on a real host, with PM2 and Winston under write load, by the distribution's own logrotate.service."""

from __future__ import annotations

import collections
import gzip
import json
import re
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from demo.stack.process import clean_environment
from tests.lab import Host, Lab
from tests.lab.image import image
from tests.lab.layers import exists

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOK = ROOT / "playbooks/configure_logrotate.yml"
LAYER = "log-writers"
LOGS = "/opt/vendhub/shared/logs"
PROGRAM = "/usr/local/lib/vendhub-logrotate/finish_rotation.py"
RATE = 500  # lines a second, of each worker, to each of the three logs
WORKERS = 2
PREPARE = """
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qqy --no-install-recommends nodejs npm >/dev/null
apt-get purge -qqy logrotate >/dev/null
useradd --create-home --shell /bin/bash vendhub
npm install --global --no-fund --no-audit --loglevel=error pm2@7.0.4
mkdir -p /opt/vendhub/writer /opt/vendhub/shared/logs
cd /opt/vendhub/writer
npm install --no-fund --no-audit --loglevel=error winston@3
chown -R vendhub:vendhub /opt/vendhub
"""
WRITER = """
const fs = require('fs')
const winston = require('winston')
const transport = new winston.transports.File({ filename: '/opt/vendhub/shared/logs/combined.log' })
const json = winston.createLogger({ format: winston.format.json(), transports: [transport] })
const began = Date.now()
let n = 0
const timer = setInterval(() => {
  const due = Math.floor((Date.now() - began) * Number(process.env.RATE) / 1000)
  while (n < due) {
    n += 1
    process.stdout.write(`line ${process.pid} ${n} ${'x'.repeat(80)}\\n`)
    process.stderr.write(`line ${process.pid} ${n} \\n`)
    json.info(`line ${process.pid} ${n} `)
  }
  if (fs.existsSync('/opt/vendhub/writer/stop')) {
    clearInterval(timer)
    fs.writeFileSync(`/opt/vendhub/writer/done.${process.pid}`, `${n}`)
    setInterval(() => {}, 60000)
  }
}, 2)
"""
ECOSYSTEM = f"""
module.exports = {{ apps: [{{ name: 'writer', script: '/opt/vendhub/writer/app.js', exec_mode: 'cluster',
  instances: {WORKERS}, merge_logs: true, out_file: '/opt/vendhub/shared/logs/api-out.log',
  error_file: '/opt/vendhub/shared/logs/api-error.log' }}] }}
"""
FORCED = "[Service]\nExecStart=\nExecStart=/usr/sbin/logrotate --force {config}\n"
NAMES = ("api-out.log", "api-error.log", "combined.log")

# Runs on the host: a writer that appends numbered lines, a whole cut of its log, another one, and what happens to its
# cutter the moment the writer is seen stopped; once more when that came too late. Prints how long the writer stayed
# stopped, and what is left in all generations.
INTERRUPT = r"""
import json, os, pathlib, pwd, shutil, signal, subprocess, sys, time
program, how = sys.argv[1:]
folder = pathlib.Path("/opt/vendhub/shared/interrupted")
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir()
user = pwd.getpwnam("vendhub")
os.chown(folder, user.pw_uid, user.pw_gid)
log, copy = folder / "app.log", folder / "app.log.1"
code = '''
import os, sys, time
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
n = 0
while True:
    n += 1
    os.write(file, b"%d\\n" % n)
    os.pwrite(1, b"%20d" % n, 0)
    time.sleep(0.0002)
'''
seen = open(folder / "count", "w+b")
writer = subprocess.Popen([sys.executable, "-c", code, str(log)], user="vendhub", group="vendhub", stdout=seen)
def state():
    return open(f"/proc/{writer.pid}/stat").read().rpartition(")")[2].split()[0]
def thaw():
    try:
        open(f"{group}/cgroup.freeze", "w").write("0")
    except OSError:
        pass  # the unit is gone with all its processes
result = None
try:
    for attempt in range(40):
        time.sleep(0.2)
        if copy.exists():  # the cut before this one was through: its lines are a generation of their own
            copy.rename(f"{copy}.{attempt}")
        shutil.copyfile(log, copy)
        os.chown(copy, user.pw_uid, user.pw_gid)
        unit = f"cut-{os.getpid()}-{attempt}.service"
        cutter = subprocess.Popen(["systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--unit", unit,
                                   sys.executable, program, "cut", "--owner", "vendhub", str(log), str(copy)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if attempt == 0:
            cutter.wait(20)
            continue
        group = f"/sys/fs/cgroup/system.slice/{unit}"
        ends = time.monotonic() + 5
        while state() != "T" and cutter.poll() is None and time.monotonic() < ends:
            pass
        if state() != "T":
            cutter.wait(20)
            continue
        stopped = time.monotonic()
        if how == "kill":
            open(f"{group}/cgroup.kill", "w").write("1")
        else:
            open(f"{group}/cgroup.freeze", "w").write("1")
        if state() != "T":
            thaw()
            cutter.wait(20)
            continue
        while state() == "T" and time.monotonic() < stopped + 20:
            time.sleep(0.001)
        result = {"seconds": time.monotonic() - stopped, "attempt": attempt}
        break
    time.sleep(0.3)
    thaw()
    time.sleep(0.5)
finally:
    writer.kill()
    writer.wait()
numbers = {int(one) for name in sorted(folder.glob("app.log*")) for one in name.read_text().split()}
result = dict(result or {}, written=int(os.pread(seen.fileno(), 20, 0)), numbers=len(numbers), last=max(numbers))
print(json.dumps(result))
"""


class Site:
    """The host with the writers, and the ways to rotate its logs."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.host: Host = lab["logs1"]

    def play(self, *words: str, **variables: t.Any) -> tuple[int, str]:
        inventory = self.lab.inventory({"api": ["logs1"]}, variables)
        environment = clean_environment(ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), ANSIBLE_NOCOLOR="1",
                                        ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".collections"))
        done = subprocess.run([str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory),
                               str(PLAYBOOK), *words], cwd=ROOT, capture_output=True, text=True, timeout=300,
                              check=False, env=environment)
        return done.returncode, done.stdout + done.stderr

    def script(self, text: str, timeout: float = 120) -> str:
        return self.host.run(["bash", "-c", text], timeout=timeout).stdout

    def tree(self) -> str:
        return self.script("find /etc /usr/local /opt/vendhub/shared /run/systemd/system /var/lib/logrotate /usr/sbin "
                           "-printf '%p %u %g %m %s %T@\\n' 2>/dev/null | sort; true")

    def pm2(self, words: str) -> str:
        return self.script(f"cd / && runuser -u vendhub -- env HOME=/home/vendhub pm2 {words}")

    def write(self, rate: int = RATE) -> None:
        """Start the writers anew, with no logs; return when all of them write."""
        self.script("cd / && runuser -u vendhub -- env HOME=/home/vendhub pm2 delete writer >/dev/null 2>&1; "
                    f"rm -f {LOGS}/* /opt/vendhub/writer/stop /opt/vendhub/writer/done.*; true")
        self.host.write("/opt/vendhub/writer/app.js", WRITER)
        self.host.write("/opt/vendhub/writer/ecosystem.config.js", ECOSYSTEM)
        self.script("cd / && runuser -u vendhub -- env HOME=/home/vendhub "
                    f"RATE={rate} pm2 start /opt/vendhub/writer/ecosystem.config.js")
        until(lambda: all(len({pid for pid, _n in self.lines(name)}) == WORKERS for name in NAMES), 30)

    def stop(self) -> dict[int, int]:
        """Have the writers end; how many lines each of them wrote to each log."""
        folder = self.host.root / "opt/vendhub/writer"
        self.script("touch /opt/vendhub/writer/stop")
        until(lambda: len([path for path in folder.glob("done.*") if path.read_text()]) == WORKERS, 30)
        done = {int(path.suffix[1:]): int(path.read_text()) for path in folder.glob("done.*")}
        until(lambda: all(set(done.items()) <= set(self.lines(name)) for name in NAMES), 10)
        return done

    def rotate(self, config: str = "/etc/logrotate.d/vendhub", *, check: bool = True) -> str:
        """A forced rotation by the distribution's unit, with all its sandboxing; what it said."""
        self.host.write("/run/systemd/system/logrotate.service.d/forced.conf", FORCED.format(config=config))
        cursor = self.script("systemctl daemon-reload; journalctl -n 0 --show-cursor -o cat --no-pager "
                             "| sed -n 's/^-- cursor: //p'").strip()
        self.host.run(["systemctl", "start", "logrotate.service"], check=check, timeout=120)
        return self.script("journalctl --sync; journalctl -u logrotate.service -o cat --no-pager "
                           f"--after-cursor='{cursor}'")

    def generations(self, name: str) -> dict[str, str]:
        """The text of a log and of all its old generations."""
        found = {}
        for path in sorted((self.host.root / LOGS.lstrip("/")).glob(f"{name}*")):
            data = path.read_bytes()
            found[path.name] = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
        return found

    def lines(self, name: str) -> collections.Counter[tuple[int, int]]:
        """How often each numbered line (worker, number) is there, over all generations."""
        text = "".join(self.generations(name).values())
        return collections.Counter((int(pid), int(n)) for pid, n in re.findall(r"line (\d+) (\d+) ", text))

    def lost_and_twice(self, done: t.Mapping[int, int]) -> dict[str, tuple[int, int]]:
        found = {}
        for name in NAMES:
            seen = self.lines(name)
            found[name] = sum(done.values()) - len(seen), sum(seen.values()) - len(seen)
        return found


def until(condition: t.Callable[[], bool], seconds: float) -> None:
    """Return when it is so, or when the time is over: what is asserted afterwards tells."""
    ends = time.monotonic() + seconds
    while not condition() and time.monotonic() < ends:
        time.sleep(0.1)


@pytest.fixture(scope="module")
def lab() -> t.Iterator[Lab]:
    if not exists(LAYER, image().name):
        with Lab(LAYER, ["logs1"]) as made:
            made["logs1"].run(["sh", "-c", PREPARE], timeout=400)
            made.save("logs1", LAYER)
    with Lab("log-rotation", ["logs1"], layer=LAYER) as lab:
        yield lab


def one_line(screen: str) -> str:
    return " ".join(screen.split())


def test_a_bare_host_that_reaches_no_packages_ends_in_one_sentence(lab: Lab) -> None:
    site = Site(lab)
    site.pm2("ping")
    site.host.write("/etc/apt/apt.conf.d/zz-unreachable",
                    "".join(f'Acquire::{way}::Proxy "http://127.0.0.1:9";\n' for way in ("http", "https")))
    site.script("rm -rf /var/lib/apt/lists/*; apt-get clean")
    before = site.tree()
    try:
        code, screen = site.play()
        assert code == 2, screen[-2000:]
        assert "logs1: logrotate could not be installed, so no log is rotated (" in one_line(screen)
        assert "see that the host reaches its package source" in one_line(screen)
        assert site.tree() == before, "no worse than before"
    finally:
        site.script("rm /etc/apt/apt.conf.d/zz-unreachable")


@pytest.fixture(scope="module")
def rotated(lab: Lab) -> Site:
    """A host with the role in place; the first test looks at how it came there."""
    site = Site(lab)
    site.pm2("ping")
    before = site.tree()
    looked, screen = site.play("--check", "--diff")
    assert looked == 0, screen[-3000:]
    assert site.tree() == before, "a look leaves no trace"
    code, screen = site.play("--diff", logrotate_prove=True)
    assert code == 0, screen[-3000:]
    return site


def changed(screen: str) -> int:
    found = re.search(r"changed=(\d+)", screen.rsplit("PLAY RECAP", maxsplit=1)[-1])
    assert found, screen[-3000:]
    return int(found[1])


def test_from_nothing_and_a_second_run_changes_nothing(rotated: Site) -> None:
    for words in ((), ("--check", "--diff"), ("--tags", "logrotate")):
        code, screen = rotated.play(*words)
        assert (code, changed(screen)) == (0, 0), screen[-3000:]
    assert rotated.script("systemctl is-enabled logrotate.timer").strip() == "enabled"
    assert "vendhub-logrotate-proof" not in rotated.script("ls /run/systemd/system")


def test_a_policy_is_proved_once_and_again_when_it_is_said(rotated: Site) -> None:
    def old() -> str:
        return rotated.script("find /home/vendhub/.pm2 -name '*.log.*' -printf '%p %s %T@\\n' | sort")

    before = old()
    assert before, "the first run has proved it"
    code, screen = rotated.play(logrotate_prove=True)
    assert (code, changed(screen)) == (0, 0), screen[-3000:]
    assert old() == before
    rotated.script("echo more >> /home/vendhub/.pm2/pm2.log")
    code, screen = rotated.play(logrotate_prove_again=True)
    assert code == 0, screen[-3000:]
    assert old() != before


def test_no_line_is_lost_and_none_is_there_twice(rotated: Site) -> None:
    rotated.write()
    said = []
    for _round in range(4):
        time.sleep(0.5)
        said.append(rotated.rotate())
    time.sleep(0.5)
    done = rotated.stop()
    pauses = [float(one) for one in re.findall(r"paused for ([\d.]+) ms", "".join(said))]
    print(f"\npauses of the writers in ms: median {sorted(pauses)[len(pauses) // 2]}, worst {max(pauses)}")
    assert len(pauses) >= 4 * len(NAMES), said
    assert len(done) == WORKERS
    assert min(done.values()) > RATE
    assert rotated.lost_and_twice(done) == dict.fromkeys(NAMES, (0, 0))
    for name in NAMES:
        files = rotated.generations(name)
        assert {f"{name}.1", f"{name}.2.gz", f"{name}.3.gz", f"{name}.4.gz"} < set(files)
        assert all(text.endswith("\n") for text in files.values()), "no line is split over two files"
        assert files[name], "the new file is written to"
    assert rotated.script(f"stat -c %a {LOGS}/* | sort -u").split() == ["640"]
    assert "T" not in rotated.script("ps -o stat= -u vendhub")


def test_other_ways_lose_lines_here(rotated: Site) -> None:
    """Figures only: what the runbook's choices lost in the same place under the same load (docs/adr/0012)."""
    own = rotated.host.read("/etc/logrotate.d/vendhub")
    pm2 = (own.replace("    copy\n", "    nocopy\n    create 0640 vendhub vendhub\n")
           .replace("cut --owner vendhub --mode 0640", "pm2 --owner vendhub --home /home/vendhub/.pm2"))
    truncate = re.sub(r"    nocopytruncate\n    copy\n    postrotate.*?endscript", "    copytruncate", own,
                      flags=re.DOTALL)
    for way, config in (("SIGUSR2", pm2), ("copytruncate", truncate)):
        rotated.host.write("/root/other-way", config)
        rotated.write(4 * RATE)
        for _round in range(3):
            time.sleep(0.5)
            rotated.rotate("/root/other-way", check=False)
        done = rotated.stop()
        assert "api-out.log.2.gz" in rotated.generations("api-out.log"), "it was rotated"
        print(f"\n{way}: (lost, twice) of {sum(done.values())} lines: {rotated.lost_and_twice(done)}")


@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_nobody_stays_stopped_when_the_cutter_dies_or_hangs(rotated: Site, how: str) -> None:
    """``kill`` ends the whole unit with all its processes at once; ``freeze`` has it hang for ever."""
    rotated.host.write("/root/interrupt.py", INTERRUPT)
    done = json.loads(rotated.host.run(["python3", "/root/interrupt.py", PROGRAM, how], timeout=120).stdout)
    print(f"\n{how}: {done}")
    assert done.get("seconds", 99) < 3
    assert done["numbers"] >= done["written"], "every line is in one of the files"
    assert done["numbers"] == done["last"], "without a hole"


def test_a_foreign_process_in_the_pid_file_gets_no_signal(rotated: Site) -> None:
    rotated.script(f"echo x > {LOGS}/foreign.log.1; chown vendhub: {LOGS}/foreign.log.1")
    kept = rotated.host.read("/home/vendhub/.pm2/pm2.pid")
    try:
        for user in ("root", "vendhub"):
            rotated.script(f"systemd-run --quiet --collect --uid={user} --unit=foreign sleep 300")
            pid = rotated.script("systemctl show --property=MainPID --value foreign").strip()
            rotated.host.write("/home/vendhub/.pm2/pm2.pid", f"{pid}\n")
            done = rotated.host.run(["python3", PROGRAM, "pm2", "--owner", "vendhub", "--home", "/home/vendhub/.pm2",
                                     f"{LOGS}/foreign.log", f"{LOGS}/foreign.log.1"], check=False)
            assert done.returncode == 1
            assert "nobody was signalled" in done.stderr
            assert rotated.script(f"ps -o comm= -p {pid}").strip() == "sleep", "SIGUSR2 would have ended it"
            rotated.script("systemctl stop foreign")
        rotated.host.write("/home/vendhub/.pm2/pm2.pid", "999999\n")
        done = rotated.host.run(["python3", PROGRAM, "pm2", "--owner", "vendhub", "--home", "/home/vendhub/.pm2",
                                 f"{LOGS}/foreign.log", f"{LOGS}/foreign.log.1"], check=False)
        assert "a stale pid file" in done.stderr
    finally:
        rotated.host.write("/home/vendhub/.pm2/pm2.pid", kept)


def test_a_full_disk_loses_nothing(rotated: Site) -> None:
    folder = "/opt/vendhub/shared/full"
    line = "0123456789abcdef " * 4 + "\n"
    make = (f"mkdir -p {folder} && cd {folder} && yes '{line.strip()}' | head -c 1000000 > app.log && "
            "head -c 500000 app.log > app.log.1 && chown -R vendhub: .")
    rotated.script(make)
    with rotated.host.full_disk(folder, 100_000):
        before = rotated.script(f"sha256sum < {folder}/app.log")
        done = rotated.host.run(["python3", PROGRAM, "cut", "--owner", "vendhub", f"{folder}/app.log",
                                 f"{folder}/app.log.1"], check=False)
        assert done.returncode == 1
        assert "No space left on device" in done.stderr
        assert rotated.script(f"sha256sum < {folder}/app.log") == before
        assert rotated.script(f"ls {folder}").split() == ["app.log"], "the copy goes, all of it is in the log"
        config = rotated.host.read("/etc/logrotate.d/vendhub").replace(f"{LOGS}/*.log", f"{folder}/*.log")
        rotated.host.write("/root/full", config)
        rotated.script(f"head -c 400000 /dev/zero > {folder}/room || true")
        rotated.rotate("/root/full", check=False)
        assert rotated.script(f"sha256sum < {folder}/app.log") == before


def test_rotation_by_somebody_else_is_told_and_not_fought(rotated: Site) -> None:
    try:
        rotated.host.write("/etc/logrotate.d/other.disabled", f"{LOGS}/api-*.log {{\n  weekly\n}}\n")
        code, screen = rotated.play(logrotate_other_rotation="refuse")
        assert (code, changed(screen)) == (0, 0), "logrotate passes over a file that is disabled"
        rotated.host.write("/etc/logrotate.d/other", f"{LOGS}/api-*.log {{\n  weekly\n}}\n")
        before = rotated.host.read("/etc/logrotate.d/vendhub")
        code, screen = rotated.play(logrotate_rotate=7)
        assert (code, changed(screen)) == (0, 0)
        assert f"/etc/logrotate.d/other rotates {LOGS}/api-*.log" in one_line(screen)
        assert rotated.host.read("/etc/logrotate.d/vendhub") == before
        code, screen = rotated.play(logrotate_rotate=7, logrotate_other_rotation="refuse")
        assert (code, changed(screen)) == (2, 0)
    finally:
        rotated.script("rm -f /etc/logrotate.d/other /etc/logrotate.d/other.disabled")


def test_logs_of_pm2_are_left_to_its_module_and_the_rest_is_rotated(rotated: Site) -> None:
    rotated.write()
    try:
        rotated.script("install -d -o vendhub /home/vendhub/.pm2/modules/pm2-logrotate")
        code, screen = rotated.play(logrotate_other_rotation="refuse")
        assert (code, changed(screen)) == (2, 0)
        code, screen = rotated.play()
        assert (code, changed(screen)) == (0, 1), screen[-3000:]
        assert "the PM2 module pm2-logrotate in /home/vendhub/.pm2 rotates the logs of its apps" in one_line(screen)
        assert f"in {LOGS}/*.log all but the logs that the app writes" in one_line(screen)
        assert f"itself now ({LOGS}/combined.log;" in one_line(screen)
        code, screen = rotated.play()
        assert (code, changed(screen)) == (0, 0)
        rotated.rotate()
        done = rotated.stop()
        assert set(rotated.generations("combined.log")) == {"combined.log", "combined.log.1"}
        assert set(rotated.generations("api-")) == {"api-out.log", "api-error.log"}
        assert rotated.lost_and_twice(done) == dict.fromkeys(NAMES, (0, 0))
        code, screen = rotated.play(logrotate_other_rotation="ignore")
        assert (code, changed(screen)) == (0, 1), screen[-2000:]
    finally:
        rotated.script("rm -rf /home/vendhub/.pm2/modules/pm2-logrotate")
    code, screen = rotated.play()
    assert (code, changed(screen)) == (0, 0), screen[-2000:]


def test_a_configuration_written_by_hand_is_kept_and_what_falls_out_is_named(rotated: Site) -> None:
    by_hand = f"/opt/vendhub/logs/*.log {LOGS}/*.log {{\n  daily\n  rotate 14\n}}\n"
    rotated.host.write("/etc/logrotate.d/vendhub", by_hand)
    before = rotated.tree()
    code, screen = rotated.play("--check", "--diff")
    assert code == 0, screen[-3000:]
    assert rotated.tree() == before
    said = "nobody rotates any more: /opt/vendhub/logs/*.log. Add"
    assert said in one_line(screen)
    code, screen = rotated.play()
    assert (code, changed(screen)) == (0, 2), screen[-3000:]
    assert said in one_line(screen)
    kept = re.search(r"is kept as (/var/backups/logrotate-vendhub\.\w+)\.", one_line(screen))
    assert kept, screen[-3000:]
    assert rotated.host.read(kept[1]) == by_hand
    assert "vendhub.ops.logrotate" in rotated.host.read("/etc/logrotate.d/vendhub")
    code, screen = rotated.play()
    assert (code, changed(screen)) == (0, 0)
    assert said not in one_line(screen)


def test_a_configuration_that_logrotate_refuses_is_not_put_in_place(rotated: Site) -> None:
    before = rotated.host.read("/etc/logrotate.d/vendhub")
    code, screen = rotated.play(logrotate_files=[{"paths": ["relative/app.log"], "method": "cut"}])
    assert code == 2, screen[-2000:]
    assert rotated.host.read("/etc/logrotate.d/vendhub") == before


def test_a_rotation_that_does_not_work_is_not_proved(rotated: Site) -> None:
    folder = "/opt/vendhub/shared/hole"
    writer = rotated.script(f"install -d -o vendhub -g vendhub {folder}; cd {folder}; "
                            "(exec 3>app.log; echo x >&3; exec sleep 60) >/dev/null 2>&1 & echo $!; sleep 0.5; "
                            f"chown vendhub: {folder}/*").strip()
    code, screen = rotated.play(logrotate_prove=True, logrotate_pm2_logs=False,
                                logrotate_files=[{"paths": [f"{folder}/*.log"], "method": "cut"}])
    assert code == 2, screen[-2000:]
    assert "writes to it without O_APPEND" in " ".join(screen.split())
    assert "vendhub-logrotate-proof" not in rotated.script("ls /run/systemd/system")
    rotated.script(f"kill {writer}; rm -r {folder}")


def test_absent_takes_away_what_the_role_put_there_and_no_log(rotated: Site) -> None:
    logs = rotated.script(f"find {LOGS} /home/vendhub/.pm2 -name '*.log*' | sort")
    code, screen = rotated.play(logrotate_state="absent")
    assert (code, changed(screen)) == (0, 2), screen[-2000:]
    left = rotated.script("ls /etc/logrotate.d /usr/local/lib")
    assert "vendhub" not in left
    assert rotated.script(f"find {LOGS} /home/vendhub/.pm2 -name '*.log*' | sort") == logs
    code, screen = rotated.play(logrotate_state="absent")
    assert (code, changed(screen)) == (0, 0)
    rotated.host.write("/etc/logrotate.d/vendhub", "/var/log/by-hand.log {\n}\n")
    code, screen = rotated.play(logrotate_state="absent")
    assert (code, changed(screen)) == (0, 0)
    assert "was written by somebody else, so it stays" in one_line(screen)
