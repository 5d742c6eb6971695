# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""End the sessions that hold PostgreSQL's connections for nothing, and no others."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgresql_session
short_description: End sessions of PostgreSQL until enough connections are free
version_added: 1.0.0
description:
  - Ends sessions by database, role, application, state and age, oldest first, and only as many as are needed until the
    connections that were asked for are free. Check mode says which.
  - Never ended are our own session, those of superusers and of replication, and those of O(protected_users) and
    O(protected_applications).
  - A session is ended only if it still is in the state of the plan, since the same moment; whoever has sent a statement
    meanwhile is left alone. The result is proven by looking until they are gone.
  - The headroom is wanted on the server, and in each database and role of O(databases) and O(users) that has a limit of
    its own.
  - On a full server a superuser, or since PostgreSQL 16 a member of C(pg_use_reserved_connections), still gets in.
author:
  - VendHub DevOps Team (@vendhub)
extends_documentation_fragment:
  - vendhub.ops.postgresql
requirements:
  - psycopg2 (Python library) >= 2.8
  - PostgreSQL 13 or newer
  - a role with C(pg_monitor) and C(pg_signal_backend), or a superuser
options:
  system_user:
    description:
      - The user of the system to log in as, such as V(postgres) through the server's socket, where it counts who one is
        on the host (C(peer)). Only root can be another one.
    type: str
  state:
    description:
      - V(ended) ends the sessions. V(cancelled) cancels the statements that they run, and the sessions stay; then
        O(session_states) is V(active), and the headroom plays no part.
    type: str
    choices: [ended, cancelled]
    default: ended
  databases:
    description: Databases; none means any. V(*) in a name is anything.
    type: list
    elements: str
    default: []
  users:
    description: Roles; none means any. V(*) in a name is anything.
    type: list
    elements: str
    default: []
  applications:
    description: Applications, as they call themselves (C(application_name)); none means any. V(*) is anything.
    type: list
    elements: str
    default: []
  session_states:
    description: In which state. Whoever is V(active) has a statement running, which is lost.
    type: list
    elements: str
    choices: [idle, idle in transaction, idle in transaction (aborted), active, fastpath function call, disabled]
    default: [idle, idle in transaction, idle in transaction (aborted)]
  pids:
    description: Only these processes; everything else must hold too.
    type: list
    elements: int
    default: []
  min_age_seconds:
    description: How long a session must have been in its state.
    type: float
    default: 600
  headroom:
    description: How many connections shall be free for ordinary roles.
    type: int
  headroom_percent:
    description:
      - Which share of the usable connections shall be free, instead of O(headroom). V(100) ends all that are meant.
      - V(25) without any of the two; V(100) when O(pids) are given.
    type: float
  protected_users:
    description: Roles whose sessions are never ended. V(*) in a name is anything.
    type: list
    elements: str
    default: []
  protected_applications:
    description: Applications whose sessions are never ended. V(*) in a name is anything.
    type: list
    elements: str
    default: ['pg_dump*', 'pg_restore*', 'pg_basebackup*', 'vendhub-ops*']
  journal:
    description: A file on the managed host to which a line is added with the sessions that were ended.
    type: path
  end_seconds:
    description: How long to wait until all of them are gone.
    type: float
    default: 10
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
    description: Says which sessions would end, and ends none.
    support: full
  diff_mode:
    description: Shows the sessions before and after.
    support: full
  idempotent:
    description: When the connections are free nothing is ended.
    support: full
"""

EXAMPLES = r"""
- name: See which sessions would be ended so that 20 connections are free
  vendhub.ops.postgresql_session:
    host: /var/run/postgresql
    user: postgres
    system_user: postgres
    databases: [vendhub_prod]
    headroom: 20
  check_mode: true

- name: End what a worker has left in a transaction for five minutes, all of it
  vendhub.ops.postgresql_session:
    host: /var/run/postgresql
    user: postgres
    system_user: postgres
    applications: [sales-import-worker]
    session_states: [idle in transaction, idle in transaction (aborted)]
    min_age_seconds: 300
    headroom_percent: 100

