# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask PostgreSQL how it is, and judge it, without leaving a trace."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgresql_check
short_description: Judge the health of a PostgreSQL server
description:
  - Judges connections and their headroom, idle and long transactions, blocked sessions, the distance to transaction id
    wraparound, replication slots and replicas, invalid indexes, and slow statements.
  - All of it is about the whole server, except invalid indexes and statements, which are about O(database).
  - The session is read-only, has timeouts, and counts itself nowhere. A role with C(pg_monitor) sees everything.
  - What is hidden from the role for lack of rights is said by the finding C(postgresql_not_seen) in state V(warning).
    What does not exist here (no extension C(pg_stat_statements)) is listed in the details of C(postgresql_reachable).
  - Texts of statements are shortened and hold no literal.
version_added: 1.0.0
author:
  - VendHub DevOps Team (@vendhub)
extends_documentation_fragment:
  - vendhub.ops.check
  - vendhub.ops.postgresql
requirements:
  - psycopg2 (Python library) >= 2.8
  - PostgreSQL 13 or newer
options:
  statements:
    description:
      - Whether slow statements are looked for with the extension C(pg_stat_statements) in O(database).
      - V(auto) looks when the extension works; V(required) makes it state V(unknown) when it does not; V(off) never
        looks.
    type: str
    choices: [auto, required, 'off']
    default: auto
  statement_min_calls:
    description: A statement called less often than this since the statistics were reset is not judged.
    type: int
    default: 20
  lock_wait_seconds:
    description: A session that has waited for a lock for no longer than this is not counted as blocked.
    type: float
    default: 1
"""

EXAMPLES = r"""
- name: Judge the database of this host
  vendhub.ops.postgresql_check:
    user: vendhub_monitor
    password: "{{ vault_monitor_password }}"
    database: vendhub_prod

- name: Fail when the connections run out or statements cannot be looked at
  vendhub.ops.postgresql_check:
    host: db1.example.com
    sslmode: verify-full
    statements: required
    thresholds:
      postgresql_connections_percent:
        warning: 60
        critical: 90
    fail_on: warning
"""

RETURN = r"""
msg:
  description: The verdict in one sentence, or why there is none.
  returned: always
  type: str
  sample: "vendhub_prod at db1:5432: warning: 62 of 97 usable connections in use (warning above 50 %)"
check:
  description: What kind of thing was looked at.
  returned: when the options are valid
  type: str
  sample: postgresql
target:
  description: What was looked at, never with a credential.
  returned: when the options are valid
  type: str
  sample: "vendhub_prod at db1:5432"
state:
  description: The worst state of all findings; V(ok), V(warning), V(unknown), V(critical) in order of severity.
  returned: when the check could look
  type: str
  sample: warning
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
      sample: postgresql_connections_percent
    state:
      description: The state of this finding.
      type: str
      returned: always
      sample: warning
    message:
      description: What was seen, in one sentence.
      type: str
      returned: always
      sample: 62 of 97 usable connections in use (warning above 50 %)
    value:
      description: The measured value.
      type: raw
      returned: when something was measured
      sample: 63.9175
    unit:
      description: The unit of the value and its limits.
      type: str
      returned: when the value has a unit
      sample: percent
    warning:
      description: The limit past which the state is V(warning).
      type: float
      returned: when there is one
      sample: 50
    critical:
      description: The limit past which the state is V(critical).
      type: float
      returned: when there is one
      sample: 80
    object:
      description: Which of several things of a kind the finding is about.
      type: str
      returned: when there are several
    remedy:
      description: The playbook that repairs it.
      type: str
      returned: when the state is not V(ok) and there is such a playbook
      sample: vendhub.ops.release_connections
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
  sample: {"postgresql_connections_used": 62, "postgresql_connections_usable": 97}
"""

from ansible_collections.vendhub.ops.plugins.module_utils._core.module import run_check
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.options import OPTIONS
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.subject import subject


def main() -> None:
    """Run the check."""
    run_check(OPTIONS, subject)


if __name__ == "__main__":
    main()
