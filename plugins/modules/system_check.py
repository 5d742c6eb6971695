# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: system_check
short_description: Judge the disks, memory and processors of a Linux host
version_added: 0.1.0
description:
  - Reads C(/proc), C(/sys) and asks C(statvfs); runs no program and needs no library.
  - Every mount that holds data is looked at, bytes (as C(df) counts them) and inodes; bind mounts count once. A file
    server that does not answer makes its own mount unknown and holds up nothing else.
  - A C(tmpfs) counts as data, except below C(/run), C(/dev), C(/proc) and C(/sys).
    Pseudo file systems, read-only images (squashfs, iso9660, erofs and the like) and the layers of containers do not.
  - Further, deleted files that are still open, memory (C(MemAvailable), and the control group's limit when it is
    tighter), swap, processes killed for lack of memory within a day, and CPU use over a short sample without the
    check's own part. Load and pressure are in the metrics.
  - Without root it says what it could not see, namely other users' open files and the kernel's log.
author:
  - VendHub DevOps Team (@vendhub)
extends_documentation_fragment:
  - vendhub.ops.check
options:
  mounts_ignore:
    description: Mount points that are not judged; shell patterns, where V(*) matches slashes too.
    type: list
    elements: str
    default: []
  cpu_sample_seconds:
    description: Over how long CPU use is measured.
    type: float
    default: 0.3
  timeout_seconds:
    description: How long mounts and open files may take to look at.
    type: float
    default: 5.0
"""

EXAMPLES = r"""
- name: Judge the host
  vendhub.ops.system_check:

- name: Fail on a full disk, but not on the archive, which is meant to be full
  vendhub.ops.system_check:
    mounts_ignore: [/srv/archive]
    thresholds:
      disk_percent: {warning: 85, critical: 95}
    fail_on: critical
"""

RETURN = r"""
msg:
  description: The verdict in one sentence, or why there is none.
  returned: always
  type: str
  sample: "app1: 3 findings, all ok"
check:
  description: What kind of thing was looked at.
  returned: when the options are valid
  type: str
  sample: system
target:
  description: What was looked at, never with a credential.
  returned: when the options are valid
  type: str
  sample: app1
state:
  description: The worst state of all findings; V(ok), V(warning), V(unknown), V(critical) in order of severity.
  returned: when the check could look
  type: str
  sample: ok
findings:
  description: What was looked at, one by one, worst first.
  returned: when the check could look
  type: list
  elements: dict
  contains:
    name:
      description: The name of the finding; a row of the threshold table when it has limits.
      type: str
      returned: always
    state:
      description: The state of this finding.
      type: str
      returned: always
    message:
      description: What was seen, in one sentence.
      type: str
      returned: always
    value:
      description: The measured value.
      type: raw
      returned: when something was measured
    unit:
      description: The unit of the value and its limits.
      type: str
      returned: when the value has a unit
    warning:
      description: The limit past which the state is V(warning).
      type: float
      returned: when there is one
    critical:
      description: The limit past which the state is V(critical).
      type: float
      returned: when there is one
    object:
      description: Which of several things of a kind the finding is about.
      type: str
      returned: when there are several
    remedy:
      description: The playbook that repairs it.
      type: str
      returned: when the state is not V(ok) and there is such a playbook
    reason:
      description: >-
        Why a service does not work, as one word (C(absent), C(silent), C(exhausted), C(foreign), C(starting),
        C(full), C(stopped), C(errored)).
      type: str
      returned: when it does not work and the reason is known
      sample: absent
    details:
      description: Rows that support the finding.
      type: list
      elements: dict
      returned: when there are any
metrics:
  description: Flat numbers for trends and export, named like Prometheus samples without the prefix C(vendhub_).
  returned: when the check could look
  type: dict
  sample: {"disk_percent{mount=\"/\"}": 45.2}
"""

from ansible_collections.vendhub.ops.plugins.module_utils._core.module import run_check
from ansible_collections.vendhub.ops.plugins.module_utils._system.options import OPTIONS
from ansible_collections.vendhub.ops.plugins.module_utils._system.subject import subject


def main() -> None:
    run_check(OPTIONS, subject)


if __name__ == "__main__":
    main()