- name: Cancel the statement that blocks the others
  vendhub.ops.postgresql_session:
    state: cancelled
    user: vendhub_operator
    password: "{{ vault_operator_password }}"
    pids: [4711]
    min_age_seconds: 30
"""

RETURN = r"""
msg:
  description: What was ended or would be, and how many connections are free, in one sentence.
  returned: always
  type: str
  sample: "vendhub_prod at db1:5432: 12 sessions ended; 14 of 27 connections are free, before 2; 14 were asked for"
target:
  description: The server, never with a credential.
  returned: when it could be looked at
  type: str
  sample: vendhub_prod at db1:5432
plan:
  description: The sessions to end, the first one first. No literal of a statement is shown.
  returned: when it could be looked at
  type: list
  elements: dict
  sample:
    - {pid: 4711, user: vendhub, database: vendhub_prod, application: vendhub-api, client: 10.0.0.7, state: idle,
       age_seconds: 1800.2, session_seconds: 7200.1, transaction_seconds: null, blocks: 0, query: "SELECT ?"}
ended:
  description: The processes that ended, in check mode those that would.
  returned: when it could be looked at
  type: list
  elements: int
  sample: [4711]
changed_meanwhile:
  description: The processes of the plan that were left alone, for they were gone or went on working.
  returned: when it could be looked at
  type: list
  elements: int
  sample: []
remaining:
  description: The processes that did not end within O(end_seconds); the task fails.
  returned: when it could be looked at
  type: list
  elements: int
  sample: []
spared:
  description: How many of those that were meant were not ended, by reason.
  returned: when it could be looked at
  type: dict
  sample: {"younger": 4, "protected": 1}
headroom:
  description: How many connections were asked for; nothing when all that are meant end.
  returned: when it could be looked at
  type: int
  sample: 14
short:
  description: How many of them are missing still.
  returned: when it could be looked at
  type: int
  sample: 0
arrived:
  description: How many sessions came while others were ended; a pool that fills up again shows here.
  returned: when it could be looked at
  type: int
  sample: 0
before:
  description: Used and free connections before, of the server first.
  returned: when it could be looked at
  type: list
  elements: dict
  sample: [{of: server, used: 25, usable: 27, free: 2}]
after:
  description: The same afterwards, in check mode as it would be.
  returned: when it could be looked at
  type: list
  elements: dict
  sample: [{of: server, used: 13, usable: 27, free: 14}]
groups:
  description: Who holds the connections, most first, before anything was ended.
  returned: when it could be looked at
  type: list
  elements: dict
  sample:
    - {application: vendhub-api, user: vendhub, database: vendhub_prod, state: idle, connections: 20,
       oldest_seconds: 1800.2}
report:
  description: Who holds the connections, and the plan, as lines of text.
  returned: when it could be looked at
  type: list
  elements: str
  sample:
    - 20 connections of vendhub-api (vendhub@vendhub_prod), idle, the oldest for 30 min
    - "1. vendhub-api (pid 4711, vendhub@vendhub_prod): idle for 30 min"
reserved_used:
  description: Whether ordinary roles could not log in any more.
  returned: when it could be looked at
  type: bool
  sample: false
seconds:
  description: How long ending took.
  returned: when sessions were ended
  type: float
  sample: 0.041
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import BadOption, OpsError
from ansible_collections.vendhub.ops.plugins.module_utils._core.limits import counted
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.connection import address
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.sessions_end import Remain, end_sessions
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.sessions_options import OPTIONS


def main() -> None:
    """End what is planned."""
    module = AnsibleModule(argument_spec=OPTIONS, mutually_exclusive=[("headroom", "headroom_percent")],
                           supports_check_mode=True)
    try:
        result = end_sessions(module.params, act=not module.check_mode)
    except Remain as exc:
        module.fail_json(**exc.result)
    except BadOption as exc:
        module.fail_json(msg=str(exc))
    except OpsError as exc:
        module.fail_json(msg=f"{address(module.params)}: {exc}")
    if "hidden" in result["spared"]:
        hidden = counted(result["spared"]["hidden"], "session is", "sessions are")
        module.warn(f"{result['target']}: {hidden} hidden from {module.params['user']!r} and spared; "
                    f"GRANT pg_monitor TO <role>")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
