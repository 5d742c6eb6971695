# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Redis as a subject of the daily check."""

from __future__ import annotations

import time
import typing as t

from .._core.errors import BadOption
from .._core.subject import Subject
from .._core.thresholds import Thresholds
from .._core.verdict import Inspection
from .client import ask
from .connection import address
from .judge import judge

# the check keeps its own time and words; the deadline is only for what it cannot bound (names, slow files)
GRACE_SECONDS = 1.0


def subject(options: t.Mapping[str, t.Any], thresholds: Thresholds) -> Subject:
    """Redis as these options describe it."""
    where = address(options)
    if not 1 <= options["latency_samples"] <= 1000:
        raise BadOption(f"latency_samples must be between 1 and 1000, not {options['latency_samples']}")
    config_file: str = options["config_file"]

    def inspect() -> Inspection:
        facts = ask(where, options["latency_samples"], config_file != "off")
        return judge(facts, thresholds, protect_queues=options["protect_queues"], config_file=config_file,
                     now=time.time())

    return Subject("redis", str(where), inspect, where.timeout_seconds + GRACE_SECONDS)
