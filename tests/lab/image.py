# SPDX-License-Identifier: GPL-3.0-or-later
"""The image every host starts from: a minimal system of this machine's distribution, built once, kept in the cache.

It holds this machine's package sources and extra certificate authorities, so it is never committed. LAB_SUITE names
another release of the same distribution (``LAB_SUITE=trixie``), which comes from the same package sources.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
import time
import typing as t
from pathlib import Path

from tests.lab.archive import pack
from tests.lab.machine import CACHE, LabError, lock, mounted_under, run

PACKAGES = [
    *("systemd", "systemd-sysv", "libpam-systemd", "dbus", "openssh-server", "python3", "python3-apt", "sudo"),
    *("iproute2", "ca-certificates", "procps", "curl", "gnupg", "cron", "logrotate", "less"),
]
# what would change a host behind a test's back, or wait for hardware that is not there
MASKED = [
    *("apt-daily.timer", "apt-daily-upgrade.timer", "systemd-resolved.service", "systemd-networkd.service"),
    *("systemd-networkd.socket", "systemd-networkd-wait-online.service", "systemd-timesyncd.service"),
    "console-getty.service",
]
SUITE = "LAB_SUITE"
AUTHORITIES = Path("/usr/local/share/ca-certificates")
BUILD_SECONDS = 600


def image() -> Path:
    """The archive of the image for this machine, built when there is none; a second caller waits for the first."""
    machine = _machine()
    archive = CACHE / f"image-{_key(machine)}.tar.zst"
    if archive.exists():
        return archive
    with lock(CACHE / "lock", timeout=BUILD_SECONDS + 60, waiting_for="another run that builds the image"):
        if not archive.exists():
            _build(archive, machine)
    return archive


class _Machine(t.NamedTuple):
    suite: str
    sources: dict[str, str]
    apt_options: str
    authorities: list[Path]
    resolver: str


def _machine() -> _Machine:
    """What the image takes over from this machine, so that its hosts reach what the machine reaches."""
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    codename = release.get("VERSION_CODENAME", "").strip('"')
    if not codename:
        raise LabError("Hosts are built from Debian's or Ubuntu's packages, and /etc/os-release names no codename.")
    apt = Path("/etc/apt")
    files = [path for path in [apt / "sources.list"] if path.exists() and path.stat().st_size]
    files += sorted(p for p in (apt / "sources.list.d").glob("*") if p.suffix in {".list", ".sources"})
    suite = os.environ.get(SUITE) or codename
    sources = {path.name: re.sub(rf"\b{codename}\b", suite, path.read_text()) for path in files}
    options = [
        line
        for line in run(["apt-config", "dump", "--no-empty"]).stdout.splitlines()
        if line.startswith("Acquire::") and not line.startswith(("Acquire::IndexTargets", "Acquire::Changelogs"))
    ]
    authorities = sorted(AUTHORITIES.rglob("*.crt"))
    return _Machine(suite, sources, "\n".join(options) + "\n", authorities, Path("/etc/resolv.conf").read_text())


def _key(machine: _Machine) -> str:
    digest = hashlib.sha256(Path(__file__).read_bytes())
    digest.update(f"{machine.suite}\n{machine.apt_options}\n{machine.resolver}\n{machine.sources}\n".encode())
    for path in machine.authorities:
        digest.update(f"{path}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _build(archive: Path, machine: _Machine) -> None:
    started = time.monotonic()
    print("building the image of the lab's hosts, a minute or two, once", file=sys.stderr)
    workshop = CACHE / "build"
    _clear(workshop)
    workshop.mkdir(parents=True)
    run(["mount", "-t", "tmpfs", "-o", "size=3g,mode=700", "vendhub-lab-image", workshop])
    try:
        (workshop / "tmp").mkdir()
        (workshop / "apt.conf").write_text(machine.apt_options)
        (workshop / "sources").mkdir()
        for name, text in machine.sources.items():
            (workshop / "sources" / name).write_text(text)
        root = workshop / "root"
        command: list[str | Path] = ["env", f"TMPDIR={workshop}/tmp", "mmdebstrap", "--variant=minbase", "--mode=root"]
        command += ["--quiet", "--dpkgopt=force-unsafe-io", f"--include={','.join(PACKAGES)}"]
        command += [f"--aptopt={workshop}/apt.conf", machine.suite, root]
        command += [workshop / "sources" / name for name in machine.sources]
        run(command, timeout=BUILD_SECONDS)
        _furnish(root, machine)
        # a lab may just now start from yesterday's
        for old in CACHE.glob("image-*.tar.zst"):
            if old.stat().st_mtime < time.time() - 86400:
                old.unlink()
        pack(root, archive)
    finally:
        _clear(workshop)
    print(f"built in {time.monotonic() - started:.0f} seconds, {archive.stat().st_size >> 20} MiB", file=sys.stderr)


def _clear(workshop: Path) -> None:
    for point in mounted_under(workshop):
        run(["umount", "--lazy", point])
    shutil.rmtree(workshop, ignore_errors=True)


def _furnish(root: Path, machine: _Machine) -> None:
    """Turn the bare system into a host of the lab; what tells two hosts apart is written when a host starts."""
    for name in ("etc/machine-id", "var/lib/dbus/machine-id", *(str(p.relative_to(root)) for p in _host_keys(root))):
        (root / name).unlink(missing_ok=True)
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    files = {
        "etc/resolv.conf": machine.resolver,
        "etc/default/locale": "LANG=C.UTF-8\n",
        "etc/ssh/sshd_config.d/lab.conf": "HostKey /etc/ssh/ssh_host_ed25519_key\nPasswordAuthentication no\n",
        "etc/sudoers.d/ops": "ops ALL=(ALL:ALL) NOPASSWD: ALL\n",
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (root / "etc/sudoers.d/ops").chmod(0o440)
    for unit in MASKED:
        mask = root / "etc/systemd/system" / unit
        mask.unlink(missing_ok=True)
        mask.symlink_to("/dev/null")
    run(["chroot", root, "useradd", "--create-home", "--shell", "/bin/bash", "ops"])
    if machine.authorities:
        target = root / AUTHORITIES.relative_to("/")
        for authority in machine.authorities:
            shutil.copy(authority, target / authority.name)
        run(["chroot", root, "update-ca-certificates"], timeout=120)
        # Node.js brings its own list of authorities
        with (root / "etc/environment").open("a") as environment:
            environment.write("NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt\n")


def _host_keys(root: Path) -> list[Path]:
    return sorted((root / "etc/ssh").glob("ssh_host_*"))
