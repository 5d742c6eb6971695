# SPDX-License-Identifier: GPL-3.0-or-later
"""On a file system that is really full the lock, the budget and the ledger still work, out of a reserve."""

from __future__ import annotations

import os
import subprocess
import typing as t
from pathlib import Path

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core import files
from ansible_collections.vendhub.ops.plugins.module_utils._release import ledger
from ansible_collections.vendhub.ops.plugins.module_utils._release.place import Place

from tests.modules import call


@pytest.fixture
def state(tmp_path: Path) -> t.Iterator[Path]:
    """A state directory on a disk of 4 MiB."""
    if os.geteuid():
        pytest.fail("this test mounts a file system: run it as root")
    folder = tmp_path / "state"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=750", "tmpfs", str(folder)], check=True, timeout=10)
    yield folder
    subprocess.run(["umount", str(folder)], check=True, timeout=10)


def fill(folder: Path) -> Path:
    """Leave no byte free."""
    path = folder / "full"
    with path.open("ab", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            assert os.statvfs(folder).f_bfree == 0
    return path


def lock(folder: Path, who: str = "ann", **more: t.Any) -> dict[str, t.Any]:
    return call("operation_lock", directory=str(folder), holder=who, operation="recover", **more)


def spend(state: Path, **more: t.Any) -> dict[str, t.Any]:
    return call("remedy_budget", directory=str(state), remedy="restart", state="spent", limit=1000, note="x" * 450,
                **more)


def reserve(state: Path) -> int:
    """The bytes of the reserve that really have blocks."""
    path = state / files.BALLAST
    return path.stat().st_blocks * 512 if path.exists() else 0


def test_the_first_write_makes_a_reserve_of_real_blocks(state: Path) -> None:
    lock(state)
    assert reserve(state) == files.BALLAST_BYTES
    assert (state / files.BALLAST).stat().st_mode & 0o777 == 0o600


def test_on_a_full_disk_a_lock_is_taken_over_remedies_count_and_an_activation_is_written_down(state: Path) -> None:
    lock(state)
    spend(state)
    place = Place("/nowhere", str(state), by="ann")
    place.write(ledger.STAGED, "a")
    path = Path(place.ledger_path)
    path.write_bytes(path.read_bytes().ljust(4095, b"-") + b"\n")  # the next line needs a page of its own
    fill(state)
    taken = lock(state, "bob", steal="always")
    assert (taken["failed"], taken["held"]) == (False, True)
    before = reserve(state)
    assert 0 < before < files.BALLAST_BYTES, "a piece was given up, not all of it"
    place.write(ledger.ACTIVATED, "a")
    assert place.read().last_activated == "a"
    for _number in range(20):
        answer = spend(state)
        assert not answer["failed"], answer["msg"]
    assert answer["used"] == 21
    fill(state)
    assert lock(state, "bob", state="released")["changed"]


def test_a_rotation_that_finds_no_room_waits(state: Path) -> None:
    call("remedy_budget", directory=str(state), remedy="restart", state="recorded", result="ok")
    record = state / "actions.jsonl"
    record.write_bytes(record.read_bytes() * 40)
    spend(state, rotate_bytes=1024 * 1024)
    fill(state)
    assert not spend(state, rotate_bytes=4096)["failed"]
    assert len(record.read_bytes().splitlines()) == 42
    (state / "full").unlink()
    assert not spend(state, rotate_bytes=4096)["failed"]
    assert len(record.read_bytes().splitlines()) == 3


def test_the_reserve_is_whole_again_when_there_is_room(state: Path) -> None:
    lock(state)
    full = fill(state)
    assert not lock(state)["failed"]
    assert reserve(state) < files.BALLAST_BYTES
    full.unlink()
    lock(state)
    assert reserve(state) == files.BALLAST_BYTES


def test_when_the_reserve_is_used_up_it_says_so_and_nothing_is_half_written(state: Path) -> None:
    lock(state)
    (state / files.BALLAST).write_bytes(b"")
    fill(state)
    before = (state / "lock.json").read_bytes()
    answer = lock(state, "bob", steal="always")
    assert answer["failed"]
    assert answer["msg"] == (f"{state}/lock.json cannot be written: No space left on device; free some space;"
                             f" what {state}/.ballast keeps for this is used up")
    assert (state / "lock.json").read_bytes() == before
    assert sorted(path.name for path in state.iterdir()) == [".ballast", ".lock.guard", "full", "lock.json"]
