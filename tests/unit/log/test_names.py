# SPDX-License-Identifier: GPL-3.0-or-later
"""Which file names are the same log."""

from __future__ import annotations

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._log.names import base_name, packing, siblings


@pytest.mark.parametrize(("name", "base"), [
    ("app.log", "app.log"),
    ("app.log.1", "app.log"),
    ("app.log.12.gz", "app.log"),
    ("app.log-20261122", "app.log"),
    ("app.log-20261122.gz", "app.log"),
    ("app.log-20261122-1795452120.gz", "app.log"),
    ("app.log-1795452120", "app.log"),
    ("app.log.2026-11-22", "app.log"),
    ("app-2026-11-22.log", "app.log"),
    ("app-20261122.log.gz", "app.log"),
    ("api-out__2026-11-22_00-00-00.log", "api-out.log"),
    ("api-out__2026-11-22_00-00-00.log.gz", "api-out.log"),
    ("postgresql-2026-11-23_000000.log", "postgresql.log"),
    ("postgresql-15-main.log", "postgresql-15-main.log"),
    ("postgresql-15-main.log.1", "postgresql-15-main.log"),
    ("api-out-0.log", "api-out-0.log"),
    ("error", "error"),
    ("v1.2", "v1"),
])
def test_rotated_names_lead_back_to_the_log(name: str, base: str) -> None:
    assert base_name(name) == base


def test_siblings_are_what_a_log_was_rotated_to_and_nothing_else() -> None:
    names = ["app.log", "app.log.1", "app.log.2.gz", "app__2026-11-22_00-00-00.log", "app1.log", "app-error.log",
             "app-0.log", "myapp.log", "app.log.bak", "app.logic"]
    assert siblings("app.log", names) == ["app.log", "app.log.1", "app.log.2.gz", "app1.log",
                                          "app__2026-11-22_00-00-00.log"]
    assert siblings("app.log", ["app1.log", "app.log.1"]) == ["app.log.1"]


def test_packing_is_told_by_the_name() -> None:
    assert [packing(name) for name in ("a.log", "a.log.gz", "a.log.2.xz")] == ["", "gz", "xz"]
