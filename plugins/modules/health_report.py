# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: health_report
short_description: Write the report of the daily check on the controller
version_added: 0.1.0
description:
  - Takes the registered results of M(vendhub.ops.health_check) from the variables of the hosts, prints a summary, and
    writes one report for people (HTML, text) and machines (JSON, JUnit, Prometheus textfile) on the controller.
  - Runs on the controller only and needs no connection. Use it in a play on C(localhost).
  - What only time tells (days until a disk is full, new kinds of error, findings that are new or gone) comes from the
    earlier reports in O(directory). Nothing is ever written on a managed host for it.
  - A host that could not be reached, or whose check broke, is V(unknown) in the report and fails the task, unless
    O(fail_on=never). A host without a result is left out when C(--limit) is in force, and V(unknown) otherwise.
author:
  - VendHub DevOps Team (@vendhub)
options:
  hosts:
    description: The names of the hosts the report is about.
    type: list
    elements: str
    required: true
  result:
    description: The name of the variable that each host registered.
    type: str
    default: vendhub_health
  directory:
    description:
      - The folder on the controller that holds all reports. It is created with mode C(0750).
      - Each run adds a folder C(YYYYMMDDTHHMMSSZ); the link C(latest) points to the newest.
    type: path
    required: true
  keep:
    description:
      - How many reports are kept, and how many the trends look back on.
      - Only folders that hold a report of this module and nothing else are removed.
    type: int
    default: 90
  fail_on:
    description:
      - From which state of the fleet on the task fails. The report is written either way.
      - The states in order of severity are V(ok), V(warning), V(unknown), V(critical).
    type: str
    choices: [never, warning, critical]
    default: critical
  formats:
    description: What is written. V(json) always is, since the trends of the next report need it.
    type: list
    elements: str
    choices: [html, json, junit, prometheus, text]
    default: [html, json, junit, prometheus, text]
  title:
    description: The title of the report.
    type: str
    default: VendHub daily check
  thresholds:
    description: Your own limits for the rows C(disk_days_to_full) and C(new_error_groups), and for the lines in plots.
    type: dict
    default: {}
attributes:
  check_mode:
    description: Prints the summary, writes nothing and says so; RV(ignore:changed) is false then.
    support: full
  diff_mode:
    description: A report is new each time, there is nothing to compare.
    support: none
  idempotent:
    description: Each run adds a report on the controller and is therefore changed. Managed hosts are not touched.
    support: none
seealso:
  - module: vendhub.ops.health_check
"""

EXAMPLES = r"""
- name: Write the report of the daily check
  hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Tell people and machines
      vendhub.ops.health_report:
        hosts: "{{ groups['vendhub'] }}"
        result: vendhub_health
        directory: "{{ playbook_dir }}/vendhub-reports"
        fail_on: critical
"""

RETURN = r"""
msg:
  description: The verdict about all hosts, or why the task failed, in one sentence.
  returned: always
  type: str
  sample: "3 hosts: 1 warning, 2 ok; 97 findings: 2 warning, 95 ok"
state:
  description: The worst state of all hosts; V(ok), V(warning), V(unknown), V(critical) in order of severity.
  returned: always
  type: str
  sample: warning
hosts:
  description: How many hosts are in each state.
  returned: always
  type: dict
  sample: {"critical": 0, "unknown": 0, "warning": 1, "ok": 2}
findings:
  description: How many findings are in each state.
  returned: always
  type: dict
  sample: {"critical": 0, "unknown": 0, "warning": 2, "ok": 95}
left_out:
  description: The hosts that C(--limit) left out.
  returned: always
  type: list
  elements: str
  sample: []
path:
  description: The folder of this report on the controller; empty in check mode.
  returned: always
  type: str
  sample: /srv/vendhub-reports/20260102T060000Z
files:
  description: The files of this report on the controller.
  returned: always
  type: list
  elements: str
  sample: [/srv/vendhub-reports/20260102T060000Z/report.json]
"""

# The action plugin of the same name does the work.
