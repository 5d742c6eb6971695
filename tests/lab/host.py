# SPDX-License-Identifier: GPL-3.0-or-later
"""One host of a lab: a system of its own with systemd, an address and SSH, which can lose its power and its cable."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import socket
import subprocess
import time
import typing as t
from pathlib import Path

from tests.lab import cgroup, network
from tests.lab.machine import LabError, run

BOOT_SECONDS = 60.0
HALT_SECONDS = 30.0
BOOT = Path(__file__).with_name("boot.sh")
# what makes this host this host; written anew at every start from an image or a layer, and never saved in a layer
IDENTITY = (
    "etc/hostname",
    "etc/hosts",
    "etc/machine-id",
    "etc/ssh/ssh_host_ed25519_key",
    "etc/ssh/ssh_host_ed25519_key.pub",
    "root/.ssh/authorized_keys",
    "home/ops/.ssh/authorized_keys",
)
NEVER_SAVED = (*IDENTITY, "var/lib/dbus/machine-id", "var/lib/systemd/random-seed", "var/log/journal", "tmp", "var/tmp")
NSPAWN = (
    "--quiet",
    "--boot",
    "--register=no",
    "--keep-unit",
    "--kill-signal=SIGRTMIN+4",
    "--capability=CAP_NET_ADMIN",
    "--resolv-conf=off",
    "--timezone=off",
    "--link-journal=no",
    "--console=read-only",
)
SSH_OPTIONS = (
    "StrictHostKeyChecking=yes",
    "IdentitiesOnly=yes",
    "BatchMode=yes",
    "ConnectTimeout=10",
    "ServerAliveInterval=5",
    "LogLevel=ERROR",
)


class Host:
    """A host of a lab. It is made by ``Lab``; every wait is bounded and ends in a ``LabError``."""

    def __init__(self, folder: Path, number: int, place: int, name: str) -> None:
        """``folder`` is the lab's, ``number`` the lab's network, ``place`` the host's place in it."""
        self.lab, self.number, self.place, self.name = folder, number, place, name
        self.folder = folder / "hosts" / name
        self.root = self.folder / "root"
        self.address = f"10.213.{number}.{place + 10}"
        self.machine = f"{network.bridge(number)}-{name}"

    @property
    def key(self) -> Path:
        """The private key that root and ops of every host of the lab accept."""
        return self.lab / "key"

    def ssh(self, user: str = "root") -> list[str]:
        """The words of an ssh command to this host."""
        options = [f"UserKnownHostsFile={self.lab}/known_hosts", *SSH_OPTIONS]
        words = [f"-o{option}" for option in options]
        return ["ssh", "-F", "none", "-i", str(self.key), *words, f"{user}@{self.address}"]

    def run(
        self, argv: t.Sequence[str], *, check: bool = True, timeout: float = 60, input: str | None = None,
        user: str = "root",
    ) -> subprocess.CompletedProcess[str]:
        """Run a program on the host over SSH; a failure is a ``LabError`` unless ``check`` is false."""
        try:
            done = run([*self.ssh(user), shlex.join(argv)], timeout=timeout, check=False, input=input or "")
        except LabError as slow:
            raise LabError(f"{self.name}: {shlex.join(argv)} did not end within {timeout:g} seconds.") from slow
        if check and done.returncode:
            said = (done.stderr.strip() or done.stdout.strip())[-2000:]
            raise LabError(f"{self.name}: {shlex.join(argv)} ended with {done.returncode}: {said}")
        return done

    def write(self, path: str, text: str, *, mode: str = "0644") -> None:
        """Write a file on the host, with its folders; root owns it."""
        self.run(["mkdir", "-p", str(Path(path).parent)])
        self.run(["install", "-m", mode, "/dev/stdin", path], input=text)

    def read(self, path: str) -> str:
        """The text of a file on the host."""
        return self.run(["cat", path]).stdout

    def boot_id(self) -> str:
        """What changes with every boot, and with nothing else."""
        return self.read("/proc/sys/kernel/random/boot_id").strip()

    # its life

    def create(self, layers: t.Sequence[Path], hosts: t.Mapping[str, str]) -> None:
        """An empty disk over these layers (the last is the image), and the cable; the host is off."""
        self.folder.mkdir(parents=True)
        keys = self.folder / "identity"
        keys.mkdir(mode=0o700)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.name, "-f", keys / "ssh_host_ed25519_key"])
        (keys / "machine-id").write_text(os.urandom(16).hex() + "\n")
        network.connect(self.number, self.place, self.machine, self.address)
        self._disk(layers, hosts)

    def _disk(self, layers: t.Sequence[Path], hosts: t.Mapping[str, str]) -> None:
        for name in ("upper", "work", "root"):
            (self.folder / name).mkdir()
        upper, work = self.folder / "upper", self.folder / "work"
        # redirect_dir: renaming a folder of a lower layer works as on any disk
        options = f"redirect_dir=on,metacopy=off,index=off,lowerdir={':'.join(map(str, layers))}"
        options += f",upperdir={upper},workdir={work}"
        run(["mount", "-t", "overlay", "-o", options, f"vendhub-lab-{self.name}", self.root])
        keys = self.folder / "identity"
        authorized = self.key.with_suffix(".pub").read_text()
        self._put("etc/hostname", f"{self.name}\n")
        self.names(hosts)
        self._put("etc/machine-id", (keys / "machine-id").read_text(), 0o444)
        for key, mode in (("ssh_host_ed25519_key", 0o600), ("ssh_host_ed25519_key.pub", 0o644)):
            self._put(f"etc/ssh/{key}", (keys / key).read_text(), mode)
        for home in (self.root / "root", self.root / "home/ops"):
            owner = home.stat()
            (home / ".ssh").mkdir(mode=0o700, exist_ok=True)
            self._put(f"{home.relative_to(self.root)}/.ssh/authorized_keys", authorized, 0o600)
            for path in (home / ".ssh", home / ".ssh/authorized_keys"):
                os.chown(path, owner.st_uid, owner.st_gid)

    def names(self, hosts: t.Mapping[str, str]) -> None:
        """Let the host know these names, and no others; it may be on or off."""
        lines = "".join(f"{address} {name}\n" for name, address in hosts.items())
        self._put("etc/hosts", f"127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n{lines}")

    def _put(self, path: str, text: str, mode: int = 0o644) -> None:
        file = self.root / path
        file.unlink(missing_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def reset(self, layers: t.Sequence[Path], hosts: t.Mapping[str, str]) -> None:
        """Throw away everything since ``create`` and boot again; the address and the SSH host key stay."""
        self.cut_power()
        self._drop_disk()
        self._disk(layers, hosts)
        self.cable(True)
        self.power_on()

    def _drop_disk(self) -> None:
        run(["umount", "--lazy", self.root], check=False)
        for name in ("upper", "work", "root"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def destroy(self) -> None:
        """Take away everything of this host; what is not there any more is fine."""
        self.cut_power()
        self._drop_disk()
        network.disconnect(self.number, self.place, self.machine)

    def power_on(self) -> None:
        """Boot, and return when systemd has started what it starts."""
        groups = cgroup.make(self.machine)
        run(["ip", "netns", "exec", self.machine, "nft", "flush", "ruleset"])
        argv = [str(BOOT), self.machine, *map(str, groups), "--", "systemd-nspawn", *NSPAWN]
        argv += [f"--directory={self.root}", f"--machine={self.machine}", f"--hostname={self.name}"]
        argv += [f"--network-namespace-path=/run/netns/{self.machine}"]
        environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
            "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network",
            "SYSTEMD_NSPAWN_TMPFS_TMP": "0",
        }
        with (self.folder / "console").open("ab") as console:
            launcher = subprocess.Popen(
                argv, env=environment, stdin=subprocess.DEVNULL, stdout=console, stderr=console,
                start_new_session=True, cwd="/",
            )
        self._wait_until_up(launcher)

    def _wait_until_up(self, launcher: subprocess.Popen[bytes] | None = None) -> None:
        deadline = time.monotonic() + BOOT_SECONDS
        while not _answers(self.address):
            if launcher and launcher.poll() is not None:
                raise LabError(f"{self.name} did not boot: {self._last_words()}")
            if time.monotonic() > deadline:
                raise LabError(f"{self.name} did not answer by SSH in {BOOT_SECONDS:g} seconds: {self._last_words()}")
            time.sleep(0.05)
        # a unit that failed is the test's matter, not the lab's
        state = self.run(["systemctl", "is-system-running", "--wait"], check=False, timeout=BOOT_SECONDS).stdout.strip()
        if state not in {"running", "degraded"}:
            raise LabError(f"{self.name} did not finish booting, systemd says '{state}': {self._last_words()}")

    def _last_words(self) -> str:
        console = self.folder / "console"
        return console.read_text(errors="replace")[-800:].strip() if console.exists() else "no console"

    def cut_power(self) -> None:
        """Kill everything of the host at once, as a power failure does; it stays off."""
        cgroup.kill(self.machine)
        self.forget_connections()

    def forget_connections(self) -> None:
        """End the connections that Ansible keeps open to this host."""
        for control in Path(f"/run/{network.bridge(self.number)}").glob(f"{self.name}-*"):
            run(["ssh", "-F", "none", "-O", "exit", "-S", control, self.address], check=False)

    def power_failure(self) -> None:
        """The power goes, and comes back: everything dies at once, then the host boots."""
        self.cut_power()
        self.power_on()

    def power_off(self) -> None:
        """Shut down in order; the host stays off."""
        with contextlib.suppress(LabError):
            self.run(["systemctl", "poweroff"], check=False, timeout=10)
        deadline = time.monotonic() + HALT_SECONDS
        while cgroup.processes(self.machine):
            if time.monotonic() > deadline:
                raise LabError(f"{self.name} did not shut down within {HALT_SECONDS:g} seconds: {self._last_words()}")
            time.sleep(0.05)
        self.cut_power()

    def reboot(self) -> None:
        """Reboot in order, and return when the host is up again."""
        before = self.boot_id()
        self.run(["systemctl", "reboot"], check=False)
        deadline = time.monotonic() + HALT_SECONDS + BOOT_SECONDS
        while True:
            with contextlib.suppress(LabError):
                if _answers(self.address) and self.boot_id() != before:
                    break
            if time.monotonic() > deadline:
                raise LabError(f"{self.name} did not come back from its reboot: {self._last_words()}")
            time.sleep(0.05)
        self._wait_until_up()

    # what happens to it

    def cable(self, plugged: bool) -> None:
        """Pull the network cable or plug it in; it takes a connection or two until all notice."""
        run(["ip", "link", "set", network.cable(self.number, self.place), "up" if plugged else "down"])

    def limit_memory(self, limit_bytes: int | None) -> None:
        """Give the host this much memory and no more; None takes the limit away. It must fit what is used already."""
        cgroup.limit_memory(self.machine, limit_bytes)

    @contextlib.contextmanager
    def full_disk(self, path: str, free_bytes: int = 0) -> t.Iterator[None]:
        """A folder of the host becomes a disk of its own with its content and only so many bytes free.

        Afterwards the folder is as it was: what was written meanwhile is gone.
        """
        leader = self._leader()
        inside = ["nsenter", f"--target={leader}", "--mount", "--pid", "--"]
        used = int(run([*inside, "du", "-s", "--block-size=1", path]).stdout.split()[0])
        entries = len(run([*inside, "find", path]).stdout.splitlines())
        stage = "/run/lab-full-disk"
        page = os.sysconf("SC_PAGE_SIZE")
        # a page for each entry covers what the copy needs beyond the original
        size = used + free_bytes + entries * page
        run([*inside, "mkdir", "-p", stage])
        run([*inside, "mount", "-t", "tmpfs", "-o", f"size={size}", "lab-full-disk", stage])
        run([*inside, "cp", "--archive", f"{path}/.", stage])
        run([*inside, "chmod", f"--reference={path}", stage])
        status = os.statvfs(f"/proc/{leader}/root{stage}")
        spare = status.f_bavail * status.f_frsize
        size -= (spare - free_bytes) // page * page
        run([*inside, "mount", "-o", f"remount,size={size}", stage])
        run([*inside, "mount", "--bind", stage, path])
        run([*inside, "umount", stage])
        try:
            yield
        finally:
            # a host that was reset or rebooted meanwhile has lost the small disk already
            if Path(f"/proc/{leader}").exists():
                run([*inside, "umount", "--lazy", path])

    def _leader(self) -> int:
        """The process on the machine that is the host's PID 1."""
        for pid in cgroup.processes(self.machine):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                status = Path(f"/proc/{pid}/status").read_text()
                inside = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[1:]
                if inside == [str(pid), "1"]:
                    return pid
        raise LabError(f"{self.name} is off.")


def _answers(address: str) -> bool:
    try:
        with socket.create_connection((address, 22), timeout=1) as connection:
            connection.settimeout(2)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
