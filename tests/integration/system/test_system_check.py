# SPDX-License-Identifier: GPL-3.0-or-later
"""The system check on this machine's real kernel: full disks, hung disks, open files, kills, busy processors."""

from __future__ import annotations

import contextlib
import os
import pathlib
import subprocess
import sys
import time
import typing as t

import pytest

from tests.modules import call, finding


def test_this_machine_is_looked_at_in_all_its_parts() -> None:
    result = call("system_check")
    assert (result["check"], result["failed"], result["changed"]) == ("system", False, False)
    assert {row["name"] for row in result["findings"]} == {
        "disk_percent", "inodes_percent", "deleted_open_bytes", "memory_percent", "swap_percent", "oom_kills",
        "cpu_percent"}
    assert result["metrics"]["memory_total_bytes"] == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert result["metrics"]['disk_percent{mount="/"}'] > 0
    assert not {row.get("object") for row in result["findings"]} & {"/proc", "/sys", "/dev", "/dev/shm", "/run"}


def test_disk_use_is_what_df_says() -> None:
    df = subprocess.run(["df", "--output=pcent", "/"], capture_output=True, text=True, check=True)
    said = int(df.stdout.split()[-1].rstrip("%"))
    assert said - 1 <= finding(call("system_check"), "disk_percent", "/")["value"] <= said


def test_an_ignored_mount_is_not_judged() -> None:
    assert not [row for row in call("system_check", mounts_ignore=["/"])["findings"] if row.get("object") == "/"]


# a tmpfs of 1000 pages, so that one page is 0.1 %
FULL = """
import subprocess
os.mkdir("data")
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4000k,nr_inodes=1000", "tmpfs", "data"], check=True)
{fill}
result = call("system_check")
"""
PAGES = [(799, "ok"), (800, "ok"), (801, "warning"), (900, "warning"), (901, "critical"), (1000, "critical")]


@pytest.mark.parametrize(("pages", "state"), PAGES)
def test_a_data_tmpfs_around_the_limits_of_its_space(isolated: t.Any, tmp_path: pathlib.Path, pages: int,
                                                     state: str) -> None:
    result = isolated(FULL.format(fill=f"open('data/file', 'wb').write(b'x' * 4096 * {pages})"))
    disk = finding(result, "disk_percent", str(tmp_path / "data"))
    assert (disk["value"], disk["state"]) == (pages / 10, state)
    assert disk.get("remedy") == (None if state == "ok" else "vendhub.ops.free_disk")


@pytest.mark.parametrize(("inodes", "state"), PAGES)
def test_a_data_tmpfs_around_the_limits_of_its_inodes(isolated: t.Any, tmp_path: pathlib.Path, inodes: int,
                                                      state: str) -> None:
    # the top folder is an inode too
    result = isolated(FULL.format(fill=f"[open('data/%d' % n, 'w').close() for n in range({inodes} - 1)]"))
    found = finding(result, "inodes_percent", str(tmp_path / "data"))
    assert (found["value"], found["state"]) == (inodes / 10, state)


def test_a_bind_mount_counts_once(isolated: t.Any, tmp_path: pathlib.Path) -> None:
    result = isolated(FULL.format(fill="os.mkdir('again'); subprocess.run(['mount', '--bind', 'data', 'again'])"))
    objects = [row["object"] for row in result["findings"] if row["name"] == "disk_percent"]
    assert str(tmp_path / "data") in objects
    assert str(tmp_path / "again") not in objects


def test_a_mount_that_never_answers_is_unknown_and_hides_nothing(isolated: t.Any, without: t.Any,
                                                                 tmp_path: pathlib.Path) -> None:
    if not os.path.exists("/dev/fuse"):
        without("/dev/fuse")
    # a FUSE file system whose server never reads a request hangs as a dead file server does
    result, seconds = isolated("""
        import ctypes
        os.mkdir("hung"); os.mkdir("data")
        server = os.open("/dev/fuse", os.O_RDWR)
        libc = ctypes.CDLL(None, use_errno=True)
        options = b"fd=%d,rootmode=40000,user_id=0,group_id=0" % server
        assert libc.mount(b"server:/x", b"hung", b"fuse", 0, options) == 0, ctypes.get_errno()
        assert libc.mount(b"tmpfs", b"data", b"tmpfs", 0, b"size=4000k") == 0
        started = time.monotonic()
        answer = call("system_check", timeout_seconds=1)
        result = answer, time.monotonic() - started
        os.close(server)
    """)
    hung = finding(result, "disk_percent", str(tmp_path / "hung"))
    assert hung["state"] == "unknown"
    assert "does not answer within 1 s" in hung["message"]
    assert finding(result, "disk_percent", str(tmp_path / "data"))["state"] == "ok"
    assert finding(result, "memory_percent")["value"] > 0
    assert seconds < 4


