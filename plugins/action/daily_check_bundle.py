# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the on-host daily check on the controller and copy it to the host."""

from __future__ import annotations

import tempfile
import typing as t
from pathlib import Path

from ansible.plugins.action import ActionBase
from ansible_collections.vendhub.ops.plugins.plugin_utils._onhost.bundle import bundle

MODULE_UTILS = Path(__file__).resolve().parent.parent / "module_utils"


class ActionModule(ActionBase):
    """A thin coat over ansible.builtin.copy, which brings check mode, diff, modes and idempotence."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        with tempfile.NamedTemporaryFile(prefix="vendhub-daily-check-", suffix=".pyz") as packed:
            packed.write(bundle(MODULE_UTILS))
            packed.flush()
            task = self._task.copy()
            task.args = {**self._task.args, "src": packed.name}
            copy = self._shared_loader_obj.action_loader.get(
                "ansible.builtin.copy", task=task, connection=self._connection, play_context=self._play_context,
                loader=self._loader, templar=self._templar, shared_loader_obj=self._shared_loader_obj,
            )
            result: dict[str, t.Any] = copy.run(task_vars=task_vars)
            return result
