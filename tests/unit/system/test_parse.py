# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the kernel's tables."""

from __future__ import annotations

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._system import kernel, mounts

MOUNTINFO = r"""21 27 0:20 / /proc rw - proc proc rw
22 27 0:21 / /sys rw - sysfs sysfs rw
23 27 0:6 / /dev rw - devtmpfs udev rw
24 23 0:22 / /dev/shm rw - tmpfs tmpfs rw
27 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
28 27 0:23 / /run rw - tmpfs tmpfs rw
29 28 0:24 / /run/user/0 rw - tmpfs tmpfs rw
30 27 8:2 / /srv/with\040blank rw - xfs /dev/sdb1 rw
31 27 8:1 /var/data /srv/bind rw master:2 propagate_from:3 - ext4 /dev/sda1 rw
32 27 7:0 / /snap/core/1 ro - squashfs /dev/loop0 ro
33 27 11:0 / /media/cd ro - iso9660 /dev/sr0 ro
34 27 0:50 / /var/lib/docker/overlay2/abc/merged rw - overlay overlay rw
35 27 0:51 / /var/lib/docker/containers/abc/mounts/shm rw - tmpfs shm rw
36 27 8:3 / /var/lib/docker rw - ext4 /dev/sdc1 rw
37 27 0:52 / /srv/cache rw - tmpfs tmpfs rw
38 27 0:53 / /mnt/nfs rw - nfs4 server:/export rw
39 27 0:54 / /mnt/auto rw - autofs systemd-1 rw
40 27 8:4 / /mnt/under rw - ext4 /dev/sdd1 rw
41 27 8:5 / /mnt/under rw - ext4 /dev/sde1 rw
rubbish
"""


def paths(text: str, ignore: tuple[str, ...] = ()) -> list[str]:
    return [mount.path for mount in mounts.data(mounts.parse(text), ignore)]


def test_every_mount_that_holds_data_is_seen_once() -> None:
    assert paths(MOUNTINFO) == ["/", "/mnt/nfs", "/mnt/under", "/srv/cache", "/srv/with blank", "/var/lib/docker"]


def test_of_two_mounts_on_one_path_the_one_on_top_counts() -> None:
    assert [m.device for m in mounts.data(mounts.parse(MOUNTINFO)) if m.path == "/mnt/under"] == ["8:5"]


def test_ignored_mounts_are_patterns_and_leave_the_bind_mount_of_the_same_disk() -> None:
    assert paths(MOUNTINFO, ("/srv/*", "/mnt/*")) == ["/", "/var/lib/docker"]
    assert paths(MOUNTINFO, ("/",))[-3:] == ["/srv/cache", "/srv/with blank", "/var/lib/docker"]
    assert "/srv/bind" in paths(MOUNTINFO, ("/",))


def test_the_root_of_a_container_is_data() -> None:
    assert paths("1 0 0:90 / / rw - overlay overlay rw,lowerdir=/a") == ["/"]


def test_files_in_memory_take_no_room_from_a_disk_and_btrfs_files_do() -> None:
    on_disk = mounts.on_disk(mounts.parse(MOUNTINFO))
    assert [on_disk(device) for device in ("8:1", "0:52", "0:1", "0:99")] == [True, False, False, False]
    on_disk = mounts.on_disk(mounts.parse(MOUNTINFO + "42 27 0:60 / /b rw - btrfs /dev/sdf rw\n"))
    assert [on_disk(device) for device in ("0:60", "0:99", "0:52")] == [True, True, False]


@pytest.mark.parametrize("text", ["", "\n\n", "1 2 3", "1 2 3 4 5 6 - ", "\x00\xff - - -", MOUNTINFO[:300]])
def test_half_a_table_is_survived(text: str) -> None:
    mounts.data(mounts.parse(text))


def test_ticks_count_stolen_time_as_busy_and_guest_time_once() -> None:
    before = kernel.ticks("cpu  100 0 50 800 50 0 0 0 90 0\ncpu0 1 1 1 1\n")
    after = kernel.ticks("cpu  120 0 60 850 60 0 0 10 110 0\n")
    assert (before, after) == (kernel.Ticks(150, 850), kernel.Ticks(190, 910))
    assert kernel.cpu_percent(before, after, 0) == pytest.approx(40)
    assert kernel.cpu_percent(before, after, 15) == pytest.approx(25)
    assert kernel.cpu_percent(before, after, 1000) == 0
    assert kernel.cpu_percent(before, before, 0) is None


@pytest.mark.parametrize("text", ["", "cpu\n", "cpu 1 2\n", "cpu0 1 2 3 4\n"])
def test_a_stat_table_without_processors_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="no line of all processors"):
        kernel.ticks(text)


def test_tables_are_numbers_in_bytes() -> None:
    assert kernel.table("MemTotal:  2 kB\nHugePages_Total:  3\noom_kill 4\nodd line here\n\n") == {
        "MemTotal": 2048, "HugePages_Total": 3, "oom_kill": 4}


@pytest.mark.parametrize(("record", "kill"), [
    ("3,1,5000000,-;Out of memory: Killed process 12 (node) total-vm:1kB\n SUBSYSTEM=x", kernel.Kill(5.0, 12, "node")),
    ("3,1,5000000,-;Memory cgroup out of memory: Killed process 13 (a b) total-vm", kernel.Kill(5.0, 13, "a b")),
    ("3,1,5000000,-;Out of memory: Kill process 14 (old) score 900 or sacrifice child", None),
    ("3,1,5000000,-;node invoked oom-killer: gfp_mask=0x1", None),
    ("rubbish", None),
    ("3,1,x,-;Out of memory: Killed process 12 (node)", None),
])
def test_one_record_of_the_kernel_log(record: str, kill: kernel.Kill | None) -> None:
    assert kernel.oom_kill(record) == kill


def test_pressure_and_control_groups() -> None:
    assert kernel.pressure("some avg10=1.50 avg60=0.25 avg300=0 total=1\nfull avg10=0.00 avg60=0.00 x") == {
        ("some", "10s"): 1.5, ("some", "60s"): 0.25, ("full", "10s"): 0.0, ("full", "60s"): 0.0}
    assert kernel.cgroup_paths("0::/user.slice\n") == ("/user.slice", None)
    assert kernel.cgroup_paths("4:cpu,memory:/a:b\n1:name=systemd:/\n0::/\n") == ("/", "/a:b")
