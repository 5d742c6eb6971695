# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VACUUM and REINDEX of what needs it, without keeping anybody waiting."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgresql_maintenance
short_description: Vacuum and reindex what needs it, and keep no writer waiting
version_added: 1.0.0
description:
  - Vacuums and analyzes the tables that need it, and builds bloated indexes anew, one after the other, within a time
    budget. Check mode says which, and why.
  - C(REINDEX INDEX CONCURRENTLY) and C(VACUUM (TRUNCATE false)) let everybody read and write. A second session watches
    whether anybody waits for ours all the same, such as a migration, behind which writers would queue. After
    O(yield_seconds) our statement is cancelled, and the object is tried again later.
  - What a broken reindexing leaves (C(_ccnew), C(_ccold)) is removed, at once or by the next run, when it is ours. A
    journal in O(state_directory) says what was begun, and which index our own session was seen to make; a name proves
    nothing.
  - Bloat of B-trees is measured where the extension C(pgstattuple) is there, otherwise estimated from the statistics.
    The result says which.
author:
  - VendHub DevOps Team (@vendhub)
extends_documentation_fragment:
  - vendhub.ops.postgresql
requirements:
  - psycopg2 (Python library) >= 2.8
  - PostgreSQL 13 or newer
  - the owner of the tables or a superuser
options:
  system_user:
    description:
      - The user of the system to log in as, such as V(postgres) through the server's socket, where it counts who one is
        on the host (C(peer)). Only root can be another one.
    type: str
  work:
    description:
      - V(vacuum) vacuums and analyzes. V(reindex) first removes what a broken reindexing of ours has left, then builds
        indexes anew; it needs statistics that are fresh, so vacuum before.
    type: str
    choices: [vacuum, reindex]
    required: true
  schemas:
    description: Only these schemas; none means all. V(*) in a name is anything.
    type: list
    elements: str
    default: []
  exclude:
    description: Tables and indexes that are left alone, as C(schema.name); V(*) in a name is anything.
    type: list
    elements: str
    default: []
  reindex_always:
    description: Indexes, as C(schema.name), that are built anew however little bloated. V(*) in a name is anything.
    type: list
    elements: str
    default: []
  dead_percent:
    description:
      - Which share of a table's rows must be dead for it to be vacuumed. Twice this share of new rows since the last
        C(VACUUM) counts as well, for those are read slower until then.
    type: float
    default: 10
  dead_rows:
    description: And how many of them there must be at least; the same for changed rows and C(ANALYZE).
    type: int
    default: 1000
  analyze_percent:
    description: Which share of a table's rows must have changed for it to be analyzed.
    type: float
    default: 10
  freeze_percent:
    description: From which share of C(autovacuum_freeze_max_age) on a table's old rows are frozen.
    type: float
    default: 50
  bloat_percent:
    description: Which share of an index must hold nothing for it to be built anew.
    type: float
    default: 40
  bloat_bytes:
    description: And how many bytes that must be at least.
    type: int
    default: 16777216
  measure_seconds:
    description: How long to measure bloat by C(pgstattuple), which reads each index; V(0) only estimates.
    type: float
    default: 60
  time_budget_seconds:
    description:
      - How long all of it may take. What works then is cancelled, which loses no data; the next run goes on.
      - An index that would take longer than is left, by how long the ones before took, is not begun.
    type: float
    default: 1800
  lock_timeout_seconds:
    description:
      - How long our statements wait for a lock, or for a transaction that is older than they are. Nobody waits behind
        them meanwhile.
    type: float
    default: 5
  yield_seconds:
    description: How long a session of a client may wait for ours until ours gives way.
    type: float
    default: 0.3
  long_transaction_seconds:
    description: No reindexing is begun while a transaction has been open for longer, for it would wait for that.
    type: float
    default: 10
  patience_seconds:
    description: How long to wait until it has ended.
    type: float
    default: 30
  retries:
    description: How often an object is tried again, after all others, when somebody was in the way.
    type: int
    default: 2
  retry_pause_seconds:
    description: After how long at least.
    type: float
    default: 5
  cost_delay_ms:
    description: C(vacuum_cost_delay) for our C(VACUUM), so that the disk stays free for others; V(0) is full speed.
    type: float
    default: 2
  cost_limit:
    description: C(vacuum_cost_limit) for it.
    type: int
    default: 2000
  parallel_workers:
    description: How many further processes a statement may use.
    type: int
    default: 0
  state_directory:
    description: Where the journal and the history are on the managed host.
    type: path
    default: /var/lib/vendhub-ops
  login_wait_seconds:
    description: How long to try to log in to a server that is full.
    type: float
    default: 10
  timeout_seconds:
    description: How long one look at the server may take.
    type: float
    default: 5
