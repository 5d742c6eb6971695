# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pm2_info
short_description: Gather facts about the apps under PM2
version_added: 0.2.0
description:
  - Reads PM2 through its daemon's own socket, within a time limit. It starts no daemon and no Node program.
  - It never returns an app's environment or arguments, which hold secrets.
  - A daemon that does not run is a fact (RV(running)); one that does not answer fails the task.
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
- name: Gather what runs under PM2 of the user vendhub
  vendhub.ops.pm2_info:
    owner: vendhub
  register: pm2
"""

RETURN = r"""
msg:
  description: What was found in one sentence, or why there is nothing.
  returned: always
  type: str
  sample: "PM2 7.0.4 of /home/vendhub/.pm2: 4 apps, 6 processes online"
running:
  description: Whether the daemon runs.
  returned: success
  type: bool
daemon:
  description:
    - The daemon's C(pid), its C(state) and the system's C(unit) whose main process it is (empty when there is none).
    - The C(state) is V(running), V(hung) (it lives and does not answer; the task fails), V(dead) (it has left its files
      behind) or V(absent). Without a living daemon C(pid) is none.
    - Of a running one also C(version), C(user) and the C(ports) on which it listens (for apps in cluster mode).
  returned: success, and when the daemon does not answer
  type: dict
  sample:
    {"pid": 811, "state": "running", "unit": "pm2-vendhub.service", "version": "7.0.4", "user": "vendhub",
     "ports": [3000]}
orphans:
  description: Processes that live on although their daemon is dead, by C(name) and C(pid).
  returned: success
  type: list
  elements: dict
apps:
  description: The apps in the order of PM2's list, PM2's own modules left out.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name of the app.
      type: str
      returned: always
    exec_mode:
      description: V(fork) or V(cluster).
      type: str
      returned: always
    instances:
      description: How many processes it has in PM2's list.
      type: int
      returned: always
    online:
      description: How many of them PM2 calls online, which is not yet healthy.
      type: int
      returned: always
    restarts:
      description: How often its processes were restarted since the app was started.
      type: int
      returned: always
    cwd:
      description: The working folder by its definition.
      type: str
      returned: always
    folder:
      description:
        - The folder that C(cwd) means now, links followed. A process with another C(cwd) runs something else.
      type: str
      returned: always
    script:
      description: The script by its definition.
      type: str
      returned: always
    max_memory_restart_bytes:
      description: The memory at which PM2 restarts a process.
      type: int
      returned: always
    out_log:
      description: The file of its standard output; of the first process when each has its own.
      type: str
      returned: always
    err_log:
      description: The file of its standard error.
      type: str
      returned: always
    combined_log:
      description: The file of both; empty when there is none.
      type: str
      returned: always
    processes:
      description:
        - Each process with C(pm_id), C(pid), C(status), C(restarts), C(uptime_seconds), C(memory_bytes),
          C(cpu_percent), C(ports) (none when the module must not see them) and C(cwd), the folder in which it really
          runs by the kernel's word; links were followed when it was started. It is empty when it cannot be seen.
      type: list
      elements: dict
      returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import OpsError, ServiceDown
from ansible_collections.vendhub.ops.plugins.module_utils._pm2.god import state
from ansible_collections.vendhub.ops.plugins.module_utils._pm2.home import resolve
from ansible_collections.vendhub.ops.plugins.module_utils._pm2.info import gather
from ansible_collections.vendhub.ops.plugins.module_utils._pm2.options import WHERE


def main() -> None:
    module = AnsibleModule(argument_spec=WHERE, supports_check_mode=True)
    try:
        home = resolve(module.params["home"], module.params["owner"])
        facts = gather(home, module.params["timeout_seconds"])
    except ServiceDown as exc:
        module.fail_json(msg=str(exc), daemon=state(home, exc.reason))
    except OpsError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=False, **facts)


if __name__ == "__main__":
    main()
