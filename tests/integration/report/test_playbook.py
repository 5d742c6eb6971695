# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as the daily check's playbook makes it, with ansible-playbook and hosts that left all kinds of results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from tests.reports import finding, result

REPOSITORY = Path(__file__).parents[3]
PLAYBOOK = """
- name: Look
  hosts: vendhub
  gather_facts: false
  tasks:
    - name: Be a host that is never looked at
      ansible.builtin.meta: end_host
      when: inventory_hostname == 'silent'
    - name: Leave a result
      leave:
        file: "{{ playbook_dir }}/{{ inventory_hostname }}.json"
      register: vendhub_health
      ignore_unreachable: true
      ignore_errors: true

- name: Write the report
  hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Tell people and machines
      vendhub.ops.health_report:
        hosts: "{{ groups['vendhub'] }}"
        result: vendhub_health
        directory: "{{ vendhub_report_directory }}"
        keep: "{{ vendhub_report_keep | default(90) }}"
        fail_on: "{{ vendhub_fail_on | default('never') }}"
        formats: [html, json, junit, prometheus]
"""
MODULE = """#!/usr/bin/python
import json
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule(argument_spec={"file": {"type": "path"}}, supports_check_mode=True)
with open(module.params["file"]) as file:
    module.exit_json(**json.load(file))
"""
GONE = "gone ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=1 ansible_ssh_common_args='-o ConnectTimeout=1'"


class Run(t.NamedTuple):
    """How one ansible-playbook ended."""

    code: int
    screen: str


