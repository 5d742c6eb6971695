# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Which file systems of /proc/self/mountinfo hold data that can fill up (pure)."""

from __future__ import annotations

import dataclasses
import fnmatch
import re
import typing as t

# file systems without room of their own, and images that are full by design
PSEUDO = frozenset((
    "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "cpuset", "debugfs", "devpts", "devtmpfs",
    "efivarfs", "fusectl", "hugetlbfs", "mqueue", "nfsd", "nsfs", "proc", "pstore", "ramfs", "rootfs", "rpc_pipefs",
    "securityfs", "selinuxfs", "smackfs", "sysfs", "tracefs",
    "cramfs", "erofs", "iso9660", "romfs", "squashfs", "udf",
    "fuse.gvfsd-fuse", "fuse.lxcfs", "fuse.portal", "fuse.snapfuse", "fuse.squashfuse",
))
# layers and shared memory that containers mount from a disk that is shown anyway
CONTAINERS = ("/var/lib/docker/", "/var/lib/containers/", "/var/lib/containerd/", "/var/lib/kubelet/", "/var/lib/lxc/",
              "/var/snap/")
# memory of the running system, not data; any other tmpfs can lose somebody's data when it is full
RUNTIME = ("/dev/", "/proc/", "/run/", "/sys/", "/var/run/")

_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclasses.dataclass(frozen=True)
class Mount:
    """One line of mountinfo; ``device`` is ``major:minor``, ``root`` the part of the file system that is mounted."""

    device: str
    root: str
    path: str
    kind: str
    source: str


def parse(text: str) -> list[Mount]:
    """All mounts that can be reached: of several on one path the last."""
    mounts: dict[str, Mount] = {}
    for line in text.split("\n"):
        left, found, right = line.partition(" - ")
        fields, tail = left.split(" "), right.split(" ")
        if found and len(fields) >= 6 and len(tail) >= 2:
            path = unescape(fields[4])
            mounts.pop(path, None)
            mounts[path] = Mount(fields[2], unescape(fields[3]), path, tail[0], unescape(tail[1]))
    return list(mounts.values())


def data(mounts: t.Iterable[Mount], ignore: t.Sequence[str] = ()) -> list[Mount]:
    """The mounts to judge: real ones, each file system once (bind mounts folded), by path."""
    chosen: dict[str, Mount] = {}
    for mount in mounts:
        if not _holds_data(mount) or any(fnmatch.fnmatchcase(mount.path, pattern) for pattern in ignore):
            continue
        known = chosen.get(mount.device)
        if known is None or _plainness(mount) < _plainness(known):
            chosen[mount.device] = mount
    return sorted(chosen.values(), key=lambda mount: mount.path)


def on_disk(mounts: t.Iterable[Mount]) -> t.Callable[[str], bool]:
    """Tell whether a file of this device takes room from a disk (and not from memory)."""
    known = list(mounts)
    disks = {mount.device for mount in known if mount.kind not in PSEUDO and mount.kind != "tmpfs"}
    others = {mount.device for mount in known} - disks
    # files of a btrfs volume have a device of their own that mountinfo does not show
    volumes = any(mount.kind in ("btrfs", "bcachefs") for mount in known)
    return lambda device: device in disks or (volumes and device.startswith("0:") and device not in others)


def unescape(text: str) -> str:
    r"""Undo the kernel's ``\040`` for a blank and the like."""
    return _OCTAL.sub(lambda found: chr(int(found.group(1), 8)), text)


def _holds_data(mount: Mount) -> bool:
    inside = mount.path + "/"
    if mount.kind in PSEUDO:
        return False
    if mount.kind in ("tmpfs", "overlay", "aufs") and inside.startswith(CONTAINERS):
        return False
    return not (mount.kind in ("tmpfs", "overlay") and inside.startswith(RUNTIME))


def _plainness(mount: Mount) -> tuple[bool, int, str]:
    return mount.root != "/", len(mount.path), mount.path
