# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of reports: complete or absent, bounded, and nothing that is not ours is ever removed."""

from __future__ import annotations

import datetime
import os
import stat
from pathlib import Path

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import OpsError
from ansible_collections.vendhub.ops.plugins.plugin_utils._report import folder, machine

from tests.reports import NOW, report, result


def fill(directory: Path, days: int) -> None:
    for day in range(days):
        fleet = report({"web1": result()}, now=NOW - datetime.timedelta(days=day))
        folder.add(str(directory), fleet.generated_at, {"report.json": machine.as_json(fleet)}, refuse)


def refuse(warning: str) -> None:
    pytest.fail(f"an unexpected warning: {warning}")


def test_a_report_is_private_complete_and_the_latest(tmp_path: Path) -> None:
    directory = tmp_path / "deep" / "reports"
    path = Path(folder.add(str(directory), NOW, {"report.json": "{}", "report.txt": "ü"}, refuse))
    assert path.name == "20260312T060012Z"
    assert (path / "report.txt").read_text(encoding="utf-8") == "ü"
    assert [stat.S_IMODE(os.stat(one).st_mode) for one in (directory, path, path / "report.json")] \
        == [0o750, 0o750, 0o640]
    assert os.readlink(directory / "latest") == path.name
    assert sorted(one.name for one in directory.iterdir()) == [path.name, "latest"]


def test_two_reports_in_one_second_are_both_kept(tmp_path: Path) -> None:
    first = folder.add(str(tmp_path), NOW, {"report.json": "1"}, refuse)
    second = folder.add(str(tmp_path), NOW, {"report.json": "2"}, refuse)
    assert first != second
    assert Path(first, "report.json").read_text() == "1"
    assert os.readlink(tmp_path / "latest") == os.path.basename(second)


def test_a_report_that_cannot_be_finished_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        folder.add(str(tmp_path), NOW, {"report.json": "{}", "report.txt": "\udc80"}, refuse)
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OpsError, match="give the option directory a folder"):
        folder.add(str(tmp_path / "file" / "reports"), NOW, {"report.json": "{}"}, refuse)


def test_something_else_called_latest_stays(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    warnings: list[str] = []
    folder.add(str(tmp_path), NOW, {"report.json": "{}"}, warnings.append)
    assert (tmp_path / "latest").is_dir()
    assert not (tmp_path / "latest").is_symlink()
    assert len(warnings) == 1


@pytest.mark.parametrize("keep", [1, 3, 5, 9])
def test_only_the_newest_are_kept(tmp_path: Path, keep: int) -> None:
    fill(tmp_path, 5)
    before = folder.runs(str(tmp_path))
    folder.prune(str(tmp_path), keep, refuse)
    assert folder.runs(str(tmp_path)) == before[:keep]


def test_nothing_foreign_is_ever_removed(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "report.json").write_text('{"schema": "vendhub.ops/report/1"}')
    (tmp_path / "20200101T000000Z").symlink_to(outside)
    (tmp_path / "20200102T000000Z").mkdir()
    (tmp_path / "20200103T000000Z").mkdir()
    (tmp_path / "20200103T000000Z" / "report.json").write_text('{"schema": "of somebody else"}')
    (tmp_path / "notes").mkdir()
    with_notes = tmp_path / folder.runs(str(tmp_path))[1]
    (with_notes / "notes.md").write_text("why it was slow that day")
    warnings: list[str] = []
    removed = folder.prune(str(tmp_path), 1, warnings.append)
    assert len(removed) == 1
    assert len(warnings) == 1
    assert "notes.md" in warnings[0]
    assert sorted(one.name for one in tmp_path.iterdir() if one.name.startswith("2020")) \
        == ["20200101T000000Z", "20200102T000000Z", "20200103T000000Z"]
    assert (outside / "report.json").exists()
    assert with_notes.exists()


def test_earlier_reports_are_remembered_oldest_first_and_only_as_many_as_asked(tmp_path: Path) -> None:
    fill(tmp_path, 5)
    past = folder.recollect(str(tmp_path), 3, NOW, refuse)
    assert [one.at for one in past] == [NOW - datetime.timedelta(days=day) for day in (2, 1, 0)]


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b"[]", b'{"schema": "other"}', b"[" * 100_000])
def test_a_damaged_report_is_named_and_skipped(tmp_path: Path, damage: bytes) -> None:
    fill(tmp_path, 2)
    victim = tmp_path / folder.runs(str(tmp_path))[1] / "report.json"
    victim.write_bytes(damage)
    warnings: list[str] = []
    assert len(folder.recollect(str(tmp_path), 90, NOW, warnings.append)) == 1
    assert len(warnings) == 1
    assert str(victim) in warnings[0]


def test_the_size_of_what_is_read_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, 4)
    size = (tmp_path / "latest" / "report.json").stat().st_size
    monkeypatch.setattr(folder, "LARGEST_HISTORY", 2 * size + size // 2)
    assert len(folder.recollect(str(tmp_path), 90, NOW, refuse)) == 2
    monkeypatch.setattr(folder, "LARGEST_FILE", size - 100)
    warnings: list[str] = []
    assert folder.recollect(str(tmp_path), 90, NOW, warnings.append) == []
    assert "larger than" in warnings[0]


def test_a_report_from_the_future_is_named_and_skipped(tmp_path: Path) -> None:
    fill(tmp_path, 2)
    warnings: list[str] = []
    past = folder.recollect(str(tmp_path), 90, NOW - datetime.timedelta(hours=1), warnings.append)
    assert len(past) == 1
    assert "clock" in warnings[0]


def test_no_directory_yet_is_no_history(tmp_path: Path) -> None:
    assert folder.recollect(str(tmp_path / "none"), 90, NOW, refuse) == []
