# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell the record of actions who does something, and from which run."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.vendhub.ops.plugins.plugin_utils._run import controller


class ActionModule(ActionBase):
    """A thin coat over the module: only the controller knows its operator and itself."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        variables = task_vars or {}
        options = dict(self._task.args)
        if not options.get("by"):
            options["by"] = controller.operator(variables)
        if not options.get("run"):
            options["run"] = controller.named("ansible-playbook", controller.this_run())
        answer: dict[str, t.Any] = self._execute_module("vendhub.ops.remedy_budget", module_args=options,
                                                        task_vars=variables)
        return answer
