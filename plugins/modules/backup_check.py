# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_check
short_description: Judge the age and the proof of the newest database dump
version_added: 0.1.0
description:
  - Only a dump that was proved to be good counts. The proof is a file C(<dump>.verified.json) beside it, as the
    collection's own backup writes it, with the keys C(size), C(sha256), C(verified_at) and C(method). It counts when
    the size is the dump's and it is not older than the dump. The check sum is not computed again.
  - Without any proof the newest dump that looks whole is judged, and that is a warning.
  - Further, a newest file that is empty, cut off, changed after its proof or suspiciously small, and dumps that every
    user of the host may read.
  - Hidden files, links, and files without proof that were written to within the last minute are left out.
author:
  - VendHub DevOps Team (@vendhub)
extends_documentation_fragment:
  - vendhub.ops.check
options:
  directory:
    description: The folder with the dumps; subfolders are not looked into.
    type: path
    required: true
  patterns:
    description: Shell patterns of the dumps' names.
    type: list
    elements: str
    default: ["*.dump", "*.dump.age", "*.dump.gz", "*.sql.gz", "*.sql"]
  min_bytes:
    description: A smaller file is no dump.
    type: int
    default: 256
  timeout_seconds:
    description: How long the folder may take to be read.
    type: float
    default: 5.0
"""

EXAMPLES = r"""
- name: Judge the dumps of the database
  vendhub.ops.backup_check:
    directory: /opt/backups

- name: Fail unless a verified dump of the last six hours is there
  vendhub.ops.backup_check:
    directory: /var/backups/vendhub
    patterns: ["vendhub_db_*.sql.gz"]
    min_bytes: 1000000
    thresholds:
      backup_age_hours: {warning: 3, critical: 6}
    fail_on: critical
"""

RETURN = r"""
msg:
  description: The verdict in one sentence, or why there is none.
  returned: always
  type: str
  sample: "/opt/backups: 3 findings, all ok"
check:
  description: What kind of thing was looked at.
  returned: when the options are valid
  type: str
  sample: backups
target:
  description: What was looked at, never with a credential.
  returned: when the options are valid
  type: str
  sample: /opt/backups
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
  sample: {"backup_age_seconds": 21600, "backup_count": 7}
"""

from ansible_collections.vendhub.ops.plugins.module_utils._backup.options import OPTIONS
from ansible_collections.vendhub.ops.plugins.module_utils._backup.subject import subject
from ansible_collections.vendhub.ops.plugins.module_utils._core.module import run_check


def main() -> None:
    run_check(OPTIONS, subject)


if __name__ == "__main__":
    main()
