# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
"""

EXAMPLES = r"""
- name: Judge a host that has everything
  vendhub.ops.health_check:
    api:
      - name: vendhub-api
        url: http://127.0.0.1:3000/health
        readiness_url: http://127.0.0.1:3000/health/ready
    pm2:
      owner: vendhub
      apps:
        - name: vendhub-api
          port: 3000
    postgresql:
      database: vendhub_prod
      user: vendhub_monitor
      password: "{{ vault_postgresql_monitor_password }}"
    redis:
      password: "{{ vault_redis_password }}"
    system: {}
    logs: {}
    backups:
      - directory: /opt/backups
    thresholds:
      disk_percent:
        warning: 70
  register: vendhub_health

- name: Fail when the database host is critical
  vendhub.ops.health_check:
    postgresql:
      database: vendhub_prod
      user: vendhub_monitor
      password: "{{ vault_postgresql_monitor_password }}"
    system: {}
    fail_on: critical
"""

RETURN = r"""
"""

import datetime
import time

from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import BadOption
from ansible_collections.vendhub.ops.plugins.module_utils._core.module import check_module, leave
from ansible_collections.vendhub.ops.plugins.module_utils._core.subject import look
from ansible_collections.vendhub.ops.plugins.module_utils._core.thresholds import Thresholds
from ansible_collections.vendhub.ops.plugins.module_utils._health.compose import OPTIONS, compose
from ansible_collections.vendhub.ops.plugins.module_utils._health.overall import overall


def main() -> None:
    module = check_module({**OPTIONS, "host": {"type": "str", "default": "this host"}},
                          required_one_of=[list(OPTIONS)])
    started, clock = datetime.datetime.now(datetime.timezone.utc), time.monotonic()
    try:
        subjects = compose(module.params, Thresholds(module.params["thresholds"]))
    except BadOption as exc:
        module.fail_json(msg=str(exc))
    verdict = overall(module.params["host"], look(subjects))
    leave(module, {
        **verdict,
        "started_at": started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "duration_seconds": round(time.monotonic() - clock, 3),
    })


if __name__ == "__main__":
    main()
