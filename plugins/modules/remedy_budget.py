# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A circuit breaker for repairs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: remedy_budget
short_description: Spend from the budget of a remedy, and record what was done
version_added: 1.0.0
description:
  - A remedy that had to be used again and again does not repair the cause. Each remedy has a budget per host; when it
    is used up the task fails, and a person must look.
  - The memory is C(actions.jsonl) in O(directory), which is also the audit of who did what, when, from which run, with
    which result. It is only ever added to; when it is full it becomes C(actions.jsonl.1), and the new file begins with
    every use of the last 7 days, so that no budget forgets.
  - Ages are counted by the kernel since its boot, so setting the clock neither refills nor blocks a budget.
author:
  - VendHub DevOps Team (@vendhub)
options:
  remedy:
    description: Whose budget, such as V(restart_app:vendhub-api).
    type: str
    required: true
  state:
    description:
      - V(asked) only tells the budget.
      - V(spent) takes one use of it, before the remedy is used, and fails when none is left.
      - V(recorded) writes down how it went.
    type: str
    choices: [asked, spent, recorded]
    default: asked
  limit:
    description: How many uses are allowed within O(window_seconds); with V(0) there is none.
    type: int
    default: 3
  window_seconds:
    description: How long a use counts; at most 7 days.
    type: int
    default: 3600
  note:
    description: What is done and why, or how it went; made short, credentials are taken out.
    type: str
    default: ''
  result:
    description: How it went; needed with O(state=recorded).
    type: str
    choices: [ok, failed]
  by:
    description: Who does it; by default the operator of the controller.
    type: str
    default: ''
  run:
    description: From which run; by default the process on the controller.
    type: str
    default: ''
  directory:
    description: The folder of the collection's state on the host, made with mode C(0750) when it is not there.
    type: path
    default: /var/lib/vendhub-ops
  rotate_bytes:
    description: The size from which the file is put aside.
    type: int
    default: 1048576
  timeout_seconds:
    description: How long to wait for another process that uses the record at this moment.
    type: float
    default: 10
attributes:
  check_mode:
    description: Says what the budget would allow, writes nothing, and never fails because of a budget.
    support: full
  diff_mode:
    description: A line is added to a record, there is nothing to compare.
    support: none
  idempotent:
    description: Each use counts.
    support: none
"""

EXAMPLES = r"""
- name: Ask for one more restart
  vendhub.ops.remedy_budget:
    remedy: restart_app:vendhub-api
    state: spent
    limit: 3
    window_seconds: 3600
    note: the app did not answer

- name: Write down how it went
  vendhub.ops.remedy_budget:
    remedy: restart_app:vendhub-api
    state: recorded
    result: ok
    note: healthy after 4 s
"""

RETURN = r"""
msg:
  description: The budget in one sentence, or why the remedy must not be used and what to do.
  returned: always
  type: str
  sample: "one use more: restart_app:vendhub-api was used 1 of 3 times within 1 h before"
allowed:
  description: Whether a use was possible when the task asked.
  returned: when the options are valid
  type: bool
  sample: true
refused:
  description: Whether a use was wanted and was not possible.
  returned: when the options are valid
  type: bool
  sample: false
used:
  description: How many uses count now, with this one; in check mode as it would be.
  returned: when the options are valid
  type: int
  sample: 2
limit:
  description: How many are allowed.
  returned: when the options are valid
  type: int
  sample: 3
next_at:
  description: When one more use becomes possible; empty when it is now, or never.
  returned: when the options are valid
  type: str
  sample: "2026-01-02T03:04:05Z"
garbage_lines:
  description: How many lines of the record could not be understood and were passed over.
  returned: when the options are valid
  type: int
  sample: 0
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vendhub.ops.plugins.module_utils._budget import client
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import OpsError


def main() -> None:
    """Ask, spend or record."""
    module = AnsibleModule(argument_spec=client.OPTIONS, supports_check_mode=True)
    try:
        answer = client.answer(module.params, act=not module.check_mode)
    except OpsError as exc:
        module.fail_json(msg=str(exc))
    if answer["garbage_lines"]:
        module.warn(f"{answer['garbage_lines']} lines of {client.NAME} could not be understood and were passed over")
    if answer["refused"] and not module.check_mode:
        module.fail_json(**answer)
    module.exit_json(**answer)


if __name__ == "__main__":
    main()