attributes:
  check_mode:
    description: Shows the same plan, and does nothing.
    support: full
  diff_mode:
    description: Shows the plan.
    support: full
  idempotent:
    description: What needs no maintenance gets none. O(reindex_always) does it again.
    support: partial
"""

EXAMPLES = r"""
- name: Vacuum what needs it, for ten minutes at most
  vendhub.ops.postgresql_maintenance:
    host: /var/run/postgresql
    user: postgres
    system_user: postgres
    database: vendhub_prod
    work: vacuum
    time_budget_seconds: 600

- name: See which indexes would be built anew
  vendhub.ops.postgresql_maintenance:
    host: /var/run/postgresql
    user: postgres
    system_user: postgres
    work: reindex
  check_mode: true
"""

RETURN = r"""
msg:
  description: What was done or would be, in one sentence.
  returned: always
  type: str
  sample: "vendhub_prod at db1:5432: 2 indexes built anew in 34 s, 120 MiB given back"
target:
  description: The server, never with a credential.
  returned: when it could be looked at
  type: str
  sample: vendhub_prod at db1:5432
plan:
  description: What needs maintenance, in order, and in C(skipped) why something is left alone.
  returned: when it could be looked at
  type: list
  elements: dict
  sample:
    - {what: reindex, object: 'public."IX_tasks"', why: "60 MiB of 90 MiB hold nothing (66.7 %, measured)",
       bytes: 94371840, statement: 'REINDEX INDEX CONCURRENTLY public."IX_tasks"', skipped: ""}
plan_report:
  description: The plan as lines of text.
  returned: when it could be looked at
  type: list
  elements: str
  sample: ['1. REINDEX CONCURRENTLY public."IX_tasks" (90 MiB): 60 MiB of 90 MiB hold nothing (66.7 %, measured)']
done:
  description: What became of each object. C(state) is C(done), C(skipped) or C(failed), C(note) says why.
  returned: when it could be looked at
  type: list
  elements: dict
  sample:
    - {what: reindex, object: 'public."IX_tasks"', why: "60 MiB of 90 MiB hold nothing (66.7 %, measured)", state: done,
       note: "", seconds: 12.3, bytes_before: 94371840, bytes_after: 31457280, attempts: 1}
complete:
  description: Whether everything of the plan was done.
  returned: when it could be looked at
  type: bool
  sample: true
bloat_by:
  description: How bloat was found.
  returned: when it could be looked at
  type: str
  sample: the catalog's statistics
notes:
  description: What else should be known.
  returned: when it could be looked at
  type: list
  elements: str
  sample: []
seconds:
  description: How long the work took.
  returned: when it could be looked at
  type: float
  sample: 34.2
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import BadOption, OpsError
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.connection import address
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.maintenance import Failed, maintain
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.maintenance_options import OPTIONS


def main() -> None:
    """Do what is planned."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    try:
        result = maintain(module.params, act=not module.check_mode)
    except Failed as exc:
        module.fail_json(**{**exc.result, "msg": str(exc)})
    except BadOption as exc:
        module.fail_json(msg=str(exc))
    except OpsError as exc:
        module.fail_json(msg=f"{address(module.params)}: {exc}")
    for note in result["notes"]:
        module.warn(note)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
