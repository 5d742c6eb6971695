# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: triage
short_description: Find the causes of an outage in what the hosts said
version_added: 0.2.0
description:
  - Takes the registered results of M(vendhub.ops.health_check), M(vendhub.ops.crash_info) and
    M(vendhub.ops.release_info) from the variables of the hosts, and names the causes that the other findings follow
    from, with the facts that speak for each, and what the role C(recover) does about it. What nothing explains stays
    unknown.
  - Runs on the controller only and needs no connection.
author:
  - VendHub DevOps Team (@vendhub)
options:
  hosts:
    description: The hosts that were looked at.
    type: list
    elements: str
    required: true
  began:
    description: When looking began, by the controller's clock, such as C(2026-01-02T03:04:05Z).
    type: str
    required: true
  health:
    description: The variable with the result of M(vendhub.ops.health_check).
    type: str
    default: vendhub_health
  crashes:
    description: The variable with the result of M(vendhub.ops.crash_info), on hosts that have one.
    type: str
    default: vendhub_crashes
  releases:
    description: The variable with the result of M(vendhub.ops.release_info), on hosts that have one.
    type: str
    default: vendhub_releases
  gates:
    description: The variable with the result of M(vendhub.ops.stability_gate), where somebody watched.
    type: str
    default: vendhub_gates
attributes:
  check_mode:
    description: Can run in check mode, and changes nothing anywhere.
    support: full
  diff_mode:
    description: There is nothing to show, it changes nothing.
    support: none
  idempotent:
    description: It changes nothing.
    support: full
"""

EXAMPLES = r"""
- name: Find the cause
  vendhub.ops.triage:
    hosts: "{{ ansible_play_hosts_all }}"
    began: "{{ began }}"
  run_once: true
  register: diagnosis
"""

RETURN = r"""
msg:
  description: The causes in one sentence.
  returned: success
  type: str
  sample: "not recovered: redis down on redis1; a person must look"
healthy:
  description: Whether nothing was found that takes the site down.
  returned: success
  type: bool
causes:
  description:
    - The causes, the one to deal with first at the head, each with C(cause), C(host), C(object), C(confidence)
      (V(certain) or V(likely)), C(facts), C(why) an app crashes, C(remedy) (a playbook), C(action) of the role
      C(recover) with the number of times it C(limit) allows within an hour, what it C(does), or C(advice) for a person.
  returned: success
  type: list
  elements: dict
"""

# The action plugin of the same name does the work.
