# SPDX-License-Identifier: GPL-3.0-or-later
"""What the files of a PM2 home tell."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._pm2 import home


def test_a_rotation_just_before_does_not_hide_the_exits(tmp_path: Path) -> None:
    (tmp_path / "pm2.log.1").write_text("App [api:0] exited\n")
    (tmp_path / "pm2.log").write_text("App [api:1] exited\n")
    assert home.journal(str(tmp_path)) == ["App [api:0] exited", "App [api:1] exited"]


def test_a_log_that_was_never_rotated_is_enough(tmp_path: Path) -> None:
    (tmp_path / "pm2.log").write_text("App [api:0] exited\n")
    assert home.journal(str(tmp_path)) == ["App [api:0] exited"]


def test_a_log_that_is_not_there_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        home.journal(str(tmp_path))
