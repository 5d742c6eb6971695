# SPDX-License-Identifier: GPL-3.0-or-later
"""What is served changes in one step, can always go back, and is told truly."""

from __future__ import annotations

import os
import shutil
import subprocess
import typing as t
from pathlib import Path

import pytest

from tests.modules import call

from .conftest import Site


def three(site: Site) -> list[str]:
    """Three releases that were served and proved good one after the other, the last one served."""
    made = []
    for number in range(3):
        site.commit(f"1.{number}.0", tag=f"v2.{number}", migrations=[f"{count}-m" for count in range(number + 1)])
        made.append(site.release("staged", **site.plain())["release"])
        site.release("active", release=made[-1])
        site.release("good", release="current")
    return made


def test_a_release_is_served_and_a_second_run_changes_nothing(site: Site) -> None:
    staged = site.release("staged", **site.plain())
    planned = site.release("active", check_mode=True, release=staged["release"])
    assert not (site.root / "current").exists()
    done = site.release("active", release=staged["release"])
    assert planned["plan"] == done["plan"]
    assert done["diff"] == {"before": f"{site.root}/current -> nothing\n",
                            "after": f"{site.root}/current -> {staged['path']}\n"}
    assert os.readlink(site.root / "current") == staged["path"]
    before = site.snapshot()
    assert not site.release("active", release=staged["release"])["changed"]
    assert site.snapshot() == before


def test_the_way_back_needs_no_git_and_no_npm_and_a_second_one_goes_further(site: Site) -> None:
    first, second, third = three(site)
    shutil.rmtree(site.remote)
    shutil.rmtree(site.root / "repository")
    shutil.rmtree(site.bin)
    site.release("bad", release="current", reason="answers 500")
    back = site.release("active", release="previous_good")
    assert (back["from"], back["to"], back["unknown_migrations"]) == (third, second, ["2-m"])
    site.release("bad", release="current", reason="also")
    assert site.release("active", release="previous_good")["to"] == first
    site.release("bad", release="current", reason="also")
    assert "no good release before" in site.refused("active", release="previous_good")
    assert site.current() == first


def test_a_bad_release_is_served_only_by_its_whole_name(site: Site) -> None:
    first, _second, _third = three(site)
    site.release("bad", release=first, reason="loses money")
    sha = first.rpartition("-")[2]
    for name in (sha, sha[:6]):
        assert "loses money" in site.refused("active", release=name)
    assert site.release("active", release=first)["changed"]


def test_marks_are_made_once_and_say_who_and_why(site: Site) -> None:
    staged = site.release("staged", **site.plain())["release"]
    assert "never served" in site.refused("good", release=staged)
    site.release("active", release=staged)
    assert site.release("good", release="current")["changed"]
    assert not site.release("good", release="current")["changed"]
    assert site.release("bad", check_mode=True, release="current", reason="slow")["changed"]
    assert site.events()[-1] == ("good", staged)
    assert site.release("bad", release="current", reason="slow")["changed"]
    assert not site.release("bad", release="current", reason="slow")["changed"]
    (row,) = site.info()["releases"]
    assert (row["state"], row["bad_reason"], row["bad_by"]) == ("bad", "slow", "test")
    assert "reason must say" in site.refused("bad", release="current", reason=" ")


def test_a_half_or_missing_release_is_not_served(site: Site) -> None:
    good, other = site.release("staged", **site.plain()), site.release("staged", **site.plain(again=True))
    site.release("active", release=good["release"])
    (Path(other["path"]) / ".vendhub-release.json").unlink()
    assert "no readable .vendhub-release.json" in site.refused("active", release=other["release"])
    shutil.rmtree(other["path"])
    assert "is not there" in site.refused("active", release=other["release"])
    assert "no release here is called 'v9'" in site.refused("active", release="v9")
    assert site.current() == good["release"]


def test_a_kill_between_the_flip_and_the_ledger_is_repaired(site: Site) -> None:
    _first, second, third = three(site)
    draft = site.root / ".current-new"
    draft.symlink_to("/half/way")
    (site.root / "current").unlink()
    (site.root / "current").symlink_to(site.root / "releases" / second)
    assert f"the ledger says {third} was activated last" in site.info()["msg"]
    planned = site.release("active", check_mode=True, release=second)
    assert planned["plan"] == [f"write the activation of {second} into {site.state}/releases.jsonl"]
    assert site.release("active", release=second)["changed"]
    assert site.events()[-1] == ("activated", second)
    assert not site.release("active", release=second)["changed"]
    assert site.release("active", release=third)["changed"]
    assert not draft.exists()


