# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab keeps its promises: real hosts, real failures, a known start, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from tests.lab import Lab, LabError, cgroup, network
from tests.lab.machine import CHECKOUT, LABS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def name() -> str:
    """A name of this run's own, so that runs side by side do not meet."""
    return f"lab-test-{os.getpid()}"


@pytest.fixture(scope="module")
def lab(name: str) -> t.Iterator[Lab]:
    """Two bare hosts."""
    with Lab(name, ["one", "two"]) as lab:
        yield lab


def traces(name: str, number: int) -> list[str]:
    """What is left of a lab anywhere on this machine."""
    mark = network.bridge(number)
    found = [str(path) for root in cgroup.roots() for path in root.glob(f"{mark}-*")]
    for argv in (["ip", "-br", "link"], ["ip", "netns"], ["nft", "list", "tables"], ["ps", "-eo", "stat,args"]):
        lines = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=10).stdout.splitlines()
        words = [line.split() for line in lines]
        # what has died and waits for its parent to notice is no process any more
        alive = [line for line in words if not line[0].startswith("Z")]
        found += [" ".join(line) for line in alive if any(mark == w or f"{mark}-" in w for w in line)]
    found += [line for line in Path("/proc/self/mounts").read_text().splitlines() if f"/{name}" in line]
    return found + [str(path) for path in (LABS / name, Path("/run", mark)) if path.exists()]


def disk(lab: Lab, host: str) -> str:
    """Every file of the host's own disk with its owner, mode, size and content, but for logs."""
    paths = ("/proc", "/sys", "/run", "/dev", "/var/log", "/tmp", "/var/tmp")
    leave = [word for path in paths for word in ("-path", path, "-prune", "-o")]
    listing = lab[host].run(["find", "/", "-xdev", *leave, "-printf", "%p %M %u %g %l\n"]).stdout
    ours = ["/etc", "/root", "/home", "/opt", "/usr/local"]
    sums = lab[host].run(["find", *ours, "-type", "f", "-exec", "cksum", "{}", "+"])
    return "\n".join(sorted(listing.splitlines()) + sorted(sums.stdout.splitlines()))


def test_a_host_runs_systemd_as_its_first_process(lab: Lab) -> None:
    assert lab["one"].read("/proc/1/comm").strip() == "systemd"
    assert lab["one"].run(["systemctl", "is-system-running"]).stdout.strip() == "running"
    assert lab["one"].run(["hostname"]).stdout.strip() == "one"


def test_hosts_reach_each_other_by_name(lab: Lab) -> None:
    banner = lab["one"].run(["timeout", "5", "bash", "-c", "head -c 4 < /dev/tcp/two/22"]).stdout
    assert banner == "SSH-"


def test_ops_logs_in_and_may_use_sudo(lab: Lab) -> None:
    assert lab["one"].run(["sudo", "id", "-un"], user="ops").stdout.strip() == "root"
    assert lab["one"].run(["id", "-un"], user="ops").stdout.strip() == "ops"


def test_a_command_that_fails_is_an_error_that_names_host_command_and_reason(lab: Lab) -> None:
    with pytest.raises(LabError, match=r"^one: ls /nothing ended with 2: .*No such file"):
        lab["one"].run(["ls", "/nothing"])
    assert lab["one"].run(["ls", "/nothing"], check=False).returncode == 2


def test_ansible_takes_the_inventory_as_it_is(lab: Lab) -> None:
    inventory = lab.inventory({"api": ["one"], "web": ["one", "two"]}, {"colour": "green"})
    ansible = Path(sys.executable).parent / "ansible"
    argv = [str(ansible), "-i", str(inventory), "web", "-m", "ansible.builtin.command"]
    argv += ["-a", "echo {{ colour }} {{ group_names | join(' ') }}"]
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1"}
    environment["ANSIBLE_STDOUT_CALLBACK"] = "ansible.builtin.json"
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60, env=environment, cwd="/")
    hosts = json.loads(done.stdout)["plays"][0]["tasks"][0]["hosts"]
    assert hosts["one"]["stdout"] == "green api lab web"
    assert hosts["two"]["stdout"] == "green lab web"


