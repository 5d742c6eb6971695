# SPDX-License-Identifier: GPL-3.0-or-later
"""Molecule's scenarios, each from nothing to nothing; by hand: make molecule SCENARIO=default."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from demo.stack.process import clean_environment

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
SCENARIOS = sorted(path.parent.name for path in ROOT.glob("molecule/*/molecule.yml"))


def test_there_are_scenarios() -> None:
    assert "default" in SCENARIOS


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_converges_is_verified_and_changes_nothing_more(scenario: str) -> None:
    environment = clean_environment(NO_COLOR="1", LC_ALL="C.UTF-8")
    environment["PATH"] = f"{BIN}:{environment['PATH']}"
    done = subprocess.run([str(BIN / "molecule"), "test", "--scenario-name", scenario], cwd=ROOT, env=environment,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
