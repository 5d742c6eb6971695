# SPDX-License-Identifier: GPL-3.0-or-later
"""All app hosts go to the same release, or there is a reason why none goes anywhere."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.vendhub.ops.plugins.plugin_utils._deploy import plan

R1, R2, R3 = "20260101T000000Z-aaaaaaaa", "20260102T000000Z-bbbbbbbb", "20260103T000000Z-cccccccc"


def row(identity: str, state: str = "good", **more: t.Any) -> dict[str, t.Any]:
    return {"release": identity, "state": state, "sha": plan.label(identity) + "0" * 32, "ref": "", **more}


def host(name: str, current: str = R2, back: str = R1, left: t.Any = None, rows: t.Any = None) -> plan.Host:
    info = {"current": current, "previous_good": back, "previous_good_missing": "" if back else "none good",
            "releases": rows or [row(R1), row(R2), row(R3, "proven")]}
    return plan.Host(name, info, left or {})


def moves(found: plan.Plan) -> dict[str, tuple[str, str]]:
    return {name: (one.before, one.after) for name, one in found.moves.items()}


def left(kind: str, **each: tuple[str, str]) -> dict[str, t.Any]:
    return {"kind": kind, "moves": {name: {"before": one[0], "after": one[1]} for name, one in each.items()}}


def test_a_rollback_takes_all_hosts_to_the_release_before() -> None:
    found = plan.rollback([host("a"), host("b")], "previous_good", "keep")
    assert moves(found) == {"a": (R2, R1), "b": (R2, R1)}
    assert found.refusals == ()
    assert found.steps == (f"a: from {R2} to {R1}", f"b: from {R2} to {R1}")


def test_a_rollback_that_was_killed_halfway_is_finished_and_goes_no_further_back() -> None:
    half = left("rollback", a=(R2, R1), b=(R2, R1))
    found = plan.rollback([host("a", R1, "R0", half), host("b", R2, R1, half)], "previous_good", "keep")
    assert moves(found) == {"a": (R2, R1), "b": (R2, R1)}
    assert found.resumed


def test_a_deployment_that_was_killed_halfway_is_taken_back_by_a_rollback() -> None:
    half = left("deploy", a=(R2, R3), b=(R2, R3))
    found = plan.rollback([host("a", R3, R2, half), host("b", R2, R1, half)], "previous_good", "keep")
    assert moves(found) == {"a": (R3, R2), "b": (R3, R2)}


def test_a_deployment_after_a_killed_one_would_go_back_to_what_was_served_before_both() -> None:
    half = left("deploy", a=(R1, R2), b=(R1, R2))
    found = plan.deploy([host("a", R2, R1, half), host("b", R1, "", half)], {"a": R3, "b": R3})
    assert moves(found) == {"a": (R1, R3), "b": (R1, R3)}


def test_a_finished_deployment_whose_lock_was_not_given_back_counts_no_more() -> None:
    done = left("deploy", a=(R1, R2), b=(R1, R2))
    hosts = [host(name, R2, R1, done, [row(R1), row(R2), row(R3, "proven")]) for name in "ab"]
    assert moves(plan.deploy(hosts, {"a": R3, "b": R3})) == {"a": (R2, R3), "b": (R2, R3)}


def test_a_rollback_that_was_killed_before_it_said_so_goes_no_further_back_when_asked_for_again() -> None:
    done = left("rollback", a=(R2, R1), b=(R2, R1))
    rows = [row("0-00000000"), row(R1), row(R2, "bad")]
    hosts = [host(name, R1, "0-00000000", done, rows) for name in "ab"]
    assert moves(plan.rollback(hosts, "previous_good", "keep")) == {"a": (R2, R1), "b": (R2, R1)}


def test_the_plan_of_one_host_holds_for_all() -> None:
    half = left("rollback", a=(R2, R1), b=(R2, R1))
    assert moves(plan.rollback([host("a", R2, R1), host("b", R2, R1, half)], "previous_good", "keep")) == \
        {"a": (R2, R1), "b": (R2, R1)}


@pytest.mark.parametrize(("hosts", "wanted", "policy", "outside", "word"), [
    ([host("a"), host("b", back="")], "previous_good", "keep", (), "b: none good"),
    ([host("a"), host("b", R3, R2)], "previous_good", "keep", (), "different releases"),
    ([host("a")], "previous_good", "keep", ("b",), "b would be left"),
    ([host("a")], "v9", "keep", (), "deploy -e deployment_ref=v9"),
    ([host("a", rows=[row(R2), row(R1, "bad", bad_reason="answers 500")])], "aaaaaaaa", "keep", (), "answers 500"),
    ([host("a", rows=[row(R2)])], "previous_good", "keep", (), "is not there"),
    ([host("a", rows=[row(R2, migrations=["M1", "M2"]), row(R1, migrations=["M1"])])], "previous_good", "refuse", (),
     "1 migration (M2)"),
    ([host("a", left=left("rollback", a=(R2, R1))), host("b", left=left("rollback", a=(R3, R1)))], "previous_good",
     "keep", (), "two unfinished plans"),
])
def test_what_cannot_be_right_is_refused_with_the_reason(
        hosts: list[plan.Host], wanted: str, policy: str, outside: tuple[str, ...], word: str) -> None:
    found = plan.rollback(hosts, wanted, policy, outside)
    assert word in "; ".join(found.refusals)
    assert found.moves == {}


def test_a_bad_release_is_gone_to_when_it_is_named_by_its_whole_id() -> None:
    found = plan.rollback([host("a", rows=[row(R2), row(R1, "bad")])], R1, "keep")
    assert moves(found) == {"a": (R2, R1)}


@pytest.mark.parametrize("wanted", [R1, "aaaaaaaa", "aaaaaaaa00", "v1"])
def test_a_release_is_named_by_id_tag_or_commit(wanted: str) -> None:
    assert moves(plan.rollback([host("a", rows=[row(R2), row(R1, ref="v1")])], wanted, "keep")) == {"a": (R2, R1)}


@pytest.mark.parametrize(("policy", "words"), [("keep", "stays in the database"), ("revert", "is reverted first")])
def test_the_plan_tells_the_migrations_that_the_older_release_does_not_know(policy: str, words: str) -> None:
    found = plan.rollback([host("a", rows=[row(R2, migrations=["M1", "M2"]), row(R1, migrations=["M1"])])],
                          "previous_good", policy)
    assert found.unknown_migrations == ("M2",)
    assert words in found.steps[-1]


def test_what_is_served_everywhere_already_has_nothing_to_go_back_to() -> None:
    found = plan.deploy([host("a", R3), host("b", R3)], {"a": R3, "b": R3})
    assert moves(found) == {"a": ("", R3), "b": ("", R3)}
    assert found.steps == (f"a: {R3} is served already", f"b: {R3} is served already")


def test_a_release_that_was_found_bad_is_not_deployed_again() -> None:
    found = plan.deploy([host("a", rows=[row(R2), row(R3, "bad", bad_reason="died")])], {"a": R3})
    assert "was found bad (died)" in found.refusals[0]


def test_a_plan_is_plain_data_with_the_name_of_the_release() -> None:
    found = plan.rollback([host("a")], "previous_good", "keep").as_dict()
    assert found["moves"] == {"a": {"before": R2, "after": R1}}
    assert found["name"] == "aaaaaaaa"
