# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collect evidence on the host, and bring it to the controller."""

from __future__ import annotations

import os
import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import OpsError
from ansible_collections.vendhub.ops.plugins.plugin_utils._evidence import page


class ActionModule(ActionBase):
    """The module does the work; a bundle that cannot be fetched is told, and lies on the host all the same."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        variables = task_vars or {}
        answer: dict[str, t.Any] = self._execute_module("vendhub.ops.evidence", module_args=dict(self._task.args),
                                                        task_vars=variables)
        directory = self._task.args.get("fetch_to")
        if not directory or not answer.get("archive") or answer.get("failed"):
            return answer
        directory = os.path.abspath(os.path.expanduser(directory))
        try:
            answer |= self._fetched(directory, str(variables.get("inventory_hostname", "host")), answer, variables)
        except OpsError as exc:
            self._display.warning(f"the evidence was not fetched: {exc}")
            answer |= {"fetched": "", "msg": f"{answer['msg']}; not fetched: {exc}"}
        return answer

    def _fetched(self, directory: str, host: str, answer: dict[str, t.Any], variables: dict[str, t.Any],
                 ) -> dict[str, t.Any]:
        folder = page.folder_of(directory, host, os.path.basename(answer["folder"]))
        page.prepare(folder)
        task = self._task.copy()
        task.args = {"src": answer["archive"], "dest": os.path.join(folder, page.ARCHIVE), "flat": True}
        fetch = self._shared_loader_obj.action_loader.get(
            "ansible.builtin.fetch", task=task, connection=self._connection, play_context=self._play_context,
            loader=self._loader, templar=self._templar, shared_loader_obj=self._shared_loader_obj)
        try:
            done = fetch.run(task_vars=variables)
        except Exception as exc:  # whatever the connection does, the evidence lies on the host
            raise OpsError(f"{answer['archive']}: {exc}") from exc
        if done.get("failed"):
            raise OpsError(f"{answer['archive']}: {done.get('msg', 'no reason was given')}")
        page.taken_in(folder, host, answer["manifest"])
        return {"fetched": os.path.join(folder, page.ARCHIVE), "index": page.update(directory)}
