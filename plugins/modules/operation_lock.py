# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One operation at a time on a managed host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: operation_lock
short_description: Hold the lock under which a managed host is changed
version_added: 1.0.0
description:
  - There is one lock per managed host, for everything that changes it. A deployment, a rollback and a recovery started
    by three people then follow each other instead of meeting.
  - The lock belongs to one run of C(ansible-playbook). The same run gets it again at any time, which renews it; a
    playbook or role inside another one adds its operation, and its release leaves the outer operation locked.
  - A run that was killed leaves its lock behind. The same controller sees that the process is gone, and the next run
    takes the lock over at once and says so. Other controllers wait for the time to live, or use O(steal=always).
  - Ages are counted by the kernel since its boot, so setting the clock neither ends a lock nor makes it last.
author:
  - VendHub DevOps Team (@vendhub)
options:
  state:
    description: Whether this run holds the lock, or gives it back.
    type: str
    choices: [held, released]
    default: held
  operation:
    description:
      - What is done under the lock, such as V(deploy), V(rollback) or V(recover).
      - Releasing the outermost operation releases everything inside it.
    type: str
    required: true
  reason:
    description: Why, for those who meet the lock.
    type: str
    default: ''
  ttl_seconds:
    description: After how many seconds without a renewal others may take the lock; at most a day.
    type: int
    default: 3600
  steal:
    description:
      - When the lock of another run is taken over. V(never) takes none, V(expired) those that have expired or whose run
        is over, V(always) any.
      - A lock that cannot be read counts as held by somebody unknown, for a day from its last change.
    type: str
    choices: [never, expired, always]
    default: expired
  holder:
    description:
      - A name of your own, such as V(pipeline 4711), for a lock that several runs share; whoever uses the same name has
        the same lock, and no run being over ends it.
      - By default the operator, the controller and the process of this run.
    type: str
  plan:
    description:
      - What is about to be done, at most 8 KiB as JSON, such as the release that was served and the one that will be.
        It is kept with the lock, in RV(lock.plan). Who may read the lock may read it, so no secret belongs into it.
      - A renewal without it keeps the plan that is there. Who takes over the lock of another run inherits its plan and
        can finish what was begun; a plan given then replaces it, so take the lock without one first. V({}) clears it.
    type: dict
  run:
    description: Which run this is; filled by the action plugin, never by you.
    type: dict
    default: {}
  dead_run:
    description: A run that is over; filled by the action plugin, never by you.
    type: dict
    default: {}
  must_hold:
    description: With O(state=released), fail when this run does not hold the lock any more.
    type: bool
    default: false
  directory:
    description: The folder of the collection's state on the host, made with mode C(0750) when it is not there.
    type: path
    default: /var/lib/vendhub-ops
  timeout_seconds:
    description: How long to wait for another process that reads or writes the lock at this moment.
    type: float
    default: 10
attributes:
  check_mode:
    description: Says whether the lock would be given, takes nothing, and never fails because of a lock.
    support: full
  diff_mode:
    description: Shows the lock before and after.
    support: full
  idempotent:
    description: Holding a lock again renews it, which is a change; releasing it again changes nothing.
    support: partial
"""

EXAMPLES = r"""
- name: Deploy under the lock
  block:
    - name: Take the lock
      vendhub.ops.operation_lock:
        operation: deploy
        reason: release 1.4.0
        ttl_seconds: 1800

    # the tasks that change something stand here

  always:
    - name: Give the lock back
      vendhub.ops.operation_lock:
        operation: deploy
        state: released

- name: Take the lock from a run that is surely over
  vendhub.ops.operation_lock:
    operation: recover
    steal: always

- name: Write down what is about to be done, so that the run after a killed one can finish it
  vendhub.ops.operation_lock:
    operation: deploy
    plan:
      from: 20261122T100000Z-1c2d3e4f
      to: 20261123T202249Z-5f3c9a01
"""

RETURN = r"""
msg:
  description: What happened, or who holds the lock, for what, since when, until when, and what to do.
  returned: always
  type: str
  sample: "ann on ci1 (pid 4711) holds the lock for deploy (release 1.4.0) since 2026-01-02T03:04:05Z, until
    2026-01-02T03:34:05Z (20 min left); wait, or when that run is surely over take it with steal=always"
held:
  description: Whether this run holds the lock now; in check mode whether it would.
  returned: when the options are valid
  type: bool
  sample: true
refused:
  description: Whether somebody else has the lock.
  returned: when the options are valid
  type: bool
  sample: false
lock:
  description: The lock as it is now, in check mode as it would be; empty when there is none or it cannot be read.
  returned: when the options are valid
  type: dict
  sample: {"holder": "ann on ci1 (pid 4711)", "operations": ["deploy"], "reason": "release 1.4.0",
           "ttl_seconds": 1800, "run": {}, "plan": {}}
  contains:
    plan:
      description: What was about to be done when it was last said, also by a former holder of a lock that was taken
        over; empty when nothing was said.
      returned: when there is a lock
      type: dict
previous:
  description: The lock of somebody else that was taken over; what it was doing may be half done.
  returned: when one was taken over
  type: dict
  sample: {"holder": "ann on ci1 (pid 4242)", "operations": ["deploy"], "reason": "", "ttl_seconds": 3600, "run": {},
           "plan": {}}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import OpsError
from ansible_collections.vendhub.ops.plugins.module_utils._lock import client


def main() -> None:
    """Take, renew or release."""
    module = AnsibleModule(argument_spec=client.OPTIONS, supports_check_mode=True)
    try:
        outcome = client.change(module.params, act=not module.check_mode)
    except OpsError as exc:
        module.fail_json(msg=str(exc))
    answer = client.answer(outcome, module.params)
    if client.failed(outcome, module.params) and not module.check_mode:
        module.fail_json(**answer)
    module.exit_json(**answer)


if __name__ == "__main__":
    main()
