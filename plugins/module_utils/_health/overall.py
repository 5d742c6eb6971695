# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""One answer for a whole host out of the answers of its subjects."""

from __future__ import annotations

import typing as t

from .._core.subject import Answer
from .._core.verdict import Number, sentence, worst


def overall(host: str, answers: t.Sequence[Answer]) -> dict[str, t.Any]:
    """The verdict contract for the host: every finding carries its check, ``checks`` sums up each subject."""
    verdicts = [answer.verdict for answer in answers]
    numbers: dict[str, Number] = {}
    for verdict in verdicts:
        numbers.update(verdict.metrics)
    findings = sorted(((finding, verdict.check) for verdict in verdicts for finding in verdict.findings),
                      key=lambda pair: -pair[0].state)
    return {
        "msg": sentence(host, [finding for finding, dummy in findings]),
        "check": "health",
        "target": host,
        "state": str(worst(verdict.state for verdict in verdicts)),
        "findings": [{"check": check, **finding.as_dict()} for finding, check in findings],
        "metrics": numbers,
        "checks": [{"check": verdict.check, "target": verdict.target, "state": str(verdict.state), "msg": verdict.msg}
                   for verdict in verdicts],
    }