def test_a_reboot_is_a_new_boot_with_the_same_disk_and_host_key(lab: Lab) -> None:
    before = lab["one"].boot_id()
    lab["one"].write("/etc/kept", "yes\n")
    lab["one"].reboot()
    assert lab["one"].boot_id() != before
    assert lab["one"].read("/etc/kept") == "yes\n"


def test_a_power_failure_gives_nobody_time_to_say_goodbye(lab: Lab) -> None:
    unit = "[Service]\nExecStart=/bin/sleep infinity\nExecStop=/bin/touch /etc/stopped-in-order\n"
    unit += "[Install]\nWantedBy=multi-user.target\n"
    lab["one"].write("/etc/systemd/system/witness.service", unit)
    lab["one"].run(["systemctl", "enable", "--now", "witness"])
    before = lab["one"].boot_id()
    lab["one"].power_failure()
    assert lab["one"].boot_id() != before
    assert lab["one"].run(["test", "-e", "/etc/stopped-in-order"], check=False).returncode == 1
    lab["one"].reboot()
    assert lab["one"].run(["test", "-e", "/etc/stopped-in-order"]).returncode == 0


def test_a_pulled_cable_cuts_off_one_host_and_only_that(lab: Lab) -> None:
    def sees() -> bool:
        look = ["timeout", "2", "bash", "-c", "head -c 4 < /dev/tcp/two/22"]
        return lab["one"].run(look, check=False).stdout == "SSH-"

    assert sees()
    lab["two"].cable(False)
    try:
        assert not sees()
    finally:
        lab["two"].cable(True)
    deadline = time.monotonic() + 10
    while not sees():
        assert time.monotonic() < deadline, "the cable is plugged in again, and the host not back"


def test_a_full_disk_has_no_space_for_anybody_and_ends(lab: Lab) -> None:
    host = lab["one"]
    host.write("/srv/app/old", "content\n")
    host.run(["chmod", "2750", "/srv/app"])
    mode = host.run(["stat", "-c", "%a %U %G", "/srv/app"]).stdout
    with host.full_disk("/srv/app", free_bytes=100 * 1024):
        assert host.run(["stat", "-c", "%a %U %G", "/srv/app"]).stdout == mode
        assert host.read("/srv/app/old") == "content\n"
        host.run(["dd", "if=/dev/zero", "of=/srv/app/fits", "bs=1k", "count=80"])
        full = host.run(["dd", "if=/dev/zero", "of=/srv/app/big", "bs=1k", "count=80"], check=False)
        assert full.returncode == 1
        assert "No space left on device" in full.stderr
    assert host.run(["ls", "/srv/app"]).stdout == "old\n"


def test_a_host_gets_no_more_memory_than_its_limit(lab: Lab) -> None:
    hungry = ["timeout", "20", "python3", "-c", "print(len(bytearray(200 << 20)))"]
    assert lab["two"].run(hungry).returncode == 0
    lab["two"].limit_memory(100 << 20)
    try:
        assert lab["two"].run(hungry, check=False).returncode != 0
    finally:
        lab["two"].limit_memory(None)
    assert lab["two"].run(hungry).returncode == 0


def test_a_reset_brings_back_the_disk_of_the_start_under_the_same_host_key(name: str) -> None:
    with Lab(f"{name}-reset", ["one"]) as lab:
        start = disk(lab, "one")
        lab["one"].run(["useradd", "stranger"])
        lab["one"].write("/opt/new/file", "x")
        lab["one"].run(["rm", "-r", "/usr/share/doc", "/etc/cron.d"])
        assert disk(lab, "one") != start
        lab.reset("one")
        assert disk(lab, "one") == start


