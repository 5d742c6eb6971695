# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""PM2 as a subject of the health check."""

from __future__ import annotations

import typing as t

from .._core.errors import BadOption
from .._core.subject import Subject
from .._core.thresholds import Thresholds
from .._core.verdict import Inspection
from . import client, home as pm2_home
from .judge import Expected, judge


def subject(options: t.Mapping[str, t.Any], thresholds: Thresholds) -> Subject:
    """Wire one PM2 home; BadOption when the owner does not exist or an app is named twice."""
    home = pm2_home.resolve(options["home"], options["owner"])
    expected = [Expected(app["name"], app["instances"], app["port"]) for app in options["apps"]]
    if len({app.name for app in expected}) < len(expected):
        raise BadOption("apps: every app may be named only once")
    timeout = options["timeout_seconds"]

    def inspect() -> Inspection:
        ports = [app.port for app in expected if app.port is not None]
        return judge(client.facts(home, options["program"], ports, timeout), expected, thresholds)

    # a margin, so that the client's own, better worded time limit speaks first
    return Subject("pm2", f"PM2 of {home}", inspect, timeout + 0.5)