DELETED = """
held = open("file", "wb"); held.write(b"x" * 4096 * 256); held.flush(); os.fsync(held.fileno())
again = os.dup(held.fileno())
child = os.fork()
if not child:
    time.sleep(30); os._exit(0)
memory = os.memfd_create("not-a-disk"); os.write(memory, b"x" * 8192)
os.unlink("file")
open_bytes = os.fstat(held.fileno()).st_blocks * 512
result = [call("system_check", thresholds={"deleted_open_bytes": {"warning": open_bytes + step, "critical": None}})
          for step in (1, 0, -1)]
os.kill(child, 9)
"""


def test_deleted_files_that_are_open_count_once_around_the_limit(isolated: t.Any, tmp_path: pathlib.Path) -> None:
    found = [finding(result, "deleted_open_bytes") for result in isolated(DELETED)]
    assert [row["state"] for row in found] == ["ok", "ok", "warning"]
    (detail,) = found[0]["details"]
    assert detail["path"] == str(tmp_path / "file")
    assert detail["bytes"] == found[0]["value"] >= 1024 * 1024
    assert detail["pid"] > 0
    assert detail["name"]


def test_without_root_it_says_what_it_could_not_see(script: t.Any) -> None:
    result = script("""
        result = call("system_check")  # loads all code before the rights are gone
        if os.geteuid() == 0:
            os.setgroups([]); os.setgid(65534); os.setuid(65534)
            result = call("system_check")
    """)
    open_files = finding(result, "deleted_open_bytes")
    assert open_files["state"] == "ok"
    assert "processes of other users could not be looked at (needs root)" in open_files["message"]
    assert result["metrics"]["deleted_open_hidden_processes"] > 0


@pytest.mark.parametrize(("step", "state"), [(2, "ok"), (-2, "warning")])
def test_memory_is_held_against_the_table(step: int, state: str) -> None:
    limits = {"warning": _memory(call("system_check"))["value"] + step, "critical": None}
    assert _memory(call("system_check", thresholds={"memory_percent": limits}))["state"] == state


def _memory(result: dict[str, t.Any]) -> dict[str, t.Any]:
    return next(row for row in result["findings"] if row["name"] == "memory_percent" and "object" not in row)


@pytest.fixture
def memory_group(without: t.Any) -> t.Iterator[pathlib.Path]:
    """A control group that may use 64 MiB."""
    top = pathlib.Path("/sys/fs/cgroup")
    old = (top / "memory").is_dir()
    folder = (top / "memory" if old else top) / f"vendhub-test-{os.getpid()}"
    try:
        folder.mkdir()
        (folder / ("memory.limit_in_bytes" if old else "memory.max")).write_text(str(64 * 1024**2))
    except OSError as exc:
        with contextlib.suppress(OSError):
            folder.rmdir()
        without(f"a memory control group of its own ({exc})")
    yield folder
    for _try in range(50):
        with contextlib.suppress(OSError):
            folder.rmdir()
            break
        time.sleep(0.1)


USE = """
open("{folder}/cgroup.procs", "w").write("0")
block = bytearray({mib} * 1024**2); block[::4096] = b"x" * len(block[::4096])
result = call("system_check")
"""


def test_a_tight_control_group_is_judged_beside_the_host(script: t.Any, memory_group: pathlib.Path) -> None:
    group = finding(script(USE.format(folder=memory_group, mib=20)), "memory_percent", "cgroup")
    assert "limit of 64 MiB" in group["message"]
    assert 30 < group["value"] <= 100


def test_a_process_killed_for_lack_of_memory_is_told_by_name(script: t.Any, memory_group: pathlib.Path) -> None:
    before = {row["pid"] for row in finding(call("system_check"), "oom_kills").get("details", [])}
    with pytest.raises(AssertionError):
        script(USE.format(folder=memory_group, mib=200))
    after = finding(call("system_check"), "oom_kills")
    killed = [row for row in after["details"] if row["pid"] not in before]
    assert after["state"] == "warning"
    assert len(killed) == 1
    assert killed[0]["name"].startswith("python")
    assert killed[0]["seconds_ago"] < 60


def test_busy_processors_are_critical() -> None:
    burners = 2 * (os.cpu_count() or 1)
    burn = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _number in range(burners)]
    try:
        time.sleep(0.3)
        cpu = finding(call("system_check"), "cpu_percent")
        free = finding(call("system_check", thresholds={"cpu_percent": {"warning": 100, "critical": 100}}),
                       "cpu_percent")
    finally:
        for process in burn:
            process.kill()
            process.wait()
    assert (cpu["state"], cpu["value"] > 90) == ("critical", True)
    assert free["state"] == "ok"


@pytest.mark.parametrize(("options", "words"), [
    ({"cpu_sample_seconds": 0}, "cpu_sample_seconds must be between"),
    ({"timeout_seconds": -1}, "timeout_seconds must be between"),
    ({"thresholds": {"disk_percent": {"warning": 95}}}, "must come before"),
])
def test_bad_options_are_one_sentence(options: dict[str, t.Any], words: str) -> None:
    result = call("system_check", **options)
    assert (result["failed"], words in result["msg"]) == (True, True)
