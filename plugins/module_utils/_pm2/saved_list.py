# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Whether PM2's saved list (what comes back after a reboot) is the running one."""

from __future__ import annotations

import hashlib
import json
import typing as t

from .apps import texts

# what PM2 itself changes from one start to the next
_OWN = frozenset({"unique_id", "PM2_USAGE", "PM2_JSON_PROCESSING", "PM2_INTERACTOR_PROCESSING", "PWD"})
_KEYS = ("exec_mode", "pm_exec_path", "pm_cwd", "max_memory_restart", "wait_ready", "listen_timeout", "kill_timeout")


def stale(answer: t.Any, dump: t.Any, readable_by_others: bool) -> str:
    """Why the list should be saved, empty when there is no reason; ``answer`` is the daemon's, ``dump`` dump.pm2's."""
    if dump is None:
        return "the running list was never saved"
    if not isinstance(dump, list):
        return "dump.pm2 is not the list that PM2 writes"
    live = sorted(_identity(row.get("pm2_env", {})) for row in answer if isinstance(row, dict)
                  and not row.get("pm2_env", {}).get("pmx_module"))
    saved = sorted(_identity(row) for row in dump if isinstance(row, dict))
    if live != saved:
        return "the saved list is not the running one"
    return "other users could read dump.pm2" if readable_by_others else ""


def _identity(env: t.Mapping[str, t.Any]) -> tuple[str, str, str]:
    own = env.get("env")
    variables = texts(own if isinstance(own, dict) else {})
    kept = {key: value for key, value in variables.items() if key not in _OWN}
    facts = json.dumps([[env.get(key) for key in _KEYS], sorted(kept.items())])
    status = "stopped" if env.get("status") == "stopped" else "up"
    return str(env.get("name", "")), status, hashlib.sha256(facts.encode()).hexdigest()
