# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The backups of a database as a subject: is there a fresh dump that was proved to be good?"""

from __future__ import annotations

import time
import typing as t

from .._core.errors import BadOption
from .._core.subject import Subject
from .._core.thresholds import Thresholds
from .._core.verdict import Inspection
from .folder import dumps
from .judge import judge


def subject(options: t.Mapping[str, t.Any], thresholds: Thresholds) -> Subject:
    """The dumps in ``directory``, ready to be looked at."""
    folder, timeout = options["directory"], options["timeout_seconds"]
    if options["min_bytes"] < 0:
        raise BadOption(f"min_bytes must not be negative: {options['min_bytes']}")
    if not 0.001 <= timeout <= 600:
        raise BadOption(f"timeout_seconds must be between 0.001 and 600, not {timeout:g}")
    if not options["patterns"]:
        raise BadOption("patterns must name at least one kind of file")

    def inspect() -> Inspection:
        return judge(folder, dumps(folder, options["patterns"], options["min_bytes"]), time.time(), thresholds)

    return Subject("backups", folder, inspect, deadline_seconds=timeout, service=False)
