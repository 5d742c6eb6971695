# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pm2_check
short_description: Judge the apps under PM2
version_added: 0.1.0
description:
  - Reads PM2 through its daemon's own socket. It never starts a daemon, runs no Node program while that socket speaks a
    known dialect (PM2 5, 6 and 7), and never returns an app's environment.
  - Looks at each expected app (present, online, number of processes, unasked exits within the last hour, memory
    against its limit, owner of its port), at the saved list against the running one, at the daemon's version against
    the installed one, and at who can read the apps' secrets.
author:
  - VendHub DevOps Team (@vendhub)
extends_documentation_fragment:
  - vendhub.ops.check
options:
  home:
    description:
      - The PM2 home, as in the environment variable E(PM2_HOME).
      - Without it C(.pm2) in the home of O(owner) is used.
    type: path
  owner:
    description:
      - The user whose PM2 is looked at. Without it, and without O(home), the user who runs the module.
      - The module must run as this user or as root.
    type: str
  apps:
    description:
      - The apps that must be there. Without any, every app in PM2's list must be online.
      - Other apps in the list give a warning when they are broken, never more.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name of the app in PM2.
        type: str
        required: true
      instances:
        description: How many processes must be online; without it, as many as PM2 lists.
        type: int
      port:
        description:
          - The port that the app (in cluster mode PM2's daemon) must own.
          - Seeing the owner needs the rights of the app's user or of root.
        type: int
  program:
    description:
      - The C(pm2) program, for its version and as a second way to read a daemon of an unknown dialect.
      - Without it the search path and the usual global folders are looked at.
    type: path
  timeout_seconds:
    description: How long the daemon may take to answer.
    type: float
    default: 5.0
"""

EXAMPLES = r"""
- name: Judge whatever runs under PM2 of the user vendhub
  vendhub.ops.pm2_check:
    owner: vendhub

- name: Fail unless the API runs in two processes and owns its port
  vendhub.ops.pm2_check:
    owner: vendhub
    apps:
      - name: vendhub-api
        instances: 2
        port: 3000
    fail_on: critical
"""

RETURN = r"""
msg:
  description: The verdict in one sentence, or why there is none.
  returned: always
  type: str
  sample: "PM2 of /home/vendhub/.pm2: 8 findings, all ok"
check:
  description: What kind of thing was looked at.
  returned: when the options are valid
  type: str
  sample: pm2
target:
  description: What was looked at, never with a credential.
  returned: when the options are valid
  type: str
  sample: PM2 of /home/vendhub/.pm2
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
  sample: {"pm2_online{app=\"vendhub-api\"}": 2}
"""

from ansible_collections.vendhub.ops.plugins.module_utils._core.module import run_check
from ansible_collections.vendhub.ops.plugins.module_utils._pm2.options import OPTIONS
from ansible_collections.vendhub.ops.plugins.module_utils._pm2.subject import subject


def main() -> None:
    run_check(OPTIONS, subject)


if __name__ == "__main__":
    main()
