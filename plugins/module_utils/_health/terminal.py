# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The daily check as a person on the host reads it: the runbook's sections and words."""

from __future__ import annotations

import typing as t

from .._core.remedies import command
from .._core.verdict import State, Verdict, worst, worst_first

TITLES = {
    "api": "API Health",
    "pm2": "PM2 Status",
    "postgresql": "Database",
    "redis": "Redis",
    "system": "Disk Space, Memory, CPU",
    "logs": "Error Logs (last 24 h)",
    "certificates": "Certificates",
    "prometheus": "Prometheus",
    "backups": "Backups",
}
WORDS = {State.OK: "[OK]", State.WARNING: "[WARN]", State.UNKNOWN: "[UNKNOWN]", State.CRITICAL: "[ALERT]"}
# as monitoring plugins end: https://www.monitoring-plugins.org/doc/guidelines.html
EXIT_CODES = {State.OK: 0, State.WARNING: 1, State.CRITICAL: 2, State.UNKNOWN: 3}


def page(verdicts: t.Sequence[Verdict], date: str) -> str:
    """All sections, each with its findings, the worst first."""
    lines = ["=== VendHub Daily Health Check ===", f"Date: {date}"]
    section = ""
    for verdict in verdicts:
        if verdict.check != section:
            section = verdict.check
            lines += ["", f"--- {TITLES.get(section, section)} ---"]
        for finding in worst_first(verdict.findings):
            about = finding.object if finding.object not in finding.message else ""
            lines.append(f"{WORDS[finding.state]} {about}{': ' if about else ''}{finding.message}")
            if finding.remedy:
                lines.append(f"     repair: {command(finding.remedy)}")
    state = worst(verdict.state for verdict in verdicts)
    return "\n".join([*lines, "", f"=== Check Complete: {WORDS[state]} ===", ""])


def exit_code(verdicts: t.Sequence[Verdict]) -> int:
    """0 ok, 1 warning, 2 critical, 3 unknown."""
    return EXIT_CODES[worst(verdict.state for verdict in verdicts)]
