# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What Prometheus measured on the API as a subject."""

from __future__ import annotations

import dataclasses
import typing as t

from .._core.errors import BadOption
from .._core.subject import Subject
from .._core.thresholds import Thresholds
from .._core.verdict import Inspection
from .._core.web import Getter, address, basic, checked_headers
from .client import Client
from .judge import judge
from .parse import queries


def subject(options: t.Mapping[str, t.Any], thresholds: Thresholds) -> Subject:
    """The Prometheus server at ``url``, ready to be asked."""
    url, timeout, least = (options[key] for key in ("url", "timeout_seconds", "min_requests"))
    where = address(url)
    if "?" in url or "#" in url:
        raise BadOption("url is where Prometheus itself lives, without a query: http://127.0.0.1:9090")
    if not 0.001 <= timeout <= 600:
        raise BadOption(f"timeout_seconds must be between 0.001 and 600, not {timeout:g}")
    if least < 0:
        raise BadOption(f"min_requests must not be negative: {least}")
    asked = queries(options["requests_metric"], options["duration_metric"], options["selector"], options["window"])
    asked = dataclasses.replace(asked, latency=options["latency_query"] or asked.latency,
                                errors=options["error_query"] or asked.errors)
    getter = Getter(timeout, _login(options), options["validate_certs"], options["ca_path"])

    def inspect() -> Inspection:
        return judge(Client(url, getter).look(asked), asked, least, thresholds)

    return Subject("prometheus", where.shown, inspect, deadline_seconds=timeout + 1)


def _login(options: t.Mapping[str, t.Any]) -> dict[str, str]:
    if options["token"]:
        if options["username"] or options["password"]:
            raise BadOption("give either a token or a username and password")
        return checked_headers({"Authorization": f"Bearer {options['token']}"})
    if options["username"] or options["password"]:
        return {"Authorization": basic(options["username"], options["password"])}
    return {}
