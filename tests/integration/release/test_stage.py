# SPDX-License-Identifier: GPL-3.0-or-later
"""A release is staged whole or not at all, and what is served is never touched."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import typing as t
from pathlib import Path

import pytest

from .conftest import PASSWORD, Site, running, started, wait_for


def marker(path: str) -> dict[str, t.Any]:
    found: dict[str, t.Any] = json.loads((Path(path) / ".vendhub-release.json").read_text())
    return found


def test_a_ref_is_built_with_npm_as_the_owner_and_nothing_of_ours_is_inherited(
        site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_OURS", "x")
    monkeypatch.setenv("NODE_ENV", "production")
    result = site.release("staged", **site.staging("v1.0.0"))
    backend = Path(result["path"]) / "backend"
    built = json.loads((backend / "dist" / "built.json").read_text())
    assert (built["uid"], (backend / "dist").stat().st_uid) == (site.owner.pw_uid, site.owner.pw_uid)
    assert "SECRET_OF_OURS" not in built["environment"]
    assert built["environment"].get("NODE_ENV") != "production"
    assert os.readlink(backend / "logs") == str(site.root / "shared" / "logs")
    assert os.readlink(backend / ".env.production") == str(site.root / "shared" / ".env.production")
    assert result["migrations"] == ["1-first"]
    assert marker(result["path"])["sha"] == site.git("rev-parse", "v1.0.0") == result["sha"]
    assert site.names() == [result["release"]]
    assert site.events() == [("staged", result["release"])]
    assert Path(result["log"]).stat().st_mode & 0o777 == 0o640
    assert "$ npm ci --include=dev" in Path(result["log"]).read_text()
    assert not (site.root / "current").exists()


def test_the_same_commit_is_not_built_twice_unless_asked(site: Site) -> None:
    first = site.release("staged", **site.quick("v1.0.0"))
    before = site.snapshot()
    second = site.release("staged", **site.quick("main"))
    assert (second["changed"], second["release"]) == (False, first["release"])
    assert site.snapshot() == before
    again = site.release("staged", **site.quick("v1.0.0", again=True))
    assert again["changed"]
    assert again["release"] != first["release"]


def test_a_bad_release_is_built_anew(site: Site) -> None:
    first = site.release("staged", **site.quick())
    site.release("bad", release=first["release"], reason="answers 500")
    assert site.release("staged", **site.quick())["release"] != first["release"]


def test_check_mode_says_the_same_plan_and_changes_nothing(site: Site) -> None:
    before = site.snapshot()
    planned = site.release("staged", check_mode=True, **site.quick("v1.0.0"))
    assert site.snapshot() == before
    done = site.release("staged", **site.quick("v1.0.0"))
    assert planned["changed"]
    assert planned["plan"] == done["plan"]
    assert planned["sha"] == done["sha"]


def test_a_tag_comes_before_a_branch_and_a_branch_before_a_sha(site: Site) -> None:
    first = site.git("rev-parse", "HEAD")
    second = site.commit("1.1.0")
    site.git("branch", "both", second)
    site.git("tag", "both", first)
    assert site.release("staged", check_mode=True, **site.quick("both"))["sha"] == first
    site.git("branch", first[:7], second)
    assert site.release("staged", check_mode=True, **site.quick(first[:7]))["sha"] == second


def test_an_annotated_tag_means_its_commit(site: Site) -> None:
    site.git("tag", "--annotate", "--message", "x", "v9")
    assert site.release("staged", **site.quick("v9"))["sha"] == site.git("rev-parse", "HEAD")


def test_the_beginning_of_a_sha_is_fetched_and_found(site: Site) -> None:
    sha = site.commit("1.1.0")
    result = site.release("staged", **site.quick(sha[:10]))
    assert result["sha"] == sha
    assert not site.release("staged", **site.quick(sha[:10]))["changed"]


def test_a_whole_sha_that_is_here_needs_no_network(site: Site) -> None:
    first = site.git("rev-parse", "HEAD")
    site.commit("1.1.0")
    site.release("staged", **site.quick("main"))
    os.rename(site.remote, site.folder / "away")
    assert site.release("staged", **site.quick(first))["sha"] == first


def test_git_out_of_reach_leaves_the_host_as_it_was(site: Site) -> None:
    site.release("staged", **site.quick())
    os.rename(site.remote, site.folder / "away")
    before = site.snapshot()
    assert "git ls-remote" in site.refused("staged", **site.quick("main"))
    assert site.snapshot() == before


def test_a_first_clone_that_fails_leaves_no_repository_and_the_next_one_goes_on(site: Site) -> None:
    sha = site.git("rev-parse", "HEAD")
    os.rename(site.remote, site.folder / "away")
    assert "fetch" in site.refused("staged", **site.quick(sha))
    assert not (site.root / "repository").exists()
    os.rename(site.folder / "away", site.remote)
    assert site.release("staged", **site.quick(sha))["changed"]
    assert not (site.root / ".repository-new").exists()


def test_a_commit_that_is_nowhere_is_named(site: Site) -> None:
    assert f"no commit '{'0' * 40}' in any branch or tag" in site.refused("staged", **site.quick("0" * 40))
    assert site.names() == []


def test_an_unknown_ref_says_so(site: Site) -> None:
    assert "has no tag, branch or commit 'v7'" in site.refused("staged", **site.quick("v7"))


def test_git_never_waits_for_a_password_or_for_ever(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        address = f"git://127.0.0.1:{silent.getsockname()[1]}/x"
        assert "did not end within 1 s" in site.refused("staged", **site.quick(repository=address, timeout_seconds=1))
        assert time.monotonic() - started < 5


def test_a_failing_build_is_told_with_its_last_words_and_taken_back(site: Site) -> None:
    served = site.release("staged", **site.quick())
    site.release("active", release=served["release"])
    site.commit("1.1.0", **{"build.js": "console.log('password=hunter2hunter'); throw new Error('TS2304 in main.ts')"})
    message = site.refused("staged", **site.staging())
    assert "'npm run build' ended with 1" in message
    assert "TS2304 in main.ts" in message
    assert "hunter2" not in message
    assert site.names() == [served["release"]]
    assert site.current() == served["release"]
    assert site.events()[-1] == ("activated", served["release"])
    (log,) = [path for path in (site.state / "builds").iterdir() if served["release"] not in path.name]
    assert str(log) in message
    assert "TS2304" in log.read_text()


def test_a_build_that_hangs_is_ended_with_all_it_started(site: Site) -> None:
    site.commit("1.1.0", **{"build.js": "require('child_process').spawnSync('sleep', ['4242'])"})
    message = site.refused("staged", **site.quick(build_timeout_seconds=1))
    assert "did not end within 1 s" in message
    assert site.names() == []
    assert not running("4242")


def test_a_missing_program_is_named(site: Site) -> None:
    assert "'yarn' is not installed" in site.refused("staged", **site.quick(build=[["yarn", "build"]]))
    assert site.names() == []


def test_a_release_without_the_applications_folder_is_refused(site: Site) -> None:
    message = site.refused("staged", **site.quick(subfolder="server"))
    assert "has no folder server" in message
    assert site.names() == []


def test_what_is_shared_must_be_there(site: Site) -> None:
    message = site.refused("staged", **site.quick(shared=[{"path": "uploads", "to": "shared/uploads"}]))
    assert f"{site.root}/shared/uploads is not there" in message


def test_too_little_space_says_how_much_is_needed_and_there(site: Site) -> None:
    before = site.snapshot()
    message = site.refused("staged", check_mode=True, **site.quick(space_bytes=2**50))
    assert f"staging needs {2**30} MiB in {site.root}/releases, but " in message
    assert site.snapshot() == before


def test_space_follows_from_the_largest_release(site: Site) -> None:
    first = site.release("staged", **site.quick())
    large = Path(first["path"]) / "large"
    large.write_bytes(b"x" * 20_000_000)
    site.commit("1.1.0")
    planned = site.release("staged", check_mode=True, **site.quick(space_bytes=None))
    assert 26_000_000 < planned["bytes_needed"] - 256 * 1024 * 1024 < 27_000_000


def test_a_full_disk_takes_everything_back(site: Site) -> None:
    """A file system of 8 MiB, really full."""
    if os.geteuid():
        pytest.fail("this test mounts a file system: run it as root")
    releases = site.root / "releases"
    releases.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=8m,uid={site.owner.pw_uid},mode=755", "tmpfs", str(releases)],
                   check=True, timeout=10)
    try:
        site.commit("1.1.0", **{"build.js": "require('fs').writeFileSync('big', Buffer.alloc(9e6))"})
        message = site.refused("staged", **site.quick())
        assert "ENOSPC" in message
        assert site.names() == []
        site.commit("1.2.0", big="x" * 9_000_000)
        message = site.refused("staged", **site.quick())
        assert "No space left on device" in message
        assert site.names() == []
    finally:
        subprocess.run(["umount", str(releases)], check=True, timeout=10)


def test_a_killed_staging_leaves_no_process_and_no_release_and_the_next_one_clears_up(site: Site) -> None:
    site.commit("1.1.0", **{"build.js": "require('child_process').spawnSync('sleep', ['4343'])"})
    process = started("release", site.options(state="staged", **site.quick()))
    wait_for(lambda: running("4343"))
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    wait_for(lambda: not running("4343"))
    (left,) = site.names()
    assert left.startswith(".staging-")
    assert site.events() == []
    assert any("killed" in said for said in site.info()["disagreements"])
    site.commit("1.2.0")
    foreign = site.root / "releases" / ".foreign"
    foreign.mkdir()
    result = site.release("staged", **site.quick())
    assert result["leftovers"] == [str(site.root / "releases" / left)]
    assert site.names() == [".foreign", result["release"]]


def test_the_locks_of_a_killed_git_are_removed_but_not_while_one_is_at_work(site: Site) -> None:
    site.release("staged", **site.plain())
    repository = site.root / "repository"
    left = [repository / name for name in ("packed-refs.lock", "HEAD.lock", "refs/heads/main.lock",
                                           "objects/info/commit-graph.lock")]
    for path in left:
        path.touch()
        site.give(path)
    site.commit("1.1.0")
    planned = site.release("staged", check_mode=True, **site.plain())
    assert all(path.exists() for path in left)
    become = {} if os.geteuid() else {"user": site.owner.pw_uid, "group": site.owner.pw_gid, "extra_groups": []}
    with subprocess.Popen(["git", "--git-dir", str(repository), "cat-file", "--batch"], stdin=subprocess.PIPE,
                          **become) as busy:  # type: ignore[call-overload]
        wait_for(lambda: b"cat-file" in Path(f"/proc/{busy.pid}/cmdline").read_bytes())
        assert f"git (process {busy.pid}) is at work in {repository}" in site.refused("staged", **site.plain())
        assert all(path.exists() for path in left)
        assert busy.stdin
        busy.stdin.close()
    done = site.release("staged", **site.plain())
    assert done["plan"] == planned["plan"]
    assert [step for step in done["plan"] if "killed git" in step] == [
        f"remove {path}, which a killed git left" for path in sorted(map(str, left))]
    assert not any(path.exists() for path in left)


def test_a_kill_between_the_rename_and_the_ledger_is_repaired(site: Site) -> None:
    first = site.release("staged", **site.quick())
    (site.state / "releases.jsonl").unlink()
    assert "not in the ledger" in site.info()["msg"]
    planned = site.release("staged", check_mode=True, **site.quick())
    assert planned["plan"] == [f"write {first['release']} into {site.state}/releases.jsonl"]
    again = site.release("staged", **site.quick())
    assert (again["changed"], again["release"]) == (True, first["release"])
    assert site.events() == [("staged", first["release"])]
    assert not site.release("staged", **site.quick())["changed"]


def test_two_stagings_at_once_do_not_meet_and_a_way_back_is_not_kept_waiting(site: Site) -> None:
    served = site.release("staged", **site.quick())
    site.commit("1.1.0", **{"build.js": "require('child_process').spawnSync('sleep', ['4444'])"})
    process = started("release", site.options(state="staged", **site.quick(timeout_seconds=30)))
    try:
        wait_for(lambda: running("4444"))
        started_at = time.monotonic()
        site.release("active", release=served["release"])
        assert time.monotonic() - started_at < 2
    finally:
        process.kill()
        process.wait(10)
    wait_for(lambda: not running("4444"))


def test_the_environment_file_is_in_no_release_log_or_archive(site: Site) -> None:
    result = site.release("staged", **site.quick())
    site.release("packed", release=result["release"])
    secret = PASSWORD.encode()
    links = {str(Path(result["path"]) / "backend" / ".env.production"), str(site.root / "shared" / ".env.production")}
    holding = [path for path, (_mode, _uid, content) in site.snapshot().items()
               if isinstance(content, bytes) and secret in content]
    assert set(holding) <= links
