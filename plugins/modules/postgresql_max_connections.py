# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change how many connections PostgreSQL takes, without a surprise at the next start."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgresql_max_connections
short_description: Change max_connections of PostgreSQL after doing the arithmetic
version_added: 1.0.0
description:
  - Sets C(max_connections) by C(ALTER SYSTEM), after it has worked out what so many busy sessions may take and compared
    it with the memory of the host. What does not fit, what would stop a standby, and what is below the connections in
    use, is refused until O(accept_risk) is set. What the server would not start with is always refused.
  - The server's own program says what it would start with; when that is not the value, the setting is taken back.
  - The value is in force after a restart, which ends all sessions. Without O(restart) none is done, and the result says
    so. A server that does not come back gets its old file again and is restarted once more.
  - More connections are seldom the answer; a leak fills them as well. See M(vendhub.ops.postgresql_session).
author:
  - VendHub DevOps Team (@vendhub)
extends_documentation_fragment:
  - vendhub.ops.postgresql
requirements:
  - psycopg2 (Python library) >= 2.8
  - PostgreSQL 13 or newer
  - a superuser of the database, and to restart it root on its host
options:
  system_user:
    description:
      - The user of the system to log in as, such as V(postgres) through the server's socket, where it counts who one is
        on the host (C(peer)). Only root can be another one.
    type: str
  value:
    description: How many connections the server shall take.
    type: int
    required: true
  restart:
    description: Restart the server when it runs with another value. All sessions end.
    type: bool
    default: false
  restart_command:
    description:
      - A program and its arguments that restart this server and wait until it is up.
      - Without it, C(systemctl restart) and the unit that the running server belongs to.
    type: list
    elements: str
    default: []
  restart_seconds:
    description: How long the restart, and then the server's first answer, may take.
    type: float
    default: 60
  memory_percent:
    description: Which share of the host's memory the server may want at worst.
    type: float
    default: 80
  memory_bytes:
    description: The memory of the host; needed when it is not this one.
    type: int
  session_bytes:
    description: What a session takes besides the memory for sorting and hashing.
    type: int
    default: 10485760
  work_mems:
    description: How many times C(work_mem) times C(hash_mem_multiplier) a busy session takes.
    type: float
    default: 1
  accept_risk:
    description: Do it although something speaks against it.
    type: bool
    default: false
  journal:
    description: A file on the managed host to which each change adds a line, with the value that was there before.
    type: path
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
    description: Says what would be changed, what it would need, and what is at risk.
    support: full
  diff_mode:
    description: Shows the setting before and after.
    support: full
  idempotent:
    description: When the value is set, and runs or must not be restarted, nothing is done.
    support: full
"""

EXAMPLES = r"""
- name: See whether the host has the memory for 200 connections
  vendhub.ops.postgresql_max_connections:
    host: /var/run/postgresql
    user: postgres
    system_user: postgres
    value: 200
  become: true
  check_mode: true

- name: Set it for the next restart
  vendhub.ops.postgresql_max_connections:
    host: /var/run/postgresql
    user: postgres
    system_user: postgres
    value: 200
    journal: /var/lib/vendhub-ops/postgresql_settings.jsonl
  become: true
"""

RETURN = r"""
msg:
  description: What was set or would be, what it needs, and what is still to do, in one sentence.
  returned: always
  type: str
  sample: "vendhub_prod at db1:5432: max_connections is 200, was 100; it runs with 100 until it is restarted"
target:
  description: The server, never with a credential.
  returned: success
  type: str
  sample: vendhub_prod at /var/run/postgresql:5432
value:
  description: What was asked for.
  returned: success
  type: int
  sample: 200
previous:
  description: The value the server ran with, and the one it would have started with. As O(value) it is the way back.
  returned: success
  type: dict
  sample: {running: 100, at_start: 100}
used:
  description: How many connections are in use.
  returned: success
  type: int
  sample: 62
written:
  description: Whether the setting was written, in check mode whether it would be.
  returned: success
  type: bool
  sample: true
restart_needed:
  description: Whether the server ran with another value.
  returned: success
  type: bool
  sample: true
restarted:
  description: Whether it was restarted, in check mode whether it would be.
  returned: success
  type: bool
  sample: false
restart_seconds:
  description: How long it did not answer.
  returned: when it was restarted
  type: float
  sample: 1.4
validated:
  description: Whether the server's own program was asked what it would start with.
  returned: success
  type: bool
  sample: true
risks:
  description: What speaks against it.
  returned: success
  type: list
  elements: str
  sample: []
needs_accept_risk:
  description: Whether O(accept_risk) is needed for this change.
  returned: success
  type: bool
  sample: false
memory:
  description: The arithmetic.
  returned: success
  type: dict
  sample: {bytes: 4026531840, added_bytes: 1887436800, session_bytes: 18874368, fixed_bytes: 251658240,
           limit_bytes: 6871947673, total_bytes: 8589934592}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import BadOption, OpsError
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.capacity import change
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.capacity_options import OPTIONS
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.connection import address


def main() -> None:
    """Change what is not as wanted."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    try:
        result = change(module.params, act=not module.check_mode)
    except BadOption as exc:
        module.fail_json(msg=str(exc))
    except OpsError as exc:
        module.fail_json(msg=f"{address(module.params)}: {exc}")
    for risk in result["risks"] if result["changed"] else ():
        module.warn(f"{result['target']}: {risk}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
