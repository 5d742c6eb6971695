# SPDX-License-Identifier: GPL-3.0-or-later
"""What the ledger of releases tells, also when it was torn."""

from __future__ import annotations

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core import moment
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import OpsError
from ansible_collections.vendhub.ops.plugins.module_utils._core.moment import Moment
from ansible_collections.vendhub.ops.plugins.module_utils._release import choice, ledger


def written(*events: str) -> ledger.Ledger:
    """A ledger of ``event release`` words, a second apart."""
    lines = []
    for second, words in enumerate(events):
        event, release, *rest = words.split()
        said = dict(part.split("=", 1) for part in rest)
        extra = {"migrations": said.pop("migrations").split(",")} if "migrations" in said else {}
        lines.append(ledger.line(f"2026-01-01T00:00:{second:02}Z", event, release, path=f"/r/{release}",
                                 sha=release * 8, **said, **extra))
    return ledger.read("\n".join(lines) + "\n")


THREE = ("staged a", "activated a", "good a", "staged b", "activated b", "good b", "staged c", "activated c")


def test_a_release_is_what_happened_to_it_last() -> None:
    read = written("staged a", "proven a", "activated a", "good a", "staged b", "activated b",
                   "bad b reason=slow by=ops", "removed a")
    assert [(one.id, one.state) for one in read.releases] == [("a", "removed"), ("b", "bad")]
    assert (read.releases[1].bad_reason, read.releases[1].bad_by) == ("slow", "ops")


@pytest.mark.parametrize("rubbish", [
    '{"at": "2026-01-01T00:00:00Z", "event": "activated", "rel', "null", "[]", "\x00\x00", '{"event": "exploded"}',
    '{"at": 5, "event": "good", "release": "a"}', '{"at": "x", "event": "good", "release": ""}', "[" * 100_000])
def test_a_torn_line_is_counted_and_the_others_still_tell(rubbish: str) -> None:
    good = ledger.line("2026-01-01T00:00:00Z", "staged", "a")
    read = ledger.read(f"{rubbish}\n{good}\n")
    assert [one.id for one in read.releases] == ["a"]
    assert read.unreadable == 1


def test_back_means_the_newest_good_one_served_before() -> None:
    assert choice.previous_good(written(*THREE), "c").id == "b"


def test_a_second_rollback_goes_further_back_not_forth() -> None:
    once = written(*THREE, "bad c", "activated b", "good b")
    assert choice.previous_good(once, "b").id == "a"


def test_a_bad_release_is_not_chosen_unless_named() -> None:
    read = written(*THREE, "bad b")
    assert choice.choose(read, "c", "previous_good").id == "a"
    assert choice.choose(read, "c", "b").id == "b"


def test_a_bad_release_that_was_proved_good_again_counts_again() -> None:
    assert choice.previous_good(written(*THREE, "bad b", "activated b", "good b"), "c").id == "b"


def test_a_release_that_was_never_proved_or_is_gone_is_no_way_back() -> None:
    with pytest.raises(OpsError, match=r"no good release before b.*a is active"):
        choice.previous_good(written("staged a", "activated a", "staged b", "activated b"), "b")
    with pytest.raises(OpsError, match="a is removed"):
        choice.previous_good(written("staged a", "activated a", "good a", "removed a", "staged b", "activated b"), "b")


def test_the_first_release_has_no_way_back_and_says_so() -> None:
    with pytest.raises(OpsError, match="none was served before it"):
        choice.previous_good(written("staged a", "activated a", "good a"), "a")


def test_after_an_activation_nobody_wrote_down_the_newest_good_one_is_the_way_back() -> None:
    assert choice.previous_good(written("staged a", "activated a", "good a", "staged b"), "b").id == "a"


def test_a_name_is_an_id_a_tag_or_the_beginning_of_a_sha() -> None:
    read = written("staged a ref=v1.0.0", "staged b ref=v1.1.0")
    assert choice.choose(read, None, "a").id == "a"
    assert choice.choose(read, None, "v1.1.0").id == "b"
    assert choice.choose(read, None, "bbbb").id == "b"


