# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Room on the disks of a host, made until a target is reached."""

from __future__ import annotations

DOCUMENTATION = r"""
module: disk_free
short_description: Make room on a disk until it is no fuller than a target
version_added: 1.0.0
description:
  - Removes what is missed least, one thing after the other, and stops as soon as the file system itself says that the
    target is reached. Nothing goes from a file system that is within it.
  - It writes nothing before it has freed something, so it works on a disk that is full to the last byte. It takes no
    file for a lock and needs no temporary one; see the playbook C(vendhub.ops.free_disk) for what Ansible needs.
  - A file goes only while it is the one that was looked at (same inode, size and time), has no second name and is open
    nowhere. No link is followed, and no other file system is entered. It goes by the rights of whoever owns its folder.
  - Before older dumps go, the newest one of their series is read and must still have the checksum it was verified with.
  - What was freed is judged by what the file system says. What cannot be removed is told, and the next one is taken.
  - In check mode it returns the same plan.
author:
  - VendHub DevOps Team (@vendhub)
extends_documentation_fragment:
  - vendhub.ops.disk
options:
  max_seconds:
    description: After which time nothing more is removed.
    type: float
    default: 600
attributes:
  check_mode:
    description: Returns the plan, and removes nothing.
    support: full
  diff_mode:
    description: Shows what goes, and how full the disks are before and after.
    support: full
  idempotent:
    description: A second run finds the target reached.
    support: full
"""

EXAMPLES = r"""
- name: See what would go
  vendhub.ops.disk_free:
  become: true
  check_mode: true

- name: Make room
  vendhub.ops.disk_free:
    target_percent: 75
  become: true

- name: Have 64 MiB to work with, from what is downloaded again anyway
  vendhub.ops.disk_free:
    paths: [/var/lib/vendhub-ops]
    target_free_bytes: 67108864
    kinds: [npm_cache, rotated_logs]
  become: true

- name: Keep only the last 16 MiB of each log that is written to
  vendhub.ops.disk_free:
    kinds: [live_logs]
    live_log_keep_bytes: 16777216
  become: true
"""

RETURN = r"""
msg:
  description: What was removed or would be, in one sentence, or why nothing was.
  returned: always
  type: str
  sample: "/ was 97.3 % full and is 79.8 %: 12 items with 7.4 GiB removed"
reached:
  description: Whether every file system is, or would be, within the target.
  returned: success
  type: bool
  sample: true
filesystems:
  description: The file systems, with C(mount), C(percent_before), C(percent_after), C(free_bytes), C(planned_bytes) and
    C(reached). In check mode C(percent_after) is what would be.
  returned: success
  type: list
  elements: dict
  sample: [{"mount": "/", "percent_before": 97.3, "percent_after": 79.8, "free_bytes": 8589934592,
            "planned_bytes": 7945689497, "reached": true}]
plan:
  description: What goes to reach the target, by what it takes, in this order. C(mount) is its file system.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: One of O(kinds).
      returned: always
      type: str
      sample: rotated_logs
    path:
      description: Where it is; for an image the folder of Docker.
      returned: always
      type: str
      sample: /var/log/nginx/access.log.9.gz
    bytes:
      description: What it frees; for an image at most that, for it may share layers.
      returned: always
      type: int
      sample: 1288490188
    files:
      description: How many inodes it frees.
      returned: always
      type: int
      sample: 1
    why:
      description: Why it may go.
      returned: always
      type: str
      sample: rotated, 9 days old
freed:
  description: What was removed; the keys are those of RV(plan).
  returned: success
  type: list
  elements: dict
  sample: []
freed_bytes:
  description: What that took.
  returned: success
  type: int
  sample: 7945689497
kept:
  description: What was to go and could not be removed (C(kind), C(path), C(bytes), C(why)).
  returned: success
  type: list
  elements: dict
  sample: []
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
from ansible_collections.vendhub.ops.plugins.module_utils._disk.free import free
from ansible_collections.vendhub.ops.plugins.module_utils._disk.options import FREE


def main() -> None:
    """Make room, or tell the plan."""
    module = AnsibleModule(argument_spec=FREE, supports_check_mode=True)
    try:
        answer = free(module.params, act=not module.check_mode)
    except OpsError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(**answer)


if __name__ == "__main__":
    main()
