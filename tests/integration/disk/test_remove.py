# SPDX-License-Identifier: GPL-3.0-or-later
"""Between the look and the removal somebody else is at work: what is not what was looked at stays."""

from __future__ import annotations

import os
import subprocess
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import OpsError
from ansible_collections.vendhub.ops.plugins.module_utils._disk import folders, free, look, remove
from ansible_collections.vendhub.ops.plugins.module_utils._disk.facts import Identity, Item
from ansible_collections.vendhub.ops.plugins.module_utils._disk.options import wanted

from .conftest import Disk

Act = t.Callable[[Path], object]


def known(path: Path) -> Identity:
    return folders.identity(os.lstat(path))


@pytest.fixture
def old(tmp_path: Path) -> Path:
    folder = tmp_path / "shared" / "logs"
    folder.mkdir(parents=True)
    path = folder / "a.log.2"
    path.write_text("old\n")
    return path


def replaced(path: Path) -> None:
    path.with_name("new").write_text("new\n")
    path.with_name("new").rename(path)


def link(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to(path.with_name("moved"))


def folder_becomes_a_link(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))
    path.parent.symlink_to(path.parent.with_name("elsewhere"))


def a_folder_above_becomes_a_link(path: Path) -> None:
    above = path.parents[1]
    above.rename(above.with_name(f"{above.name}-elsewhere"))
    above.symlink_to(above.with_name(f"{above.name}-elsewhere"))


@pytest.mark.parametrize("act", [
    replaced, link, folder_becomes_a_link, a_folder_above_becomes_a_link,
    lambda path: path.write_text("old\nand more\n"),
    lambda path: os.utime(path, (1, 1)),
    lambda path: os.link(path, path.with_name("second"))])
def test_a_file_that_is_not_the_one_that_was_planned_stays(old: Path, act: Act) -> None:
    identity = known(old)
    act(old)
    there = {str(path) for path in old.parents[2].rglob("*")}
    with pytest.raises((OpsError, OSError)):
        remove.file(str(old), identity)
    assert {str(path) for path in old.parents[2].rglob("*")} == there


def test_the_one_that_was_planned_goes(old: Path) -> None:
    remove.file(str(old), known(old))
    assert not old.exists()


def test_a_tree_goes_without_what_links_in_it_lead_to(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    (kept / "inner").mkdir(parents=True)
    (kept / "inner" / "file").write_text("x")
    tree = tmp_path / "tree"
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "a" / "file").write_text("x")
    (tree / "link").symlink_to(kept)
    (tree / "a" / "link").symlink_to(kept / "inner" / "file")
    remove.tree(str(tree), known(tree), time.monotonic() + 10)
    assert not tree.exists()
    assert (kept / "inner" / "file").read_text() == "x"


def test_a_tree_that_was_replaced_stays(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    identity = known(tree)
    tree.rename(tmp_path / "before")
    tree.mkdir()
    (tree / "file").write_text("x")
    with pytest.raises(remove.Changed):
        remove.tree(str(tree), identity, time.monotonic() + 10)
    tree.rename(tmp_path / "third")
    tree.symlink_to(tmp_path / "before")
    with pytest.raises(remove.Changed):
        remove.tree(str(tree), identity, time.monotonic() + 10)
    assert (tmp_path / "third" / "file").exists()


def test_a_tree_with_another_file_system_in_it_keeps_that(disk: Disk) -> None:
    tree = disk.mount / "tree"
    inner = tree / "inner"
    inner.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "x", str(inner)], check=True, timeout=10)
    try:
        (inner / "file").write_text("x")
        with pytest.raises(remove.Changed, match="another file system is mounted in it"):
            remove.tree(str(tree), known(tree), time.monotonic() + 10)
        assert (inner / "file").exists()
    finally:
        subprocess.run(["umount", str(inner)], check=True, timeout=10)


def test_the_time_is_over_in_the_middle_and_the_next_run_goes_on(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(10):
        (tree / str(number)).write_text("x")
    identity, ticks = known(tree), iter(range(1000))
    with pytest.raises(OpsError, match="could not be removed in time"):
        remove.tree(str(tree), identity, 4, clock=lambda: next(ticks))
    assert 0 < len(list(tree.iterdir())) < 10
    remove.tree(str(tree), identity, time.monotonic() + 10)
    assert not tree.exists()


def test_it_is_removed_by_the_rights_of_the_owner_of_the_folder(tmp_path: Path) -> None:
    """Root would remove it; the user who owns the folder above cannot, so it stays."""
    tmp_path.chmod(0o755)
    for above in tmp_path.parents[:2]:
        above.chmod(0o755)
    folder = tmp_path / "cache"
    (folder / "of_root").mkdir(parents=True)
    (folder / "of_root" / "file").write_text("x")
    os.chown(folder, 65534, 65534)
    with pytest.raises(PermissionError):
        remove.tree(str(folder), known(folder), time.monotonic() + 10)
    assert (folder / "of_root" / "file").exists()
    assert os.geteuid() == 0, "and we are who we were"


def test_who_cannot_see_what_others_have_open_removes_nothing(disk: Disk) -> None:
    path = disk.file(disk.logs / "a.log.3", 2, days=30)
    disk.file(disk.logs / "a.log.2", 2, days=20)
    disk.fill()
    for above in (disk.folder, *disk.folder.parents[:2]):
        above.chmod(0o755)
    os.seteuid(65534)
    try:
        done = disk.free(npm_caches=[str(disk.cache)])
    finally:
        os.seteuid(0)
    assert done["failed"]
    assert "become root" in done["msg"]
    assert path.exists()


def test_a_log_that_is_opened_after_the_look_stays(disk: Disk) -> None:
    """Who has what open is looked at again when the look is some seconds old."""
    path = disk.file(disk.logs / "a.log.3", 2, days=30)
    options = {**disk.options(), "kinds": ["rotated_logs"], "target_percent": 1.0, "target_free_bytes": None,
               "owner": "nobody", "log_days": 7, "log_keep": 0, "live_log_keep_bytes": 2**40, "journal_days": 7,
               "releases_keep": 3, "dump_patterns": ["*.dump"], "dump_keep": 3, "timeout_seconds": 10}
    asked = wanted(options)
    seen = look.look(asked)
    (item,) = [one for one in seen.found.items if isinstance(one, Item)]
    with subprocess.Popen(["sleep", "60"], stdin=path.open("rb")) as reader:
        work = free.Work(asked, seen, time.monotonic() + 60, time.monotonic() - free.FRESH_SECONDS - 1)
        with pytest.raises(remove.Changed, match="has opened it"):
            free._take(item, work)
        reader.kill()
    assert path.exists()
