# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: crash_info
short_description: Tell why apps under PM2 crash
version_added: 0.2.0
description:
  - Reads the last lines that each app wrote since its last start, and PM2's own log, and names the reason somebody can
    do something about.
  - It asks only what changes nothing, and returns one line of a log at most, with credentials taken out.
  - Of a PM2 that does not run or answer no app is known, which is no failure.
author:
  - VendHub DevOps Team (@vendhub)
extends_documentation_fragment:
  - vendhub.ops.pm2
attributes:
  check_mode:
    description: Can run in check mode and gives the same answer there.
    support: full
  diff_mode:
    description: There is nothing to show, it changes nothing.
    support: none
  idempotent:
    description: It changes nothing on the host.
    support: full
"""

EXAMPLES = r"""
- name: Ask why the API starts again and again
  vendhub.ops.crash_info:
    owner: vendhub
  register: crashes
"""

RETURN = r"""
msg:
  description: How many apps were looked at, and which of them say why they crash.
  returned: always
  type: str
  sample: "2 apps; vendhub-api: missing variable"
apps:
  description:
    - By app C(reason) (V(missing_variable), V(port_in_use), V(out_of_memory), V(memory_limit), V(dependency_down),
      V(broken_code), V(disk_full) or V(unknown)), the C(line) that tells it, its C(exits) within an hour that nobody
      asked for, its memory limit C(limit_bytes), and C(advice).
    - A reason is what the lines say; whether the app crashes is for M(vendhub.ops.pm2_check) to say.
  returned: success
  type: dict
  sample:
    vendhub-api: {"reason": "missing_variable", "line": "Error: JWT_SECRET is required", "exits": 16}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import OpsError
from ansible_collections.vendhub.ops.plugins.module_utils._pm2.home import resolve
from ansible_collections.vendhub.ops.plugins.module_utils._pm2.options import WHERE
from ansible_collections.vendhub.ops.plugins.module_utils._triage.actions import CRASHES
from ansible_collections.vendhub.ops.plugins.module_utils._triage.crash import UNKNOWN
from ansible_collections.vendhub.ops.plugins.module_utils._triage.tails import crashes


def main() -> None:
    module = AnsibleModule(argument_spec=WHERE, supports_check_mode=True)
    try:
        apps = crashes(resolve(module.params["home"], module.params["owner"]), module.params["timeout_seconds"])
    except OpsError as exc:
        module.fail_json(msg=str(exc))
    for app in apps.values():
        app["advice"] = CRASHES[app["reason"]].advice
    told = [f"{name}: {app['reason'].replace('_', ' ')}" for name, app in apps.items() if app["reason"] != UNKNOWN]
    module.exit_json(changed=False, msg="; ".join([f"{len(apps)} apps", *told]), apps=apps)


if __name__ == "__main__":
    main()
