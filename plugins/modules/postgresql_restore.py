# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A database brought back from its dump."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgresql_restore
short_description: Restore a dump beside the live database, and swap the two
version_added: 1.0.0
description:
  - The live database is never dropped, emptied or restored into. With O(state=beside) the dump is restored into a new
    database, compared with its manifest as M(vendhub.ops.postgresql_restore_drill) does, given owner, settings and
    rights of the live one, which no dump holds, and analyzed. Whatever goes wrong, the new database is dropped, and
    nobody notices.
  - With O(state=swapped) both change their names in one transaction, well below a second. Who is connected loses the
    connection once, and who connects meanwhile waits. What was live stays under another name, and a second swap brings
    it back.
  - A swap is refused without O(replace), and without a fresh verified backup of what is replaced.
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
    description: The role to log in as; best a superuser.
    type: str
    default: vendhub
  database:
    description: The live database.
    type: str
    default: vendhub_prod
  timeout_seconds:
    description: How long the login and one short answer may take.
    type: float
    default: 5
  state:
    description:
      - V(beside) restores into a new database. What a restore that was killed left is dropped before.
      - V(swapped) lets O(beside) take the place of O(database).
      - V(absent) drops O(beside), when this module made or replaced it.
    type: str
    choices: [beside, swapped, absent]
    default: beside
  beside:
    description:
      - The name of the database beside. Without it V(beside) chooses C(<database>_restored_<UTC time>).
      - To swap back, the name under which the replaced one stayed, RV(previous).
    type: str
  owner:
    description: Who shall own the new database; without it, who owns the live one.
    type: str
  replace:
    description: The name of the live database once more, as a word from you that it is to be replaced.
    type: str
  fresh_seconds:
    description: How old the newest verified backup of the live database in O(directory) may be when it is replaced.
    type: float
    default: 3600
  without_backup:
    description: >-
      Replace it without a fresh backup, for instance because it cannot be read any more. It stays all the same.
    type: bool
    default: false
  swap_seconds:
    description: How long the swap may take, before it is given up and nothing is changed.
    type: float
    default: 15
attributes:
  check_mode:
    description: Says what would be restored, swapped or dropped.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
  idempotent:
    description: Each run restores or swaps; V(absent) is idempotent.
    support: partial
"""

EXAMPLES = r"""
- name: Restore the newest verified backup beside the live database
  become: true
  become_user: postgres
  vendhub.ops.postgresql_restore:
    host: /var/run/postgresql
    user: postgres
  register: restored

- name: Keep what is there now
  become: true
  become_user: postgres
  vendhub.ops.postgresql_backup:
    host: /var/run/postgresql
    user: postgres

- name: Swap
  become: true
  become_user: postgres
  vendhub.ops.postgresql_restore:
    host: /var/run/postgresql
    user: postgres
    state: swapped
    beside: "{{ restored.beside }}"
    replace: vendhub_prod

- name: Drop what was replaced, when nobody misses it
  become: true
  become_user: postgres
  vendhub.ops.postgresql_restore:
    host: /var/run/postgresql
    user: postgres
    state: absent
    beside: vendhub_prod_before_20260102030405
"""

RETURN = r"""
msg:
  description: What was done, or why not, in one sentence.
  returned: always
  type: str
  sample: "127.0.0.1:5432: vendhub_prod is now what was vendhub_prod_restored_20260102030405; the step took 38 ms; what
    was there stays as vendhub_prod_before_20260102030419, and a swap with beside=vendhub_prod_before_20260102030419
    brings it back"
target:
  description: The server, never with a credential.
  returned: success
  type: str
  sample: 127.0.0.1:5432
beside:
  description: The database beside.
  returned: success
  type: str
  sample: vendhub_prod_restored_20260102030405
previous:
  description: What the replaced database is called now; in check mode what it would be called now.
  returned: success, with O(state=swapped)
  type: str
  sample: vendhub_prod_before_20260102030419
path:
  description: The dump.
  returned: success, with O(state=beside)
  type: str
  sample: /opt/backups/vendhub_prod_20260102T030405Z.dump
rows:
  description: How many rows all tables have together.
  returned: success, with O(state=beside), not in check mode
  type: int
  sample: 120034
tables:
  description: How many tables there are.
  returned: success, with O(state=beside), not in check mode
  type: int
  sample: 34
compared_with:
  description: What the rows were compared with.
  returned: success, with O(state=beside), not in check mode
  type: str
  sample: its manifest
migration_head:
  description: The newest migration in the restored database.
  returned: success, with O(state=beside), not in check mode
  type: str
  sample: AddMachines1700000000000
ended:
  description: How many sessions were connected to the replaced database.
  returned: success, with O(state=swapped)
  type: int
  sample: 12
seconds:
  description: How long the restore or the swap took.
  returned: success, not in check mode, not with O(state=absent)
  type: float
  sample: 9.3
leftovers:
  description: Databases of restores that were killed, which were dropped; in check mode would be.
  returned: success, with O(state=beside)
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import BadOption, OpsError
from ansible_collections.vendhub.ops.plugins.module_utils._dump.options import SWAP, target
from ansible_collections.vendhub.ops.plugins.module_utils._dump.swap import restore


def main() -> None:
    """Restore beside, swap or drop, or say what."""
    module = AnsibleModule(argument_spec=SWAP, supports_check_mode=True)
    try:
        result = restore(module.params, act=not module.check_mode)
    except BadOption as exc:
        module.fail_json(msg=str(exc))
    except OpsError as exc:
        module.fail_json(msg=f"{target(module.params)}: {exc}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
