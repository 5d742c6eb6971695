# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stability_gate
short_description: Prove by watching that apps under PM2 are stable
version_added: 0.2.0
description:
  - After a change, decides by watching whether it holds. PM2's word "online" and its exit code are not trusted; an app
    that crashes every 40 seconds is online nearly all the time, and PM2's own counter of unstable restarts stays 0.
  - Stable means that over the whole watch every process kept its pid and its restart counter, that no health answer was
    bad and enough of them in a row were good, that the port belongs to the app, and that the release served is the one
    that should be. Only what is asked for is looked at; processes always are.
  - A restart that is seen, or an app that PM2 gave up, ends the watch at once. What is only missing (an app that still
    starts) is waited for until the deadline; then the message names the proof that did not come.
  - It changes nothing, in check mode or not.
author:
  - VendHub DevOps Team (@vendhub)
extends_documentation_fragment:
  - vendhub.ops.pm2
  - vendhub.ops.gate
options:
  apps:
    description: The apps to watch.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The name of the app in PM2.
        type: str
        required: true
      instances:
        description: How many processes there must be; without it, as many as PM2 lists.
        type: int
  fail:
    description: Whether the task fails when the apps are not stable.
    type: bool
    default: true
attributes:
  check_mode:
    description: Can run in check mode and watches there as well.
    support: full
  diff_mode:
    description: There is nothing to show, the gate changes nothing.
    support: none
  idempotent:
    description: The gate changes nothing on the host.
    support: full
"""

EXAMPLES = r"""
- name: Prove that the API holds for 30 seconds and serves the new release
  vendhub.ops.stability_gate:
    owner: vendhub
    apps:
      - name: vendhub-api
        instances: 2
    port: 3000
    url: http://127.0.0.1:3000/health
    release_folder: /opt/vendhub/current

- name: See whether a worker keeps running, without failing
  vendhub.ops.stability_gate:
    owner: vendhub
    apps:
      - name: job-scheduler
    watch_seconds: 60
    deadline_seconds: 180
    fail: false
"""

RETURN = r"""
msg:
  description: The decision in one sentence, with the reason.
  returned: always
  type: str
  sample: "vendhub-api under PM2 of /home/vendhub/.pm2: stable: stable for 30 s"
check:
  description: What kind of verdict this is.
  returned: when it could be watched
  type: str
  sample: stability
target:
  description: What was watched.
  returned: when it could be watched
  type: str
  sample: vendhub-api under PM2 of /home/vendhub/.pm2
state:
  description: The worst state of all proofs; V(ok), V(warning), V(unknown), V(critical) in order of severity.
  returned: when it could be watched
  type: str
  sample: ok
findings:
  description: The proofs one by one (C(gate_processes), C(gate_health), C(gate_port), C(gate_folder)), worst first.
  returned: when it could be watched
  type: list
  elements: dict
stable:
  description: Whether all of it was proven.
  returned: when it could be watched
  type: bool
seconds:
  description: How long the watch took.
  returned: when it could be watched
  type: float
  sample: 31.2
samples:
  description: How often was looked.
  returned: when it could be watched
  type: int
  sample: 31
metrics:
  description: Flat numbers for trends and export.
  returned: when it could be watched
  type: dict
  sample: {"gate_seconds": 31.2, "gate_samples": 31}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import OpsError
from ansible_collections.vendhub.ops.plugins.module_utils._core.redact import secrets_in
from ansible_collections.vendhub.ops.plugins.module_utils._gate.gate import build
from ansible_collections.vendhub.ops.plugins.module_utils._gate.options import GATE
from ansible_collections.vendhub.ops.plugins.module_utils._pm2.home import resolve
from ansible_collections.vendhub.ops.plugins.module_utils._pm2.options import WHERE

APPS = {
    "type": "list",
    "elements": "dict",
    "required": True,
    "options": {"name": {"type": "str", "required": True}, "instances": {"type": "int"}},
}


def main() -> None:
    module = AnsibleModule(argument_spec={**WHERE, **GATE, "apps": APPS, "fail": {"type": "bool", "default": True}},
                           supports_check_mode=True)
    options = module.params
    module.no_log_values.update(secrets_in(options))
    try:
        apps = {app["name"]: app["instances"] for app in options["apps"]}
        home = resolve(options["home"], options["owner"])
        verdict = build(options, apps, home, options["timeout_seconds"]).pass_through()
    except OpsError as exc:
        module.fail_json(msg=str(exc))
    if options["fail"] and not verdict["stable"]:
        module.fail_json(changed=False, **verdict)
    module.exit_json(changed=False, **verdict)


if __name__ == "__main__":
    main()
