# SPDX-License-Identifier: GPL-3.0-or-later
"""What a name says: an old generation of a log, a dump of a series, a core dump, an image."""

from __future__ import annotations

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._backup.dumps import Dump
from ansible_collections.vendhub.ops.plugins.module_utils._core.command import Output
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import CannotLook
from ansible_collections.vendhub.ops.plugins.module_utils._disk import caches, docker
from ansible_collections.vendhub.ops.plugins.module_utils._disk.docker_parse import images, size
from ansible_collections.vendhub.ops.plugins.module_utils._disk.dumps_judge import family, sorted_out
from ansible_collections.vendhub.ops.plugins.module_utils._disk.facts import Left, shown
from ansible_collections.vendhub.ops.plugins.module_utils._disk.leave_judge import biggest, is_core, is_large, judged
from ansible_collections.vendhub.ops.plugins.module_utils._disk.opened import Opened
from ansible_collections.vendhub.ops.plugins.module_utils._disk.report_facts import left
from ansible_collections.vendhub.ops.plugins.module_utils._disk.rotated_parse import is_live, is_log, log_of

NOW = 1_700_000_000.0
IMAGE = "sha256:" + "ab" * 32


@pytest.mark.parametrize(("name", "log"), [
    ("api-out.log.1", "api-out.log"),
    ("api-out.log.12.gz", "api-out.log"),
    ("error.log-20261101", "error.log"),
    ("error.log-20261101-1700000000.xz", "error.log"),
    ("access.log.old", "access.log"),
    ("api-out__2026-11-01_00-00-00.log.gz", "api-out"),
    ("application-2026-11-01.log", "application"),
    ("application-20261101.log.2.gz", "application"),
    ("api-out.log", None),
    ("api-out-0.log", None),
    ("combined1.log", None),
    ("release-1.2.3", None),
    ("photo.1", None),
    ("syslog.1", None),
    ("dump-20261101.sql", None),
    (".log.1", None),
])
def test_an_old_generation_is_told_from_its_log(name: str, log: str | None) -> None:
    assert log_of(name) == log
    assert is_live(name) is (log is None and name.endswith(".log"))
    assert is_log(name) is (log is not None or name.endswith(".log"))


@pytest.mark.parametrize(("one", "other", "same"), [
    ("vendhub_20261101T030000Z.dump", "vendhub_20261102T031500Z.dump", True),
    ("vendhub_2026-11-01.sql.gz", "vendhub_2026-12-01.sql.gz", True),
    ("vendhub_20261101_0300.dump", "vendhub_20261101_0400.dump", True),
    ("shop1_20261101.dump", "shop2_20261101.dump", False),
    ("vendhub_daily_20261101.dump", "vendhub_monthly_20261101.dump", False),
    ("vendhub_20261101.dump", "vendhub_20261101.sql.gz", False),
    ("backup1.dump", "backup2.dump", False),
])
def test_dumps_that_differ_only_in_their_date_are_a_series(one: str, other: str, same: bool) -> None:
    assert (family(one) == family(other)) is same


def dump(day: int, verified: bool = True, fault: str = "", name: str = "v_202611{day:02}.dump") -> Dump:
    return Dump(name.format(day=day), NOW - (30 - day) * 86400, 10, 0o600, fault, verified)


@pytest.mark.parametrize(("count", "keep", "gone"), [
    (2, 3, []), (3, 3, []), (4, 3, [1]), (6, 3, [1, 2, 3]), (2, 1, [1])])
def test_only_what_enough_newer_verified_ones_supersede_goes(count: int, keep: int, gone: list[int]) -> None:
    found, stay = sorted_out([dump(day) for day in range(1, count + 1)], keep, NOW)
    assert [one.name for one in found] == [dump(day).name for day in gone]
    assert len(stay) == count - len(gone)


def test_nine_days_of_broken_backups_take_no_good_one_away() -> None:
    good = [dump(day) for day in (1, 2, 3)]
    broken = [dump(day, verified=False, fault="is empty") for day in range(4, 13)]
    found, stay = sorted_out([*good, *broken], 3, NOW)
    assert found == []
    assert {one.name for one, dummy in stay} == {one.name for one in (*good, *broken)}
    assert "it is empty" in next(why for one, why in stay if one.name == broken[0].name)


def test_a_dump_from_the_future_supersedes_nothing() -> None:
    found, stay = sorted_out([dump(1), dump(2), dump(32)], 2, NOW)
    assert found == []
    assert "in the future" in next(why for one, why in stay if one.name == dump(32).name)


def test_another_series_supersedes_nothing() -> None:
    archive = dump(1, name="archive_202611{day:02}.dump")
    assert sorted_out([archive, *(dump(day) for day in range(2, 6))], 4, NOW)[0] == []