def test_a_planner_learns_from_release_info_alone_what_is_served_and_what_can_be(site: Site) -> None:
    first, second, third = three(site)
    info = site.info()
    assert (info["current"], info["previous_good"]) == (third, second)
    last = info["last_activated"]
    assert (last["release"], last["from"], last["by"], last["run"]) == (third, second, "test", "1")
    assert 0 <= last["seconds_ago"] < 60
    assert [(row["id"], row["there"], row["missing"]) for row in info["releases"]] == [
        (name, True, "") for name in (first, second, third)]
    shutil.rmtree(site.root / "releases" / first)
    row = site.info()["releases"][0]
    assert (row["there"], row["bytes"]) == (False, 0)
    assert "is not there" in row["missing"]


def test_sizes_are_those_of_the_staging_unless_they_are_counted_anew(site: Site) -> None:
    staged = Path(site.release("staged", **site.plain())["path"])
    (before,) = site.info()["releases"]
    assert before["bytes"] > 0
    (staged / "large").write_bytes(b"x" * 1_000_000)
    assert site.info()["releases"][0]["bytes"] == before["bytes"], "no file is looked at"
    given: dict[str, t.Any] = {"root": str(site.root), "state_directory": str(site.state), "subfolder": "backend"}
    (anew,) = call("release_info", sizes=True, **given)["releases"]
    assert anew["bytes"] >= before["bytes"] + 1_000_000
    (late,) = call("release_info", sizes=True, timeout_seconds=0, **given)["releases"]
    assert (late["bytes"], late["bytes_whole"]) == (0, False)
    marker = staged / ".vendhub-release.json"
    marker.write_text(marker.read_text().replace('"bytes"', '"weight"'))
    (row,) = site.info()["releases"]
    assert row["bytes"] > 1_000_000, "without a word of its marker it is counted"


def test_something_that_is_no_link_is_not_replaced(site: Site) -> None:
    staged = site.release("staged", **site.plain())["release"]
    (site.root / "current").mkdir()
    assert "is no link" in site.refused("active", release=staged)


def test_a_torn_ledger_still_tells_the_way_back(site: Site) -> None:
    _first, second, third = three(site)
    with (site.state / "releases.jsonl").open("a") as file:
        file.write('{"at": "2026-01-01T00:00:0')
    assert site.info()["previous_good"] == second
    assert "1 lines of" in site.info()["msg"]
    site.release("bad", release="current", reason="x")
    assert [row["state"] for row in site.info()["releases"] if row["release"] == third] == ["bad"]


def checkout(site: Site, folder: Path) -> None:
    site.run("git", "clone", "--quiet", f"file://{site.remote}", str(folder), cwd=site.root)


def test_a_checkout_in_place_is_adopted_without_touching_it(site: Site) -> None:
    checkout(site, site.root / "app")
    (site.root / "app" / "backend" / "src" / "main.js").write_text("hotfix")
    (site.root / "app" / "backend" / "new.js").write_text("")
    os.utime(site.root / "app" / "backend" / "package.json", (0, 0))  # Git would like to note that in its index
    before = {path: one for path, one in site.snapshot().items() if "/state" not in path}
    planned = site.release("adopted", check_mode=True, path=str(site.root / "app"))
    result = site.release("adopted", path=str(site.root / "app"))
    assert {path: one for path, one in site.snapshot().items() if "/state" not in path} == before
    assert planned["plan"] == result["plan"]
    assert (result["dirty"], result["changed_files"], result["ref"]) == (True, 2, "v1.0.0")
    assert result["release"] == f"adopted-{result['sha'][:8]}"
    assert result["migrations"] == ["1-first"]
    assert not site.release("adopted", path=str(site.root / "app"))["changed"]
    info = site.info()
    assert (info["current"], info["link"], info["disagreements"]) == (result["release"], "", [])


