# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: recovery_report
short_description: Tell in one message how a recovery went
version_added: 0.2.0
description:
  - Prints what was down and why, what was done and how that went, what is left, where the evidence is, and who is on
    call.
  - In check mode it prints the diagnosis and what would be done.
  - Runs on the controller only and needs no connection. It fails while anything is left that takes the site down.
author:
  - VendHub DevOps Team (@vendhub)
options:
  found:
    description: The causes at the beginning, as M(vendhub.ops.triage) gives them.
    type: list
    elements: dict
    required: true
  left:
    description: The causes at the end.
    type: list
    elements: dict
    default: []
  done:
    description: What was done, each with C(host), C(does) and C(result).
    type: list
    elements: dict
    default: []
  bundles:
    description: Where the evidence of each host is.
    type: dict
    default: {}
  on_call:
    description: Whom to call.
    type: str
    default: ''
  since:
    description: When looking began.
    type: str
    default: ''
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
- name: Say how it went
  vendhub.ops.recovery_report:
    found: "{{ diagnosis.causes }}"
    left: "{{ proof.causes }}"
    on_call: the on-call engineer, +998 00 000 00 00
  run_once: true
"""

RETURN = r"""
msg:
  description: How it went in one sentence.
  returned: always
  type: str
  sample: recovered from app stopped vendhub-api on app1
healthy:
  description: Whether nothing is left.
  returned: always
  type: bool
lines:
  description: The message, line by line.
  returned: always
  type: list
  elements: str
"""

# The action plugin of the same name does the work.
