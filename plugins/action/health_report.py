# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell people and machines how the hosts are: the controller's half of the daily check."""

from __future__ import annotations

import datetime
import os
import typing as t

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import OpsError
from ansible_collections.vendhub.ops.plugins.module_utils._core.thresholds import Thresholds
from ansible_collections.vendhub.ops.plugins.module_utils._core.verdict import State
from ansible_collections.vendhub.ops.plugins.plugin_utils._report import folder, terminal, words
from ansible_collections.vendhub.ops.plugins.plugin_utils._report.fleet import Fleet
from ansible_collections.vendhub.ops.plugins.plugin_utils._report.history import Past
from ansible_collections.vendhub.ops.plugins.plugin_utils._report.make import make, texts
from ansible_collections.vendhub.ops.plugins.plugin_utils._run.hosts import plain_data

OPTIONS: dict[str, t.Any] = {
    "hosts": {"type": "list", "elements": "str", "required": True},
    "result": {"type": "str", "default": "vendhub_health"},
    "directory": {"type": "path", "required": True},
    "keep": {"type": "int", "default": 90},
    "fail_on": {"type": "str", "choices": ["never", "warning", "critical"], "default": "critical"},
    "formats": {"type": "list", "elements": "str", "choices": sorted(folder.FILES), "default": sorted(folder.FILES)},
    "title": {"type": "str", "default": "VendHub daily check"},
    "thresholds": {"type": "dict", "default": {}},
}

# the user's own choice of colours, by the names of the settings
COLOURS = {State.OK: "COLOR_OK", State.WARNING: "COLOR_CHANGED", State.UNKNOWN: "COLOR_WARN",
           State.CRITICAL: "COLOR_ERROR"}


class ActionModule(ActionBase):
    """Takes the results out of hostvars, writes the report, prints the summary, and fails when it is told to."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        validate: t.Any = self.validate_argument_spec
        options: dict[str, t.Any] = validate(argument_spec=OPTIONS)[1]
        if options["keep"] < 1:
            raise AnsibleActionFail(f"keep must be 1 or more reports, not {options['keep']}")
        try:
            return self._report(options, task_vars or {})
        except OpsError as exc:
            raise AnsibleActionFail(str(exc)) from None  # Ansible would say the same again for each cause

    def _report(self, options: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        directory, warn = os.path.abspath(options["directory"]), self._display.warning
        thresholds = Thresholds(plain_data(options["thresholds"]))
        results, left_out = collect(options["hosts"], options["result"], task_vars)
        now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        past = _past(directory, options["keep"], now, warn)
        fleet = make(options["title"], results, past, now, thresholds=thresholds, left_out=left_out)
        contents = texts(fleet, options["formats"], past, thresholds)
        path = None
        if not self._task.check_mode:
            try:
                path = folder.add(directory, now, contents, warn)
                folder.prune(directory, options["keep"], warn)
            except OpsError as exc:  # what the hosts said must not be lost for want of a folder
                self._print(terminal.summary(fleet, f"The report could not be kept: {exc}"))
                raise
        self._print(terminal.summary(fleet, _where(directory, path, contents)))
        return _result(fleet, options["fail_on"], path, contents)

    def _print(self, lines: t.Iterable[terminal.Line]) -> None:
        for line in lines:
            colour = None if line.state is None else getattr(constants, COLOURS[line.state])
            self._display.display(line.text, color=colour)


def collect(hosts: t.Iterable[str], variable: str, task_vars: t.Mapping[str, t.Any],
            ) -> tuple[dict[str, t.Any], list[str]]:
    """Each host's result as plain data, and the hosts that --limit left out; nothing is templated."""
    hostvars = task_vars["hostvars"]
    limited = bool(task_vars.get("ansible_limit"))
    results, left_out = {}, []
    for name in dict.fromkeys(map(str, hosts)):
        if name not in hostvars:
            raise AnsibleActionFail(f"the inventory has no host {name!r}; hosts must be names such as those in groups")
        variables = hostvars.raw_get(name)
        if variable in variables:
            results[name] = plain_data(variables[variable])
        elif limited:
            left_out.append(name)
        else:
            results[name] = None
    return results, left_out


def _past(directory: str, keep: int, now: datetime.datetime, warn: folder.Warn) -> list[Past]:
    try:
        return folder.recollect(directory, keep, now, warn)
    except OpsError as exc:
        warn(f"there are no trends: {exc}")
        return []


def _where(directory: str, path: str | None, contents: t.Mapping[str, str]) -> str:
    if path is None:
        return f"Check mode: no report was written to {directory}"
    shown = "report.html" if "report.html" in contents else folder.JSON
    return f"Report: {os.path.join(path, shown)}"


def _result(fleet: Fleet, fail_on: str, path: str | None, contents: t.Mapping[str, str]) -> dict[str, t.Any]:
    failure = words.failure(fleet, fail_on)
    result: dict[str, t.Any] = {
        "changed": path is not None,
        "state": str(fleet.state),
        "hosts": {str(state): number for state, number in fleet.hosts_by_state().items()},
        "findings": {str(state): number for state, number in fleet.findings_by_state().items()},
        "left_out": list(fleet.left_out),
        "path": path or "",
        "files": [os.path.join(path, name) for name in contents] if path else [],
    }
    if failure:
        told = f"; the report is {path}" if path else "; check mode: no report was written"
        return {"failed": True, "msg": failure + told, **result}
    return {"msg": f"{words.headline(fleet)}; {words.tally(fleet)}", **result}