def test_a_root_that_is_itself_the_checkout_is_not_dirty_by_our_own_folders(site: Site) -> None:
    bare = site.folder / "vendhub-shared"
    shutil.move(site.root / "shared", bare)
    site.run("git", "clone", "--quiet", f"file://{site.remote}", ".", cwd=site.root)
    shutil.move(bare, site.root / "shared")
    adopted = site.release("adopted")
    assert (adopted["dirty"], adopted["path"]) == (False, str(site.root))
    site.release("good", release="current")
    site.commit("1.1.0")
    newer = site.release("staged", **site.plain())["release"]
    site.release("active", release=newer)
    assert not site.release("adopted")["changed"]
    assert site.release("pruned", keep=0)["removed"] == []
    assert site.release("active", release="previous_good")["to"] == adopted["release"]
    assert os.readlink(site.root / "current") == str(site.root)
    site.run("git", "checkout", "--quiet", "--detach", "HEAD", cwd=site.root)
    site.run("git", "-c", "user.name=T", "-c", "user.email=t@example.org", "commit", "--quiet", "--allow-empty", "-mx",
             cwd=site.root)
    site.release("active", release=newer)
    assert "no longer at" in site.refused("active", release=adopted["release"])


def test_a_release_of_the_role_without_git_is_adopted_by_its_folder(site: Site) -> None:
    (site.root / "releases" / "20260101T000000Z-aaaaaaaa" / "backend").mkdir(parents=True)
    (site.root / "current").symlink_to(site.root / "releases" / "20260101T000000Z-aaaaaaaa")
    assert "which the ledger does not know" in site.info()["msg"]
    site.release("adopted", path=str(site.root / "current"))
    info = site.info()
    assert (info["current"], info["disagreements"]) == ("20260101T000000Z-aaaaaaaa", [])


def test_what_is_no_checkout_is_not_adopted(site: Site) -> None:
    (site.root / "backend").mkdir()
    assert "neither a Git checkout" in site.refused("adopted")


@pytest.mark.parametrize(("keep", "left"), [(3, 3), (1, 2), (0, 2)])
def test_pruning_keeps_the_served_one_and_the_way_back(site: Site, keep: int, left: int) -> None:
    made = three(site)
    before = site.snapshot()
    planned = site.release("pruned", check_mode=True, keep=keep)
    assert site.snapshot() == before
    done = site.release("pruned", keep=keep)
    assert planned["plan"] == done["plan"]
    assert set(site.names()) == set(made[-left:])
    assert (done["bytes_freed"] > 0) == (left < 3) == done["changed"]
    assert not site.release("pruned", keep=keep)["changed"]
    assert site.info()["disagreements"] == []


def test_a_removal_that_was_killed_is_finished(site: Site) -> None:
    first, _second, _third = three(site)
    os.rename(site.root / "releases" / first, site.root / "releases" / f".removing-{first}")
    result = site.release("pruned", keep=5)
    assert result["leftovers"] == [f"{site.root}/releases/.removing-{first}"]
    assert f".removing-{first}" not in site.names()
    assert site.events()[-1] == ("removed", first)
    assert site.info()["disagreements"] == []


def test_pruning_does_not_follow_links_out_of_a_release(site: Site) -> None:
    first, _second, _third = three(site)
    precious = site.folder / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    (site.root / "releases" / first / "link").symlink_to(precious)
    site.release("pruned", keep=0)
    assert first not in site.names()
    assert (precious / "file").read_text() == "x"
    assert (site.root / "shared" / ".env.production").exists()


def test_a_trap_of_the_applications_user_does_not_lead_root_astray(site: Site) -> None:
    if os.geteuid():
        pytest.fail("only root can be led astray: run it as root")
    first, _second, _third = three(site)
    private = site.folder / "private"
    private.mkdir(mode=0o700)
    (private / first).mkdir()
    (private / first / "file").write_text("x")
    shutil.move(site.root / "releases", site.root / "kept")
    (site.root / "releases").symlink_to(private)
    subprocess.run(["cp", "-a", *map(str, (site.root / "kept").iterdir()), str(private)], check=True, timeout=20)
    assert "Permission denied" in site.refused("pruned", keep=0)
    assert (private / first / "file").read_text() == "x"
