# SPDX-License-Identifier: GPL-3.0-or-later
"""A program ends with its time limit, whatever it left behind."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core import command
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import OpsError

# a child in a group of its own that keeps our pipes, as the master of a shared SSH connection does
DETACHED = """
import os, subprocess, sys, time
child = subprocess.Popen(["sleep", "30"], start_new_session=True)
open(sys.argv[1], "w").write(str(child.pid))
time.sleep(30)
"""


def test_a_detached_child_that_keeps_the_pipes_holds_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "LAST_SECONDS", 0.5)
    started = time.monotonic()
    with pytest.raises(OpsError, match="did not end within 1 s"):
        command.run([sys.executable, "-c", DETACHED, str(tmp_path / "pid")], 1)
    assert time.monotonic() - started < 10
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