class Play:
    """A folder with the playbook, an inventory and results, and a report directory beside them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reports = folder / "reports"
        (folder / "play.yml").write_text(PLAYBOOK)
        (folder / "library").mkdir()
        (folder / "library" / "leave.py").write_text(MODULE)

    def run(self, hosts: t.Mapping[str, t.Any], *arguments: str, **variables: t.Any) -> Run:
        """Run it over hosts that leave these results; None is a host that leaves none."""
        lines = ["[all:vars]", f"ansible_python_interpreter={sys.executable}", "[vendhub]"]
        for name, left in hosts.items():
            lines.append(GONE if name == "gone" else f"{name} ansible_connection=local")
            if left is not None:
                (self.folder / f"{name}.json").write_text(json.dumps(left))
        (self.folder / "hosts.ini").write_text("\n".join(lines) + "\n")
        variables = {"vendhub_report_directory": str(self.reports), **variables}
        done = subprocess.run(
            [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "hosts.ini", "play.yml",
             "-e", json.dumps(variables), *arguments],
            cwd=self.folder, capture_output=True, text=True, timeout=120, check=False,
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / ".collections"),
                 "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"), "ANSIBLE_LOCALHOST_WARNING": "false"},
        )
        return Run(done.returncode, done.stdout + done.stderr)

    def data(self) -> dict[str, t.Any]:
        """The newest report.json."""
        data: dict[str, t.Any] = json.loads((self.reports / "latest" / "report.json").read_text())
        return data


@pytest.fixture
def play(tmp_path: Path) -> Play:
    return Play(tmp_path)


TEMPLATE = "{{ lookup('ansible.builtin.pipe', 'touch pwned') }}"


def test_every_kind_of_host_is_in_the_report_and_the_run_ends_as_asked(play: Play) -> None:
    done = play.run({"web1": result(finding(state="warning", message=TEMPLATE)), "web2": result(), "gone": None,
                     "silent": None}, vendhub_fail_on="critical")
    assert done.code == 2, done.screen
    assert "no verdict from gone, silent" in done.screen
    assert "? UNKNOWN  gone" in done.screen
    assert "! WARNING  web1" in done.screen
    assert "Report: " in done.screen
    data = play.data()
    assert {host["name"]: host["state"] for host in data["hosts"]} == \
        {"web1": "warning", "web2": "ok", "gone": "unknown", "silent": "unknown"}
    assert "cannot be reached" in data["hosts"][0]["msg"]
    assert sorted(os.listdir(play.reports / "latest")) == \
        ["report.html", "report.json", "report.junit.xml", "report.prom"]
    warned = data["hosts"][2]["findings"][0]
    assert warned["message"] == TEMPLATE
    assert not list(play.folder.rglob("pwned"))


@pytest.mark.parametrize(("state", "fail_on", "code"), [
    ("critical", "never", 0), ("critical", "critical", 2), ("warning", "critical", 0), ("warning", "warning", 2),
])
def test_fail_on(play: Play, state: str, fail_on: str, code: int) -> None:
    done = play.run({"web1": result(finding(state=state))}, vendhub_fail_on=fail_on)
    assert done.code == code, done.screen
    assert play.data()["state"] == state


def test_a_limited_run_leaves_the_others_out_and_says_so(play: Play) -> None:
    done = play.run({"web1": result(), "web2": result()}, "--limit", "web1,localhost", vendhub_fail_on="warning")
    assert done.code == 0, done.screen
    assert "Not in this run (--limit): web2" in done.screen
    assert [host["name"] for host in play.data()["hosts"]] == ["web1"]
    assert play.data()["left_out"] == ["web2"]


def test_check_mode_writes_nothing_and_says_so(play: Play) -> None:
    done = play.run({"web1": result()}, "--check")
    assert done.code == 0, done.screen
    assert "Check mode: no report was written" in done.screen
    assert "localhost                  : ok=1    changed=0" in done.screen
    assert not play.reports.exists()


def test_colours_only_where_ansible_colours(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_NOCOLOR", "1")
    assert "\x1b[" not in play.run({"web1": result()}).screen
    monkeypatch.delenv("ANSIBLE_NOCOLOR")
    monkeypatch.setenv("ANSIBLE_FORCE_COLOR", "1")
    assert "\x1b[0;31m✕ CRITICAL web1 is critical" in play.run({"web1": result(finding(state="critical"))}).screen


def test_the_second_report_knows_the_first_and_old_ones_go(play: Play) -> None:
    play.run({"web1": result()}, vendhub_report_keep=2)
    (first,) = [one for one in os.listdir(play.reports) if one != "latest"]
    (play.reports / first).rename(play.reports / "20200101T000000Z")
    damaged = play.reports / "20200102T000000Z"
    damaged.mkdir()
    (damaged / "report.json").write_text("{")
    done = play.run({"web1": result(finding(state="warning"))}, vendhub_report_keep=2)
    assert "20200102T000000Z/report.json is left out of the trends" in " ".join(done.screen.split())
    assert play.data()["history"]["reports"] == 1
    assert play.data()["hosts"][0]["findings"][0]["new"] is True
    assert sorted(os.listdir(play.reports))[0] == "20200102T000000Z", "damaged ones are not ours to remove"


@pytest.mark.parametrize(("variables", "words"), [
    ({"vendhub_report_keep": 0}, "keep must be 1 or more"),
    ({"vendhub_fail_on": "sometimes"}, "must be one of"),
    ({"vendhub_report_directory": "/proc/reports"}, "cannot be written"),
])
def test_bad_options_are_said_in_a_sentence(play: Play, variables: dict[str, t.Any], words: str) -> None:
    done = play.run({"web1": result()}, **variables)
    assert done.code == 2
    assert words in " ".join(done.screen.split()), done.screen
    assert "Traceback" not in done.screen


def test_what_the_hosts_said_is_told_even_when_no_report_can_be_written(play: Play) -> None:
    play.reports.write_text("in the way")
    done = play.run({"web1": result(finding(state="critical", message="the disk is full"))})
    assert done.code == 2
    screen = " ".join(done.screen.split())
    assert "✕ CRITICAL web1 system: the disk is full" in screen
    assert "cannot be written to" in screen
    assert "Traceback" not in screen
