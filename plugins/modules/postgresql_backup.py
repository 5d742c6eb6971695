# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A dump of a database that is proved to be one."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgresql_backup
short_description: Back a PostgreSQL database up into a dump that is proved to be good
version_added: 1.0.0
description:
  - Runs C(pg_dump) in custom format into a hidden file, syncs it, reads it back from the disk to its last byte with
    C(pg_restore), and compares the rows of every table with what the server had at the same moment. Then the file gets
    its name, and at last C(<dump>.verified.json) stands beside it, with check sum, rows by table, versions, newest
    migration and times. M(vendhub.ops.backup_check) counts only dumps that have it.
  - Whatever goes wrong, there is no new dump, the ones before it are untouched, and one sentence says why.
  - Old dumps go only after a new one was proved; see O(keep) and O(keep_days). Only files that this module named go.
  - The programs must be of the server's version or a newer one; those of the same version are taken when they are
    there.
  - A dump holds neither roles nor the settings of the database.
author:
  - VendHub DevOps Team (@vendhub)
extends_documentation_fragment:
  - vendhub.ops.postgresql
  - vendhub.ops.dump
requirements:
  - psycopg2 (Python library)
  - pg_dump and pg_restore
  - age, with O(recipients)
options:
  timeout_seconds:
    description: How long the login and one short answer may take.
    type: float
    default: 5
  directory:
    description:
      - The folder for the dumps. It must be there, so that a disk that is not mounted is noticed.
      - Dumps are named C(<database>_<UTC time>.dump), mode C(0640); as root they get the owner and group of the folder.
    type: path
    default: /opt/backups
  keep:
    description: At least so many of the newest verified dumps stay; V(0) removes none.
    type: int
    default: 7
  keep_days:
    description: A dump that is not older than this stays as well.
    type: float
    default: 7
  recipients:
    description:
      - Public keys of age (C(age1...)) or SSH. The dump is then encrypted on its way, and only those who have one of
        the secret keys can read it.
      - Without O(identity_file) it is read in full on its way, and its check sum is compared with what the disk gives
        back.
    type: list
    elements: str
    default: []
  copies:
    description:
      - Further folders that get the dump, best on another host (a mount of NFS, CIFS or SSHFS). A copy is compared by
        its check sum, and has the same retention.
      - When a copy fails the task fails, and says that the backup itself is good.
    type: list
    elements: path
    default: []
  compress_level:
    description: How much it is compressed, V(0) not at all.
    type: int
    default: 6
  count_rows:
    description: Whether the rows of the dump are compared with those of the server. That reads every table once more.
    type: bool
    default: true
  shrink_percent:
    description:
      - A dump that is by more than this smaller than the last verified one does not count; the task fails and the file
        stays, without a proof.
      - V(100) never objects.
    type: float
    default: 50
  accept_shrink:
    description: Let it count all the same.
    type: bool
    default: false
  reserve_bytes:
    description: >-
      How much room must be left beside the dump, whose size is expected to be that of the last one, else of the
      database.
    type: int
    default: 268435456
  lock_wait_seconds:
    description: How long C(pg_dump) may wait for a table that somebody has locked.
    type: float
    default: 60
attributes:
  check_mode:
    description: Logs in, finds the programs, looks for room, and says which dump would be made and which would go.
    support: full
  diff_mode:
    description: Shows the names in the folder before and after.
    support: full
  idempotent:
    description: Each run makes a dump.
    support: none
"""

EXAMPLES = r"""
- name: Back up through the server's socket, without a password
  become: true
  become_user: postgres
  vendhub.ops.postgresql_backup:
    host: /var/run/postgresql
    user: postgres
    database: vendhub_prod

- name: Encrypt it, and bring a copy to another host
  vendhub.ops.postgresql_backup:
    password: "{{ vault_postgresql_password }}"
    directory: /opt/backups
    recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]
    copies: [/mnt/nas/vendhub]
    keep: 14
"""

RETURN = r"""
msg:
  description: What was backed up, or why not and what there is instead, in one sentence.
  returned: always
  type: str
  sample: "vendhub_prod at 127.0.0.1:5432: backed up to /opt/backups/vendhub_prod_20260102T030405Z.dump, 12.3 MiB,
    34 tables, 120034 rows, migration AddMachines1700000000000, verified, in 4.1 s; removed 1 old dump"
target:
  description: The database, never with a credential.
  returned: success
  type: str
  sample: vendhub_prod at 127.0.0.1:5432
path:
  description: The new dump; in check mode what it would be called now.
  returned: success
  type: str
  sample: /opt/backups/vendhub_prod_20260102T030405Z.dump
manifest:
  description: What stands in the manifest beside it.
  returned: success, not in check mode
  type: dict
  sample: {"size": 12898531, "sha256": "9f86d081884c7d65...", "rows": 120034, "duration_seconds": 4.1,
           "server_version": "16.4", "migration_head": "AddMachines1700000000000"}
removed:
  description: Dumps that were too old, in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [vendhub_prod_20251225T030405Z.dump]
leftovers:
  description: What an earlier backup that was killed had left, and was taken away; in check mode would be.
  returned: success
  type: list
  elements: str
  sample: []
copies:
  description: The copies that were made and compared.
  returned: success, not in check mode
  type: list
  elements: str
  sample: [/mnt/nas/vendhub/vendhub_prod_20260102T030405Z.dump]
program_version:
  description: The version of C(pg_dump).
  returned: success
  type: str
  sample: "16.4"
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import BadOption, OpsError
from ansible_collections.vendhub.ops.plugins.module_utils._dump.make import CopyFailed, backup
from ansible_collections.vendhub.ops.plugins.module_utils._dump.options import BACKUP, target


def main() -> None:
    """Make a dump, or say which."""
    module = AnsibleModule(argument_spec=BACKUP, supports_check_mode=True)
    try:
        result = backup(module.params, act=not module.check_mode)
    except CopyFailed as exc:
        module.fail_json(**{**exc.result, "msg": str(exc)})
    except BadOption as exc:
        module.fail_json(msg=str(exc))
    except OpsError as exc:
        module.fail_json(msg=f"{target(module.params)}: {exc}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
