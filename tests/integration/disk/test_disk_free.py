# SPDX-License-Identifier: GPL-3.0-or-later
"""disk_free on a real disk that is really full."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._release import ledger
from ansible_collections.vendhub.ops.plugins.module_utils._release.place import Place

from .conftest import MIB, NPM_USER, Disk, names

Writer = t.Callable[[Path], "subprocess.Popen[bytes]"]


def old_logs(disk: Disk, count: int = 10, mebibytes: float = 2) -> list[Path]:
    return [disk.file(disk.logs / f"combined.log.{number}", mebibytes, days=10 + number)
            for number in range(1, count + 1)]


def release(disk: Disk, name: str, *events: str, mebibytes: float = 4) -> Path:
    """A release as the module release leaves it."""
    path = disk.app / "releases" / name
    disk.file(path / "dist" / "main.js", mebibytes)
    place = Place(str(disk.app), str(disk.state), by="test")
    place.write(ledger.STAGED, name, path=str(path), sha="0" * 40, ref=name)
    for event in events:
        place.write(event, name)
    return path


def test_it_stops_as_soon_as_the_target_is_reached_the_oldest_first(disk: Disk) -> None:
    logs = old_logs(disk)
    disk.fill()
    planned = disk.free(check_mode=True)
    assert all(path.exists() for path in logs)
    done = disk.free()
    assert not done["failed"], done["msg"]
    assert done["reached"]
    gone = [path.name for path in logs if not path.exists()]
    assert names(done["freed"]) == list(reversed(gone))
    assert names(planned["plan"]) == names(done["freed"]), "the plan is what is done"
    assert gone == [path.name for path in logs[-len(gone):]], "the oldest"
    assert disk.percent() <= 80 < disk.percent() + 100 * 2 / 54, "and not one more than needed"
    assert round(disk.percent(), 1) == done["filesystems"][0]["percent_after"]
    again = disk.free()
    assert (again["changed"], again["freed"]) == (False, [])


def test_it_works_on_a_disk_without_one_free_byte_and_writes_nothing_there(disk: Disk) -> None:
    old_logs(disk)
    disk.fill()
    before = {str(path) for path in disk.mount.rglob("*")}
    done = disk.free()
    assert done["reached"], done["msg"]
    assert {str(path) for path in disk.mount.rglob("*")} < before


def test_a_disk_that_is_not_too_full_is_left_alone(disk: Disk) -> None:
    logs = old_logs(disk, 3)
    done = disk.free()
    assert (done["changed"], done["reached"]) == (False, True)
    assert all(path.exists() for path in logs)
    assert "within 80 %" in done["msg"]


def test_check_mode_changes_nothing_and_says_the_bytes(disk: Disk) -> None:
    old_logs(disk, 4)
    disk.fill()
    before = sorted(disk.mount.rglob("*"))
    planned = disk.free(check_mode=True)
    assert planned["changed"]
    assert sorted(disk.mount.rglob("*")) == before
    assert [row["bytes"] for row in planned["plan"]] == [2 * MIB] * 3, "the newest generation stays"
    assert planned["reached"] is False
    assert "and not 80 %" in planned["msg"]


def test_enough_for_work_is_a_target_too(disk: Disk) -> None:
    old_logs(disk)
    disk.fill()
    done = disk.free(target_free_bytes=3 * MIB)
    assert len(done["freed"]) == 2
    assert disk.free_bytes() >= 3 * MIB


def test_a_log_that_is_open_stays_and_is_named_with_its_process(disk: Disk, writer: Writer) -> None:
    held = old_logs(disk, 3)[2]
    old = held.stat().st_mtime
    process = writer(held)
    process.send_signal(signal.SIGSTOP)
    time.sleep(0.2)  # its last line
    os.utime(held, (old, old))
    disk.fill()
    done = disk.free()
    assert held.exists()
    row = next(row for row in done["for_person"] if row["path"] == str(held))
    assert f"process {process.pid} (python3) has it open" in row["why"]


def test_a_deleted_log_gives_its_bytes_back_and_its_writer_goes_on(disk: Disk, writer: Writer) -> None:
    path = disk.file(disk.logs / "api-out.log", 20)
    process = writer(path)
    path.unlink()
    disk.fill()
    done = disk.free(kinds=["deleted_logs"], target_percent=70)
    assert [(row["kind"], row["bytes"] >= 20 * MIB) for row in done["freed"]] == [("deleted_logs", True)]
    assert disk.percent() < 70
    assert process.poll() is None
    assert any(f"process {process.pid} (python3) still writes into it" in note for note in done["notes"])


def test_young_generations_stay(disk: Disk) -> None:
    logs = [disk.file(disk.logs / f"a.log.{number}", 1, days) for number, days in ((1, 1), (2, 6.9), (3, 7.1))]
    disk.fill()
    assert names(disk.free(target_percent=1)["freed"]) == [logs[2].name]
    assert names(disk.free(target_percent=1, log_days=0.5, log_keep=0)["freed"]) == [logs[1].name, logs[0].name]


def test_a_cache_stays_while_npm_is_at_work(disk: Disk) -> None:
    disk.npm_cache({"content": 3})
    disk.fill()
    with subprocess.Popen(["npm ci", "60"], executable="/usr/bin/sleep", user=NPM_USER) as npm:
        done = disk.free(kinds=["npm_cache"])
        npm.kill()
    assert done["freed"] == []
    assert any("npm is at work" in note for note in done["notes"])
    assert names(disk.free(kinds=["npm_cache"])["freed"]) == ["_cacache"]


def test_a_folder_that_is_no_cache_is_never_one(disk: Disk) -> None:
    path = disk.file(disk.mount / "precious" / "file", 3)
    disk.fill()
    done = disk.free(npm_caches=[str(path.parent)])
    assert path.exists()
    assert any("is no cache of npm" in note for note in done["notes"])


def test_another_deleted_file_is_named_with_process_and_bytes_and_stays(disk: Disk, writer: Writer) -> None:
    path = disk.file(disk.mount / "database" / "audit.log", 5)
    process = writer(path)
    path.unlink()
    disk.fill()
    done = disk.free()
    row = next(row for row in done["for_person"] if row["kind"] == "deleted_open")
    assert row["path"] == str(path)
    assert row["bytes"] >= 5 * MIB
    assert f"process {process.pid} (python3)" in row["why"]
    assert os.stat(f"/proc/{process.pid}/fd/3").st_size >= 5 * MIB


def test_the_beginning_of_a_log_goes_only_when_it_is_asked_for_and_no_line_of_its_end_is_lost(
        disk: Disk, writer: Writer) -> None:
    path = disk.fill()
    writer(path)
    refused = disk.free()
    assert not refused["changed"]
    assert [row["kind"] for row in disk.info(live_log_keep_bytes=MIB)["for_person"]] == ["live_log"]
    size = path.stat().st_size
    done = disk.free(kinds=["live_logs"], live_log_keep_bytes=MIB)
    assert done["reached"], done["msg"]
    assert path.stat().st_size >= size
    time.sleep(0.5)
    tail = path.read_bytes()[-MIB:]
    assert tail.strip(b"x").startswith(b"line ")
    assert b"\0" not in tail
    numbers = [int(line.split()[1]) for line in tail[tail.index(b"line"):].split(b"\n")[:-1]]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert disk.free(kinds=["live_logs"], live_log_keep_bytes=MIB, target_percent=1)["freed"] == []


def test_releases_that_are_needed_or_used_stay(disk: Disk) -> None:
    events = {"r1": (), "r2": (ledger.ACTIVATED, ledger.GOOD), "r3": (), "r4": (), "r5": (ledger.ACTIVATED,), "r6": ()}
    paths = {name: release(disk, name, *of) for name, of in events.items()}
    (disk.app / "current").symlink_to(paths["r5"])
    with subprocess.Popen(["sleep", "60"], cwd=paths["r3"]) as user:
        disk.fill()
        done = disk.free(releases_keep=1, target_percent=1)
        user.kill()
    assert sorted(path.name for path in (disk.app / "releases").iterdir()) == ["r2", "r3", "r5", "r6"]
    assert names(done["freed"]) == ["r1", "r4"]
    assert any(row["path"] == str(paths["r3"]) and "uses it" in row["why"] for row in done["for_person"])
    known = Place(str(disk.app), str(disk.state)).read()
    assert {one.id for one in known.releases if one.removed_at} == {"r1", "r4"}


def test_what_a_killed_run_left_of_a_release_is_finished_and_written_down(disk: Disk) -> None:
    paths = [release(disk, name) for name in ("r1", "r2")]
    paths[0].rename(disk.app / "releases" / ".removing-r1")
    disk.fill()
    done = disk.free()
    assert names(done["freed"]) == [".removing-r1"]
    assert [path.name for path in (disk.app / "releases").iterdir()] == ["r2"]
    known = Place(str(disk.app), str(disk.state)).read()
    assert [one.id for one in known.releases if one.removed_at] == ["r1"]


def test_only_verified_dumps_with_newer_verified_ones_go_with_their_proof(disk: Disk) -> None:
    good = [disk.dump(f"vendhub_2026110{day}T030000Z.dump", days=20 - day) for day in range(1, 6)]
    unproved = disk.dump("vendhub_20261009T030000Z.dump", 40, verified=False)
    other = disk.dump("archive_20250101.dump", 300)
    disk.fill()
    done = disk.free(target_percent=1)
    assert names(done["freed"]) == [good[0].name, good[1].name]
    assert sorted(path.name for path in disk.backups.glob("*.dump")) == sorted(
        [one.name for one in good[2:]] + [unproved.name, other.name])
    assert len(list(disk.backups.glob("*.verified.json"))) == 4
    why = {Path(row["path"]).name: row["why"] for row in done["for_person"] if row["kind"] == "dump"}
    assert "was never verified" in why[unproved.name]
    assert "one of the newest 3 verified" in why[good[4].name]


def test_no_dump_goes_on_the_word_of_one_that_is_damaged(disk: Disk) -> None:
    good = [disk.dump(f"vendhub_2026110{day}.dump", days=20 - day) for day in range(1, 6)]
    status = good[4].stat()
    with good[4].open("r+b") as file:
        file.seek(5000)
        file.write(b"\0\1\2")
    os.utime(good[4], ns=(status.st_atime_ns, status.st_mtime_ns))
    disk.fill()
    done = disk.free(target_percent=1)
    assert (done["freed"], len(done["kept"])) == ([], 2)
    assert "no longer has the checksum" in done["kept"][0]["why"]
    assert all(path.exists() for path in good)


def test_caches_and_logs_nobody_writes_go_and_core_dumps_uploads_and_unknown_files_stay(disk: Disk) -> None:
    disk.npm_cache({"content-v2/aa": 3})
    orphan = disk.file(disk.pm2 / "logs" / "gone-app-out.log", 2, days=30)
    fresh = disk.file(disk.pm2 / "logs" / "api-out.log", 1)
    archived = disk.file(disk.mount / "journal" / "m" / "system@0-1-2.journal", 2, days=30)
    active = disk.file(disk.mount / "journal" / "m" / "system.journal", 2, days=30)
    stay = [disk.file(disk.mount / name, 3) for name in ("core.4711", "uploads/photo.jpg", "unknown.bin")]
    disk.fill()
    info = disk.info(big_bytes=2 * MIB)
    done = disk.free(target_percent=1)
    assert names(done["freed"]) == ["_cacache", orphan.name, archived.name]
    assert not disk.cache.exists()
    assert all(path.exists() for path in (fresh, active, *stay))
    kinds = {Path(row["path"]).name: row["kind"] for row in info["for_person"]}
    assert kinds["core.4711"] == "core_dump"
    assert kinds["uploads"] == "uploads"
    assert kinds["unknown.bin"] == "big_file"


def test_links_are_not_followed_and_second_names_are_told(disk: Disk, tmp_path: Path) -> None:
    outside = disk.file(tmp_path / "outside.log.5", 1, days=30)
    (disk.logs / "trap.log.1").symlink_to(outside)
    (disk.logs / "deep").symlink_to(tmp_path)
    linked = disk.file(disk.logs / "twice.log.2", 1, days=30)
    os.link(linked, disk.mount / "second")
    disk.file(disk.logs / "twice.log.1", 0.1, days=1)
    disk.fill()
    done = disk.free(target_percent=1)
    assert done["freed"] == []
    assert outside.exists()
    assert any(row["kind"] == "linked" for row in done["for_person"])


def test_another_file_system_below_is_not_entered(disk: Disk) -> None:
    inner = disk.logs / "inner"
    inner.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "x", str(inner)], check=True, timeout=10)
    try:
        kept = [disk.file(inner / f"a.log.{number}", 0.5, days=30) for number in (1, 2)]
        disk.fill()
        done = disk.free(target_percent=1)
        assert done["freed"] == []
        assert all(path.exists() for path in kept)
    finally:
        subprocess.run(["umount", str(inner)], check=True, timeout=10)


def test_names_of_any_bytes_go_and_are_told_as_text(disk: Disk) -> None:
    folder = os.fsencode(disk.logs)
    for name in (b"a b\n'\".log.2", b"\xff\xfe.log.2"):
        for generation in (b"2", b"3"):
            path = os.path.join(folder, name[:-1] + generation)
            disk.file(Path(os.fsdecode(path)), 1, days=10 + int(generation))
    disk.fill()
    done = disk.free(target_percent=1)
    assert len(done["freed"]) == 2
    assert all(row["path"].isprintable() for row in done["freed"])


def test_a_disk_out_of_inodes_is_freed_by_inodes(disk: Disk) -> None:
    disk.npm_cache({f"{number % 10}/{number}": 0 for number in range(1500)})
    with contextlib.suppress(OSError):
        for number in range(2000):
            (disk.mount / f"n{number}").touch()
    assert os.statvfs(disk.mount).f_ffree == 0
    done = disk.free()
    assert names(done["freed"]) == ["_cacache"]
    assert done["reached"]


def test_docker_that_is_not_there_or_does_not_answer_stops_nothing(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    old_logs(disk)
    disk.fill()
    monkeypatch.setenv("PATH", "/nonexistent")
    done = disk.free()
    assert done["reached"]
    assert not any("Docker" in note for note in done["notes"])
    monkeypatch.setenv("PATH", str(disk.folder))
    (disk.folder / "docker").write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n")
    (disk.folder / "docker").chmod(0o755)
    assert "Docker was left out: Cannot connect to the Docker daemon" in disk.free()["notes"]


@pytest.mark.parametrize(("options", "words"), [
    ({"target_percent": 0}, "target_percent must be between 1 and 99"),
    ({"log_directories": ["/"]}, "log_directories must be absolute paths of folders of their own"),
    ({"releases_keep": 0}, "releases_keep must be between 1"),
    ({"paths": ["/proc/self"]}, "does not lie on a disk that can be looked at"),
    ({"kinds": ["everything"]}, "value of kinds must be one or more of"),
])
def test_an_option_that_cannot_be_meant_is_refused(disk: Disk, options: dict[str, t.Any], words: str) -> None:
    done = disk.free(**options)
    assert done["failed"]
    assert words in done["msg"]


def test_two_at_once_do_not_free_twice(disk: Disk) -> None:
    handle = os.open(disk.state, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        done = disk.free()
        assert done["failed"]
        assert "another run makes room" in done["msg"]
    finally:
        os.close(handle)
