# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What PostgreSQL does: connections, running and blocking statements, and what costs most."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgresql_activity_info
short_description: Tell what PostgreSQL does, who blocks whom, and which statements cost most
version_added: 1.0.0
description:
  - Tells connections by state, application and role, the statements that run, who waits for whom as a tree, and the
    statements that cost most within a window that is measured, not since statistics were reset last.
  - Without the extension C(pg_stat_statements) it looks ten times a second at what runs, and estimates. The result says
    so, and what would make it exact.
  - Statements are shown without a single literal and without comments. What runs for the whole window and does not end
    in it stands in RV(running), not in the counters.
  - The session is read-only and changes nothing, in check mode or not.
author:
  - VendHub DevOps Team (@vendhub)
extends_documentation_fragment:
  - vendhub.ops.postgresql
requirements:
  - psycopg2 (Python library) >= 2.8
  - PostgreSQL 13 or newer
  - a role with C(pg_monitor)
options:
  system_user:
    description:
      - The user of the system to log in as, such as V(postgres) through the server's socket, where it counts who one is
        on the host (C(peer)). Only root can be another one.
    type: str
  statements:
    description:
      - Where the costs of statements come from. V(auto) takes the counters of C(pg_stat_statements) when they can be
        read, otherwise samples; V(sampled) always samples; V(off) looks at none.
    type: str
    choices: [auto, sampled, 'off']
    default: auto
  window_seconds:
    description: How long statements are measured. V(0) does not measure.
    type: float
    default: 10
  sample_interval_seconds:
    description: How long to wait between two samples.
    type: float
    default: 0.1
  limit:
    description: How many statements are listed.
    type: int
    default: 10
  statement_length:
    description: How many characters of a statement are shown.
    type: int
    default: 300
  login_wait_seconds:
    description: How long to try to log in to a server that is full.
    type: float
    default: 10
  timeout_seconds:
    description: How long one answer may take.
    type: float
    default: 5
attributes:
  check_mode:
    description: Can run in check mode and looks there as well.
    support: full
  diff_mode:
    description: There is nothing to show, it changes nothing.
    support: none
  idempotent:
    description: It changes nothing on the host.
    support: full
"""

EXAMPLES = r"""
- name: See what the database does, over half a minute
  vendhub.ops.postgresql_activity_info:
    user: vendhub_monitor
    password: "{{ vault_monitor_password }}"
    database: vendhub_prod
    window_seconds: 30
  register: activity

- name: Say it
  ansible.builtin.debug:
    msg: "{{ activity.report }}"
"""

RETURN = r"""
msg:
  description: The look in one sentence.
  returned: always
  type: str
  sample: "vendhub_prod at db1:5432: 2 of 27 connections are free; 3 statements run, the longest for 2 min"
target:
  description: The server, never with a credential.
  returned: success
  type: str
  sample: vendhub_prod at db1:5432
server:
  description: The server and its connections; those that are usable are for ordinary roles.
  returned: success
  type: dict
  sample: {version: '16.4', standby: false, uptime_seconds: 86400.0, max_connections: 30, used: 25, usable: 27, free: 2}
states:
  description: Connections by state.
  returned: success
  type: dict
  sample: {active: 3, idle: 20, idle in transaction: 2}
groups:
  description: Who holds the connections, most first.
  returned: success
  type: list
  elements: dict
  sample:
    - {application: vendhub-api, user: vendhub, database: vendhub_prod, state: idle, connections: 20,
       oldest_seconds: 1800.2}
running:
  description: The statements that run, the longest first, at most O(limit).
  returned: success
  type: list
  elements: dict
  sample:
    - {pid: 4711, application: vendhub-api, user: vendhub, database: vendhub_prod, client: 10.0.0.7, state: active,
       seconds: 120.4, waits_for: 'Lock: transactionid', statement: "UPDATE machines SET name = ? WHERE id = ?"}
running_count:
  description: How many run.
  returned: success
  type: int
  sample: 3
blocking:
  description:
    - Who blocks others, most first. C(waiting) holds the same for those that wait for it, and so on.
    - A C(circle) waits for itself over others; the server ends it after C(deadlock_timeout).
  returned: success
  type: list
  elements: dict
  sample:
    - {pid: 4710, application: vendhub-api, user: vendhub, database: vendhub_prod, client: 10.0.0.7,
       state: idle in transaction, state_seconds: 300.1, transaction_seconds: 301.2, circle: false, waiting_count: 1,
       statement: "UPDATE machines SET name = ? WHERE id = ?",
       waiting: [{pid: 4711, waits_seconds: 120.4, lock: ShareLock on transactionid, waits_for_pids: [4710]}]}
prepared:
  description: Prepared transactions, which hold their locks without any session.
  returned: success
  type: list
  elements: dict
  sample: [{name: order-7, owner: vendhub, database: vendhub_prod, seconds: 86400.0}]
hidden:
  description: How many sessions do not show what they do to this role.
  returned: success
  type: int
  sample: 0
statements:
  description: What statements of O(database) cost within the window.
  returned: success
  type: dict
  contains:
    source:
      description: V(pg_stat_statements), V(sampled) or V(off).
      type: str
      returned: always
      sample: pg_stat_statements
    window_seconds:
      description: How long was measured.
      type: float
      returned: always
      sample: 10.002
    by_total:
      description: What takes the server's time. In samples C(calls) is the least there were, and C(rows) is unknown.
      type: list
      elements: dict
      returned: always
      sample:
        - {statement: "SELECT * FROM tasks WHERE machine_id = $1", user: vendhub, calls: 400, total_seconds: 6.3,
           mean_seconds: 0.01575, rows: 800, share_percent: 63.0}
    by_mean:
      description: What one call takes.
      type: list
      elements: dict
      returned: always
      sample: []
    why:
      description: What could not be seen, and why.
      type: str
      returned: always
      sample: the extension pg_stat_statements does not exist in vendhub_prod
    enable:
      description: How it can be.
      type: str
      returned: always
      sample: "shared_preload_libraries = 'pg_stat_statements', restart, then CREATE EXTENSION pg_stat_statements"
report:
  description: All of it as lines of text.
  returned: success
  type: list
  elements: str
  sample: ["PostgreSQL 16.4: 2 of 27 connections are free"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import BadOption, OpsError
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.activity import gather
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.activity_options import OPTIONS
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.connection import address


def main() -> None:
    """Look."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    try:
        result = gather(module.params)
    except BadOption as exc:
        module.fail_json(msg=str(exc))
    except OpsError as exc:
        module.fail_json(msg=f"{address(module.params)}: {exc}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
