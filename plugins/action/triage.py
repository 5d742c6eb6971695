# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the causes of an outage in what the hosts said: the controller's half of a recovery."""

from __future__ import annotations

import datetime
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.vendhub.ops.plugins.plugin_utils._recover import site, told
from ansible_collections.vendhub.ops.plugins.plugin_utils._run.hosts import plain_data

OPTIONS: dict[str, t.Any] = {
    "hosts": {"type": "list", "elements": "str", "required": True},
    "began": {"type": "str", "required": True},
    "health": {"type": "str", "default": "vendhub_health"},
    "crashes": {"type": "str", "default": "vendhub_crashes"},
    "releases": {"type": "str", "default": "vendhub_releases"},
    "gates": {"type": "str", "default": "vendhub_gates"},
}


class ActionModule(ActionBase):
    """Takes the results out of hostvars and weighs them; nothing is templated and nobody is asked."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        validate: t.Any = self.validate_argument_spec
        options: dict[str, t.Any] = validate(argument_spec=OPTIONS)[1]
        try:
            began = datetime.datetime.strptime(options["began"], site.STAMP).replace(tzinfo=datetime.timezone.utc)
        except ValueError:
            raise AnsibleActionFail(f"began must be a time such as 2026-01-02T03:04:05Z, not {options['began']!r}") \
                from None
        found = self._causes(options, began, task_vars or {})
        return {"changed": False, "healthy": not found, "causes": found, "msg": told.headline([], found)}

    @staticmethod
    def _causes(options: dict[str, t.Any], began: datetime.datetime, task_vars: dict[str, t.Any]) -> list[t.Any]:
        look = site.Look(began, datetime.datetime.now(datetime.timezone.utc))
        groups: dict[str, set[str]] = {name: set() for name in options["hosts"]}
        for group, members in task_vars.get("groups", {}).items():
            for name in members:
                groups.get(name, set()).add(group)
        rows, unseen = [], []
        for name in options["hosts"]:
            if name not in task_vars["hostvars"]:
                raise AnsibleActionFail(f"the inventory has no host {name!r}")
            variables = task_vars["hostvars"].raw_get(name)
            health, *more = (plain_data(variables.get(options[key]))
                             for key in ("health", "crashes", "releases", "gates"))
            rows.append(site.signs(name, groups[name], site.Answers(health, *(one or {} for one in more)), look))
            unseen += site.unseen(name, health)
        return site.causes(rows) + unseen
