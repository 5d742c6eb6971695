# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook with inventories as people get them wrong; no service is needed to say so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from demo.stack.process import clean_environment

ROOT = Path(__file__).resolve().parents[3]
HERE = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}


def check(folder: Path, inventory: dict[str, t.Any]) -> subprocess.CompletedProcess[str]:
    """Run the daily check over this inventory; the report goes to the folder."""
    (folder / "hosts.json").write_text(json.dumps(inventory))
    return subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(folder / "hosts.json"),
         "playbooks/daily_check.yml", "-e", f"vendhub_report_directory={folder}/reports"],
        cwd=ROOT, env=clean_environment(ANSIBLE_NOCOLOR="1", HOME=os.environ.get("HOME", "/")),
        capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("inventory", [{}, {"all": {"hosts": {"here": {}}}}, {"vendhub": {"hosts": {}}}],
                         ids=["empty", "no group vendhub", "empty group"])
def test_a_run_that_looks_at_nobody_fails_and_says_so(tmp_path: Path, inventory: dict[str, t.Any]) -> None:
    done = check(tmp_path, inventory)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "No host was looked at" in done.stdout


def test_an_option_that_is_there_but_empty_does_not_switch_a_check_off(tmp_path: Path) -> None:
    off = {f"vendhub_{name}": None for name in ("redis", "system", "thresholds")}
    check(tmp_path, {"vendhub": {"vars": off, "children": {"redis": {"hosts": {"here": HERE}}}}})
    (host,) = json.loads((tmp_path / "reports/latest/report.json").read_text())["hosts"]
    assert {one["check"] for one in host["checks"]} == {"redis", "system"}


def test_a_variable_that_is_not_defined_is_named_in_the_summary(tmp_path: Path) -> None:
    here = {**HERE, "vendhub_redis": {"password": "{{ vault_nobody_has }}"}}
    done = check(tmp_path, {"vendhub": {"children": {"redis": {"hosts": {"here": here}}}}})
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("? UNKNOWN  here  host: ")]
    assert "'vault_nobody_has' is undefined" in line
