# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What maintenance a database needs, and which indexes a person should think about."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgresql_maintenance_info
short_description: Tell sizes, bloat, what needs VACUUM or REINDEX, and which indexes may be superfluous
version_added: 1.0.0
description:
  - Tells the sizes of tables and indexes, how much of them holds nothing, what needs C(VACUUM), C(ANALYZE) or
    C(REINDEX), what works on tables at this moment and how far it is, and how many transaction ids are used up.
  - Names indexes that were not used, that another one makes superfluous, or that are invalid, with what speaks against
    dropping them. That is advice; nothing here or in M(vendhub.ops.postgresql_maintenance) follows it.
  - The session is read-only and changes nothing, in check mode or not.
author:
  - VendHub DevOps Team (@vendhub)
extends_documentation_fragment:
  - vendhub.ops.postgresql
requirements:
  - psycopg2 (Python library) >= 2.8
  - PostgreSQL 13 or newer
  - a role with C(pg_monitor); of columns that it may not read no bloat is estimated
options:
  system_user:
    description:
      - The user of the system to log in as, such as V(postgres) through the server's socket, where it counts who one is
        on the host (C(peer)). Only root can be another one.
    type: str
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
  unused_days:
    description: For how long an index must not have been used to be called unused; use must have been counted so long.
    type: float
    default: 30
  limit:
    description: How many tables, and how many bloated indexes, are listed.
    type: int
    default: 10
  state_directory:
    description: Where the journal of M(vendhub.ops.postgresql_maintenance) is on the managed host.
    type: path
    default: /var/lib/vendhub-ops
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
- name: See what maintenance the database needs
  vendhub.ops.postgresql_maintenance_info:
    user: vendhub_monitor
    password: "{{ vault_monitor_password }}"
    database: vendhub_prod
  register: maintenance

- name: Say it
  ansible.builtin.debug:
    msg: "{{ maintenance.report + maintenance.plan_report }}"
"""

RETURN = r"""
msg:
  description: The look in one sentence.
  returned: always
  type: str
  sample: "vendhub_prod at db1:5432: 1.2 GiB; 2 tables need VACUUM, 1 index is bloated; indexes to look at: 3 unused"
target:
  description: The server, never with a credential.
  returned: success
  type: str
  sample: vendhub_prod at db1:5432
version:
  description: The server's version.
  returned: success
  type: str
  sample: '16.4'
standby:
  description: Whether it follows another server.
  returned: success
  type: bool
  sample: false
bytes:
  description: The size of the database.
  returned: success
  type: int
  sample: 1288490188
tables:
  description: The largest tables, indexes included.
  returned: success
  type: list
  elements: dict
  sample:
    - {table: 'public."MachineTasks"', bytes: 943718400, table_bytes: 629145600, index_bytes: 314572800, rows: 3000000,
       dead_rows: 12, wasted_bytes: 1048576, vacuumed_seconds: 3600, analyzed_seconds: 3600, xid_age: 120, mxid_age: 0}
bloat:
  description: The indexes of which most holds nothing, and whether that was measured or estimated.
  returned: success
  type: list
  elements: dict
  sample:
    - {index: 'public."IX_tasks"', table: 'public."MachineTasks"', bytes: 94371840, wasted_bytes: 62914560,
       wasted_percent: 66.7, method: estimated}
bloat_by:
  description: How bloat was found.
  returned: success
  type: str
  sample: the catalog's statistics
plan:
  description: What M(vendhub.ops.postgresql_maintenance) would do.
  returned: success
  type: list
  elements: dict
  sample:
    - {what: vacuum, object: 'public."MachineTasks"', why: "400000 dead rows of 3400000", bytes: 629145600,
       statement: 'VACUUM (ANALYZE, TRUNCATE false, PARALLEL 0) public."MachineTasks"', skipped: ""}
plan_report:
  description: The same as lines of text.
  returned: success
  type: list
  elements: str
  sample: ['1. VACUUM public."MachineTasks" (600 MiB): 400000 dead rows of 3400000']
leftovers:
  description: What a broken reindexing of ours has left; the next one removes it.
  returned: success
  type: list
  elements: str
  sample: []
advice:
  description: Indexes that are C(unused), C(duplicate) or C(invalid), and a statement for who has read C(notes).
  returned: success
  type: list
  elements: dict
  sample:
    - {kind: duplicate, index: public.tasks_status2, table: 'public."MachineTasks"', bytes: 31457280, scans: 12,
       why: the same as public.tasks_status, statement: DROP INDEX CONCURRENTLY public.tasks_status2, notes: [],
       text: 'public.tasks_status2 of public."MachineTasks" (30 MiB): the same as public.tasks_status'}
statistics_seconds:
  description: Since when the use of indexes is counted, at least.
  returned: success
  type: float
  sample: 5184000.0
replicas:
  description: How many replicas there are, whose use of indexes is not counted here.
  returned: success
  type: int
  sample: 0
wraparound:
  description: How much of the transaction and multixact ids is used up in each database, until the server stops writes.
  returned: success
  type: list
  elements: dict
  sample:
    - {database: vendhub_prod, xid_age: 120000, mxid_age: 0, xid_stop_age: 2144483647, mxid_stop_age: 2144483647,
       percent: 0.01}
holding:
  description: Who keeps dead rows from going, the one with the oldest view first.
  returned: success
  type: list
  elements: dict
  sample: [{what: session vendhub-api, pid: 4711, age: 12, seconds: 3.4}]
progress:
  description: What works on tables at this moment, and how far it is.
  returned: success
  type: list
  elements: dict
  sample: [{what: vacuum, pid: 4712, object: '"MachineTasks"', phase: scanning heap, percent: 41.5}]
notes:
  description: What could not be seen or said, and why.
  returned: success
  type: list
  elements: str
  sample: []
report:
  description: All of it as lines of text.
  returned: success
  type: list
  elements: str
  sample: ['public."MachineTasks": 900 MiB, 300 MiB of it indexes, about 3000000 rows, 12 dead']
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import BadOption, OpsError
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.connection import address
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.maintenance_info import gather
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.maintenance_options import INFO_OPTIONS


def main() -> None:
    """Tell it."""
    module = AnsibleModule(argument_spec=INFO_OPTIONS, supports_check_mode=True)
    try:
        result = gather(module.params)
    except BadOption as exc:
        module.fail_json(msg=str(exc))
    except OpsError as exc:
        module.fail_json(msg=f"{address(module.params)}: {exc}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
