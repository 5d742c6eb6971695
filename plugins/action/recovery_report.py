# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell people how a recovery went, in one message."""

from __future__ import annotations

import typing as t

from ansible import constants
from ansible.plugins.action import ActionBase
from ansible_collections.vendhub.ops.plugins.plugin_utils._recover import told
from ansible_collections.vendhub.ops.plugins.plugin_utils._run.hosts import plain_data

OPTIONS: dict[str, t.Any] = {
    "found": {"type": "list", "elements": "dict", "required": True},
    "left": {"type": "list", "elements": "dict", "default": []},
    "done": {"type": "list", "elements": "dict", "default": []},
    "bundles": {"type": "dict", "default": {}},
    "on_call": {"type": "str", "default": ""},
    "since": {"type": "str", "default": ""},
}


class ActionModule(ActionBase):
    """Prints the message; fails when something that takes the site down is left, or, in check mode, was found."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        validate: t.Any = self.validate_argument_spec
        options: dict[str, t.Any] = plain_data(validate(argument_spec=OPTIONS)[1])
        found, only_look = options["found"], self._task.check_mode
        left = found if only_look else options["left"]
        lines = told.diagnosis(found) if only_look else told.message(told.Recovery(**options))
        colour = getattr(constants, "COLOR_ERROR" if left else "COLOR_OK")  # they come out of the settings
        for line in ["", *lines, ""]:
            self._display.display(line, color=colour)
        return {"changed": False, "failed": bool(left), "healthy": not left, "lines": lines,
                "msg": told.headline(found, left)}
