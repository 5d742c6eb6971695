# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this machine can boot hosts."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from tests.lab import cgroup

PROGRAMS = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "nft": "nftables",
    "zstd": "zstd",
    "ip": "iproute2",
    "ssh": "openssh-client",
}


def why_not() -> str | None:
    """One sentence why this machine cannot boot hosts; None when it can."""
    if not sys.platform.startswith("linux"):
        return "Hosts of the lab boot on Linux only."
    if os.geteuid() != 0:
        return "Booting hosts needs root."
    missing = [package for program, package in PROGRAMS.items() if not shutil.which(program)]
    if missing:
        return f"Booting hosts needs the system packages {', '.join(missing)} (make system)."
    if not cgroup.roots():
        return f"Booting hosts needs a writable cgroup version 2 hierarchy at {cgroup.ROOT} or {cgroup.ROOT}/unified."
    if "overlay" not in Path("/proc/filesystems").read_text():
        return "Booting hosts needs the overlay file system of the kernel (modprobe overlay)."
    return None
