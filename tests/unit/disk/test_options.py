# SPDX-License-Identifier: GPL-3.0-or-later
"""Where room is looked for, and where it is not."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import BadOption
from ansible_collections.vendhub.ops.plugins.module_utils._disk.options import FREE, wanted


def options(**changed: t.Any) -> dict[str, t.Any]:
    return {name: spec.get("default") for name, spec in FREE.items()} | changed


def test_homes_are_looked_up_and_a_host_without_the_user_has_only_roots_cache() -> None:
    assert wanted(options(owner="root")).pm2_home == "/root/.pm2"
    nobody = wanted(options(owner="no such user"))
    assert (nobody.pm2_home, nobody.npm_caches) == ("", ("/root/.npm/_cacache",))


def test_nothing_is_looked_for_on_a_mount_that_does_not_answer() -> None:
    asked = wanted(options(owner="root", dump_directories=["/opt/backups", "/nfs/dumps", "/nfsx"], app_root="/nfs"))
    left = asked.without(["/nfs", "/root"])
    assert left["dump_directories"] == ["/opt/backups", "/nfsx"]
    assert "releases" not in left["kinds"]
    assert "journal" in left["kinds"]
    assert (left.pm2_home, left.npm_caches) == ("", ())
    assert asked.without([])["kinds"] == asked["kinds"]


@pytest.mark.parametrize(("changed", "words"), [
    ({"target_percent": 100}, "target_percent must be between 1 and 99, not 100"),
    ({"dump_keep": 0}, "dump_keep must be between 1"),
    ({"log_directories": ["/"]}, "log_directories must be absolute paths of folders of their own"),
    ({"app_root": "opt"}, "app_root must be absolute"),
    ({"npm_caches": ["/x\0y"]}, "npm_caches must be absolute"),
])
def test_what_cannot_be_meant_is_refused(changed: dict[str, t.Any], words: str) -> None:
    with pytest.raises(BadOption, match=words):
        wanted(options(**changed))


def test_the_whole_disk_may_be_meant() -> None:
    assert wanted(options(paths=["/"]))["paths"] == ["/"]
