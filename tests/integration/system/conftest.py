# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the check in mount and process namespaces of its own, where a test may mount and fill what it likes."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import textwrap
import typing as t

import pytest

ROOT = pathlib.Path(__file__).parents[3]
PRELUDE = f"""import json, os, sys, time
sys.path[:0] = [{str(ROOT / '.collections')!r}, {str(ROOT)!r}]
from tests.modules import call
"""
UNSHARE = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--mount-proc"]

Script = t.Callable[..., t.Any]
Without = t.Callable[[str], t.NoReturn]


@pytest.fixture
def without() -> Without:
    """Skip by name on a developer's machine; in CI a test that cannot run is a failure."""
    def stop(what: str) -> t.NoReturn:
        if os.environ.get("CI") == "true":
            pytest.fail(f"this test needs {what}")
        pytest.skip(f"needs {what}")

    return stop


@pytest.fixture
def script(tmp_path: pathlib.Path) -> Script:
    """Run a script in a process of its own, in ``tmp_path``; what it assigns to ``result`` comes back."""
    def run(text: str, prefix: t.Sequence[str] = ()) -> t.Any:
        whole = PRELUDE + textwrap.dedent(text) + "\nprint(json.dumps(result))\n"
        done = subprocess.run([*prefix, sys.executable, "-c", whole], cwd=tmp_path, capture_output=True, text=True,
                              timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture
def isolated(script: Script, without: Without) -> Script:
    """Run a script as root in namespaces of its own, where it may mount what it likes and sees only itself."""
    if os.geteuid() != 0 or subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode:
        without("root and the right to make mount namespaces")
    return lambda text: script(text, UNSHARE)