def test_a_saved_layer_is_where_another_host_starts_but_it_is_another_host(name: str) -> None:
    layer = f"{name}-layer"
    with Lab(f"{name}-from", ["one"]) as lab:
        lab["one"].run(["rm", "-r", "/etc/cron.d"])
        files = lab["one"].run(["ls", "/usr/share/gnupg"]).stdout
        assert files
        lab["one"].write("/opt/converged", "yes\n")
        rename = "import os; os.rename('/usr/share/gnupg', '/usr/share/renamed')"
        lab["one"].run(["python3", "-c", rename])
        first = lab["one"].read("/etc/machine-id")
        archive = lab.save("one", layer)
    try:
        with Lab(f"{name}-onto", ["other"], layer=layer) as lab:
            assert lab["other"].read("/opt/converged") == "yes\n"
            assert lab["other"].run(["test", "-e", "/etc/cron.d"], check=False).returncode == 1
            assert lab["other"].run(["ls", "/usr/share/renamed"]).stdout == files
            assert lab["other"].run(["test", "-e", "/usr/share/gnupg"], check=False).returncode == 1
            assert lab["other"].read("/etc/machine-id") != first
            assert lab["other"].read("/etc/hostname") == "other\n"
    finally:
        archive.unlink()
        archive.with_name(f"{layer}.json").unlink()


def test_the_acme_server_is_trusted_by_its_own_authority_only_and_knows_the_names_of_the_lab(lab: Lab) -> None:
    lab.alias({"api.vendhub.test": "two"})
    server = lab.acme()
    try:
        lab["one"].write("/etc/acme.pem", server.ca.read_text())
        look = ["curl", "--silent", "--show-error", "--max-time", "10", server.directory]
        assert "newOrder" in lab["one"].run([*look, "--cacert", "/etc/acme.pem"]).stdout
        assert "SSL certificate problem" in lab["one"].run(look, check=False).stderr
        assert lab["two"].address in lab["one"].run(["getent", "hosts", "api.vendhub.test"]).stdout
        assert "BEGIN CERTIFICATE" in server.issuer.read_text()
    finally:
        server.stop()
    assert not server.running()


def test_down_leaves_nothing_and_touches_no_other_lab(lab: Lab, name: str) -> None:
    with Lab(f"{name}-down", ["one"]) as other:
        other.acme()
        number = other.number
        assert len(traces(other.name, number)) > 8
        untouched = lab["one"].boot_id()
        banner = ["timeout", "2", "bash", "-c", f"head -c 4 < /dev/tcp/{lab['one'].address}/22"]
        assert other["one"].run(banner, check=False).stdout == "", "labs must not reach each other"
    assert traces(other.name, number) == []
    assert lab["one"].boot_id() == untouched


def test_down_clears_up_after_one_who_was_killed_while_hosts_came_up(name: str) -> None:
    argv = [sys.executable, "-m", "tests.lab", "up", f"{name}-crash", "--hosts", "one,two"]
    process = subprocess.Popen(argv, cwd=CHECKOUT, stdout=subprocess.DEVNULL)
    state = LABS / f"{name}-crash" / "state.json"
    deadline = time.monotonic() + 60
    while not (state.exists() and list(state.parent.glob("hosts/*/console"))):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=10)
    number = json.loads(state.read_text())["number"]
    assert traces(f"{name}-crash", number)
    Lab(f"{name}-crash").down()
    assert traces(f"{name}-crash", number) == []


def test_a_lab_that_is_up_already_is_not_started_twice(lab: Lab) -> None:
    with pytest.raises(LabError, match="is up already"):
        Lab(lab.name, ["one"]).up()
    assert lab["one"].boot_id()


@pytest.mark.parametrize(("lab_name", "hosts"), [("../x", ["one"]), ("x", ["Bad_Name"]), ("x", ["one", "one"])])
def test_a_name_that_cannot_be_a_name_is_refused(lab_name: str, hosts: list[str]) -> None:
    with pytest.raises(LabError):
        Lab(lab_name, hosts)