def test_a_name_nobody_has_says_what_is_there() -> None:
    with pytest.raises(OpsError, match=r"'v9'; this host has: a, b"):
        choice.choose(written("staged a", "staged b"), None, "v9")


def test_a_name_of_several_says_which() -> None:
    with pytest.raises(OpsError, match="may be any of a, b; name one"):
        choice.choose(written("staged a ref=main", "staged b ref=main"), None, "main")


@pytest.mark.parametrize(("keep", "gone"), [(4, []), (3, ["a"]), (2, ["a"]), (1, ["a"]), (0, ["a", "d"])])
def test_pruning_keeps_the_newest_and_never_the_way_back(keep: int, gone: list[str]) -> None:
    read = written(*THREE, "good c", "staged d")
    sizes = dict.fromkeys("abcd", 10)
    assert [one.release for one in choice.removable(read, sizes, "c", keep)] == gone


def test_pruning_keeps_the_last_good_one_while_a_bad_one_is_served() -> None:
    read = written("staged a", "activated a", "good a", "staged b", "activated b", "staged c", "staged d")
    assert [one.release for one in choice.removable(read, dict.fromkeys("abcd", 1), "b", 1)] == ["c"]


def test_an_adopted_checkout_is_never_pruned() -> None:
    read = written("adopted a", "activated a", "staged b", "activated b", "good b", "staged c", "activated c", "good c")
    assert "a" not in [one.release for one in choice.removable(read, dict.fromkeys("abc", 1), "c", 0)]


def test_the_plan_names_the_migrations_an_older_release_does_not_know() -> None:
    read = written("staged a migrations=1,2", "staged b migrations=1,2,3,4")
    older, newer = read.releases
    assert choice.unknown_migrations(older, newer) == ["3", "4"]
    assert choice.unknown_migrations(newer, older) == []


BACKWARDS = tuple(ledger.line(f"2026-01-01T00:00:{59 - second}Z", event, release, path=f"/r/{release}", sha=release * 8,
                              ref="main", boot="boot-1", uptime=100.0 + second, **said)
                  for second, (event, release, said) in enumerate((
                      ("staged", "a", {}), ("activated", "a", {}), ("good", "a", {}), ("staged", "b", {}),
                      ("activated", "b", {"from": "a", "by": "ann", "run": "7"}), ("good", "b", {}),
                      ("staged", "c", {}))))


def test_the_order_of_lines_decides_not_a_clock_that_was_set_back() -> None:
    read = ledger.read("\n".join(BACKWARDS))
    assert choice.newest_staged(read).id == "c"
    sizes = {"a": 1, "b": 1, "c": 1}
    assert [one.release for one in choice.removable(read, sizes, None, 1)] == ["a"], "c is the newest, b the last good"
    again = ledger.read("\n".join((*BACKWARDS, ledger.line("2025-01-01T00:00:00Z", "staged", "a", sha="aaaaaaaa"))))
    assert choice.newest_staged(again).id == "a", "staged again, it is the newest"


def test_the_last_activation_says_from_what_and_when_by_the_kernels_count() -> None:
    last = ledger.read("\n".join(BACKWARDS)).activation
    assert last is not None
    assert (last.release, last.before, last.by, last.run, last.at) == ("b", "a", "ann", "7", "2026-01-01T00:00:55Z")
    assert last.when is not None
    assert moment.age(last.when, Moment(0.0, "boot-1", 164.0)) == 60
    assert ledger.read("").activation is None


@pytest.mark.parametrize(("line", "when"), [
    ('{"at": "2026-01-01T00:00:00Z", "event": "activated", "release": "a"}', Moment(1767225600.0)),
    ('{"at": "2026-01-01T00:00:00Z", "event": "activated", "release": "a", "boot": "x", "uptime": "y"}',
     Moment(1767225600.0)),
    ('{"at": "yesterday", "event": "activated", "release": "a", "boot": "x", "uptime": 1}', None),
])
def test_an_older_or_foreign_line_gives_the_time_it_has(line: str, when: Moment | None) -> None:
    activation = ledger.read(line).activation
    assert activation is not None
    assert activation.when == when
