# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What fills the disks of a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: disk_info
short_description: Tell what fills the disks of a host, and what of it may go
version_added: 1.0.0
description:
  - Tells for each file system with data how full it is, what M(vendhub.ops.disk_free) would remove to bring it to the
    target, with bytes, and what only a person may decide about.
  - Of those that are fuller than the target, and of those that O(paths) names, it tells the folders and the files that
    take most, without leaving the file system, within O(timeout_seconds).
  - Nothing is changed, and nothing is written.
author:
  - VendHub DevOps Team (@vendhub)
extends_documentation_fragment:
  - vendhub.ops.disk
options:
  big_bytes:
    description: From which size on a file is told by itself; on a small disk from one percent of it on.
    type: int
    default: 104857600
  rows:
    description: How many folders are told for each file system.
    type: int
    default: 15
attributes:
  check_mode:
    description: Only looks anyway.
    support: full
"""

EXAMPLES = r"""
- name: See what fills the disks
  vendhub.ops.disk_info:
  become: true
  register: disks

- name: Read it
  ansible.builtin.debug:
    var: disks.report

- name: See what fills the disk of the releases, however full it is
  vendhub.ops.disk_info:
    paths: [/opt/vendhub]
    big_bytes: 10485760
  become: true
"""

RETURN = r"""
msg:
  description: How full the disks are that are too full, in one sentence.
  returned: always
  type: str
  sample: / is 97.3 % full, 1.1 GiB of 40 GiB free
filesystems:
  description: The file systems.
  returned: success
  type: list
  elements: dict
  contains:
    mount:
      description: Where it is mounted.
      returned: always
      type: str
      sample: /
    percent:
      description: How full it is, as C(df) counts.
      returned: always
      type: float
      sample: 97.3
    used_bytes:
      description: What is in use.
      returned: always
      type: int
      sample: 41781441855
    free_bytes:
      description: What ordinary users may still take.
      returned: always
      type: int
      sample: 1181116006
    inodes_percent:
      description: How many of its inodes are in use; V(0) where there is no limit.
      returned: always
      type: float
      sample: 31.0
    reached:
      description: Whether it is within the target already.
      returned: always
      type: bool
      sample: false
    candidates:
      description: What may go at most, by C(kind), with C(count) and C(bytes).
      returned: always
      type: list
      elements: dict
      sample: [{"kind": "rotated_logs", "count": 31, "bytes": 9663676416}]
    plan:
      description: What would go to reach the target, in this order, as RV(vendhub.ops.disk_free#module:plan) has it.
      returned: always
      type: list
      elements: dict
      sample: []
    percent_planned:
      description: How full it would be then.
      returned: always
      type: float
      sample: 79.1
    folders:
      description: The folders that take most (C(path), C(bytes)), where it was looked for.
      returned: always
      type: list
      elements: dict
      sample: [{"path": "/var/lib/postgresql", "bytes": 20401094656}]
    folders_complete:
      description: Whether all folders were looked at in time.
      returned: always
      type: bool
      sample: true
for_person:
  description: What only a person may decide about, the largest first.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description:
        - V(core_dump), V(big_file), V(database), V(dump), V(uploads), V(live_log), V(open_log), V(deleted_open),
          V(linked), V(release), or the kind of something that could not be removed.
      returned: always
      type: str
      sample: core_dump
    path:
      description: Where it is.
      returned: always
      type: str
      sample: /opt/vendhub/core.4711
    bytes:
      description: What it takes.
      returned: always
      type: int
      sample: 1073741824
    why:
      description: Why it stays, and who has it open.
      returned: always
      type: str
      sample: "memory of a process: evidence of a crash, and maybe secrets; delete it when that is clear"
notes:
  description: What could not be looked at, and what else is worth a sentence.
  returned: success
  type: list
  elements: str
  sample: ["npm is at work (process 4711), so its cache /home/vendhub/.npm/_cacache stays"]
report:
  description: All of it as lines to read.
  returned: success
  type: list
  elements: str
  sample: ["/ is 97.3 % full, 1.1 GiB of 40 GiB free: 12 items with 7.4 GiB may go, which makes it 79.1 %",
           "     1.2 GiB  rotated_logs   /var/log/nginx/access.log.9.gz (rotated, 9 days old)"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import OpsError
from ansible_collections.vendhub.ops.plugins.module_utils._disk.options import INFO
from ansible_collections.vendhub.ops.plugins.module_utils._disk.tell import tell


def main() -> None:
    """Look and tell."""
    module = AnsibleModule(argument_spec=INFO, supports_check_mode=True)
    try:
        answer = tell(module.params)
    except OpsError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=False, **answer)


if __name__ == "__main__":
    main()
