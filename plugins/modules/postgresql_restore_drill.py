# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A dump restored for trial."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgresql_restore_drill
short_description: Restore a dump for trial, compare it, note the time, and leave nothing behind
version_added: 1.0.0
description:
  - Restores a dump into a scratch database, counts every table, compares the rows and the newest migration with the
    manifest that M(vendhub.ops.postgresql_backup) wrote, tells how long each step took, and drops the scratch database.
  - A dump without a manifest is read first, and compared with the rows that are in it.
  - It reads dumps in custom format, in SQL, both packed by gzip or encrypted by age, whatever their names say. A dump
    of SQL that has commands of C(psql) in it is refused, for such a command may connect to another database.
  - The live database is not touched. But the restore costs the server work and room; name another server of the same
    version, or another O(tablespace), when that matters.
  - A scratch database is named C(vendhub_ops_drill_<time>_<process>). What a drill that was killed left is dropped by
    the next one.
author:
  - VendHub DevOps Team (@vendhub)
extends_documentation_fragment:
  - vendhub.ops.postgresql
  - vendhub.ops.dump
  - vendhub.ops.restore
requirements:
  - psycopg2 (Python library)
  - pg_restore, and psql for dumps of SQL
  - age, for encrypted dumps
options:
  user:
    description: The role to log in as. It must be allowed to make databases; a superuser can restore everything.
    type: str
    default: vendhub
  database:
    description: The live database; it is only named in messages.
    type: str
    default: vendhub_prod
  timeout_seconds:
    description: How long the login and one short answer may take.
    type: float
    default: 5
  journal:
    description:
      - A file that gets one line of JSON for each drill, with the dump, the seconds, and whether it went well.
    type: path
  prove:
    description:
      - Write the proof beside a dump that has none and was restored well, so that M(vendhub.ops.backup_check) counts
        it. For dumps that others make.
    type: bool
    default: false
attributes:
  check_mode:
    description: Logs in, chooses the dump, looks for room, and says what would be restored.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
  idempotent:
    description: Each run restores.
    support: none
"""

EXAMPLES = r"""
- name: Can the newest backup be restored, and how long does it take?
  become: true
  become_user: postgres
  vendhub.ops.postgresql_restore_drill:
    host: /var/run/postgresql
    user: postgres
    journal: /opt/backups/restore_drills.jsonl

- name: Try a dump of somebody else's script, and let it count when it is good
  become: true
  become_user: postgres
  vendhub.ops.postgresql_restore_drill:
    host: /var/run/postgresql
    user: postgres
    directory: /var/backups/vendhub
    patterns: ["vendhub_db_*.sql.gz"]
    prove: true
"""

RETURN = r"""
msg:
  description: What was restored and how long it took, or why the dump cannot be relied on, in one sentence.
  returned: always
  type: str
  sample: "/opt/backups/vendhub_prod_20260102T030405Z.dump can be restored: 34 tables, 120034 rows, compared with its
    manifest; it took 9.3 s, 6.1 s of it the restore"
target:
  description: The server, never with a credential.
  returned: success
  type: str
  sample: 127.0.0.1:5432
path:
  description: The dump.
  returned: success
  type: str
  sample: /opt/backups/vendhub_prod_20260102T030405Z.dump
rows:
  description: How many rows all tables have together.
  returned: success, not in check mode
  type: int
  sample: 120034
tables:
  description: How many tables there are.
  returned: success, not in check mode
  type: int
  sample: 34
compared_with:
  description: What the rows were compared with.
  returned: success, not in check mode
  type: str
  sample: its manifest
migration_head:
  description: The newest migration in the restored database.
  returned: success, not in check mode
  type: str
  sample: AddMachines1700000000000
seconds:
  description: How long all of it took.
  returned: success, not in check mode
  type: float
  sample: 9.3
read_seconds:
  description: How long the dump was read to know that it is whole.
  returned: success, not in check mode
  type: float
  sample: 1.2
restore_seconds:
  description: How long the restore took.
  returned: success, not in check mode
  type: float
  sample: 6.1
compare_seconds:
  description: How long the rows were counted.
  returned: success, not in check mode
  type: float
  sample: 1.4
proved:
  description: Whether a proof was written.
  returned: success
  type: bool
  sample: false
leftovers:
  description: Scratch databases of drills that were killed, which were dropped; in check mode would be.
  returned: success
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import BadOption, OpsError
from ansible_collections.vendhub.ops.plugins.module_utils._dump.drill import drill
from ansible_collections.vendhub.ops.plugins.module_utils._dump.options import DRILL, target


def main() -> None:
    """Restore for trial, or say what."""
    module = AnsibleModule(argument_spec=DRILL, supports_check_mode=True)
    try:
        result = drill(module.params, act=not module.check_mode)
    except BadOption as exc:
        module.fail_json(msg=str(exc))
    except OpsError as exc:
        module.fail_json(msg=f"{target(module.params)}: {exc}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
