# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell the lock which run asks for it, and whether the run that holds it is over."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.vendhub.ops.plugins.plugin_utils._run import controller

MODULE = "vendhub.ops.operation_lock"


class ActionModule(ActionBase):
    """Only the controller knows its own processes; the module on the host compares before it takes anything over."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        variables = task_vars or {}
        options = dict(self._task.args)
        for name in ("run", "dead_run"):
            if options.get(name):
                raise AnsibleActionFail(f"{name} is not for you to set; set holder for a name of your own")
        if not options.get("holder"):
            options["run"] = controller.this_run()
            options["holder"] = controller.named(controller.operator(variables), options["run"])
        answer = self._ask(options, variables)
        held_by = answer.get("lock", {}).get("run") or {}
        if answer.get("refused") and held_by and controller.is_over(held_by):
            answer = self._ask({**options, "dead_run": held_by}, variables)
        return answer

    def _ask(self, options: dict[str, t.Any], variables: dict[str, t.Any]) -> dict[str, t.Any]:
        answer: dict[str, t.Any] = self._execute_module(MODULE, module_args=options, task_vars=variables)
        return answer