@pytest.mark.parametrize(("path", "core"), [
    ("/opt/vendhub/core", True), ("/opt/vendhub/core.4711", True), ("/x/Heap.20261101.heapsnapshot", True),
    ("/var/lib/systemd/coredump/anything.zst", True), ("/var/crash/x", True), ("/x/node.core", True),
    ("/opt/vendhub/core.js", False), ("/opt/core/data.bin", False), ("/x/corefile.tar", False)])
def test_core_dumps_are_known(path: str, core: bool) -> None:
    assert is_core(path) is core
    assert judged(path)[0] == ("core_dump" if core else "big_file")


def test_what_is_large_depends_on_a_small_disk_too() -> None:
    assert [is_large(count, 1000, 500) for count in (9, 10)] == [False, True]
    assert [is_large(count, 10**9, 500) for count in (499, 500)] == [False, True]
    assert judged("/opt/x/app.log")[0] == "live_log"
    assert judged("/var/lib/postgresql/15/main/base/1/2")[0] == "database"


def test_a_folder_that_is_all_of_the_one_above_is_told_alone() -> None:
    told = biggest({"/var": 100, "/var/lib": 98, "/var/lib/postgresql": 95, "/opt": 50, "/opt/a": 20, "/opt/b": 30}, 10)
    assert told == [("/var/lib/postgresql", 95), ("/opt", 50), ("/opt/b", 30), ("/opt/a", 20)]


@pytest.mark.parametrize(("text", "count"), [("0B", 0), ("12.3kB", 12_300), ("532MB", 532_000_000),
                                             ("1.24GB", 1_240_000_000), ("nonsense", 0)])
def test_sizes_of_docker_are_read(text: str, count: int) -> None:
    assert size(text) == count


def test_images_are_read_and_nonsense_is_refused() -> None:
    line = f'{{"ID":"{IMAGE}","Size":"1.5MB","CreatedAt":"2026-11-01","Repository":"<none>"}}\n'
    assert images(line) == [(IMAGE, 1_500_000, "2026-11-01")]
    assert images("") == []
    for wrong in ('{"ID":"--force"}', "[1]", "no json"):
        with pytest.raises(ValueError, match=r"docker answered|Expecting value"):
            images(wrong)


def test_docker_is_asked_without_a_shell_and_removes_by_id_without_force() -> None:
    asked: list[list[str]] = []

    def ask(words: list[str], seconds: float) -> Output:
        asked.append(list(words))
        answers = {"info": b"/var/lib/docker\n", "image": f'{{"ID":"{IMAGE}","Size":"2MB"}}\n'.encode()}
        return Output(0, answers[words[1]], b"")

    found = docker.look(5, ask, "/usr/bin/docker")  # type: ignore[arg-type]
    assert [(one.kind, one.path, one.bytes) for one in found.items] == [("docker_images", "/var/lib/docker", 2_000_000)]
    docker.remove(found.items[0].data, 5, ask)  # type: ignore[arg-type]
    assert asked[-1] == ["/usr/bin/docker", "image", "rm", IMAGE]
    assert "dangling=true" in asked[1]


def test_docker_that_fails_is_a_note() -> None:
    def broken(words: object, seconds: float) -> Output:
        raise CannotLook("'docker' must not be run by this user")

    assert docker.look(5, broken, "/usr/bin/docker").notes == [
        "Docker was left out: 'docker' must not be run by this user"]


@pytest.mark.parametrize(("words", "busy"), [
    (("npm ci --include=dev",), True), (("/usr/bin/node", "/usr/lib/node_modules/npm/bin/npm-cli.js", "ci"), True),
    (("node", "/usr/bin/npm", "run", "build"), True), (("node", "dist/main.js"), False), (("bash",), False)])
def test_npm_at_work_is_seen(words: tuple[str, ...], busy: bool) -> None:
    opened = Opened(words={7: words}, users={7: 1000})
    assert bool(caches.running(opened, 1000)) is busy
    assert not caches.running(opened, 1001), "another user's npm has another cache"


def test_a_process_uses_a_folder_it_works_in_has_open_or_was_started_from() -> None:
    opened = Opened(places={"/r/releases/a": 1, "/r/releases/b/dist/x.node": 2},
                    words={3: ("node", "/r/releases/c/dist/w.js")})
    assert [opened.user_of(f"/r/releases/{name}") for name in ("a", "b", "c", "d")] == [1, 2, 3, None]
    assert opened.user_of("/r/releases/a2") is None


def test_what_is_left_is_told_the_largest_first_and_as_text() -> None:
    lines = left([Left("dump", "/b/x", 5, "old"), Left("core_dump", "/b/\udcff\n", 2**30, "evidence")])
    assert lines[0] == "For a person to decide:"
    assert lines[1].split() == ["1", "GiB", "core_dump", shown("/b/\udcff\n"), "(evidence)"]
    assert lines[1].isprintable()
