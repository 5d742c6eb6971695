# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Ask a Prometheus server over its HTTP API."""

from __future__ import annotations

import dataclasses
import time
import typing as t
import urllib.parse

from .._core.errors import CannotLook, ServiceDown
from .._core.web import Getter, address
from .judge import Seen
from .parse import Queries, Reply, Value, reply, value

BODY_BYTES = 16 * 1024 * 1024  # the targets of a large site


class Client:
    """One look: all its questions share one deadline."""

    def __init__(self, url: str, getter: Getter) -> None:
        self._url = url.rstrip("/")
        self._getter = dataclasses.replace(getter, body_bytes=BODY_BYTES)
        self._deadline = time.monotonic() + getter.timeout_seconds

    def look(self, queries: Queries) -> Seen:
        return Seen(self.value(queries.traffic), self.value(queries.latency), self.value(queries.errors),
                    self._ask("alerts", {}), self._ask("targets", {"state": "active"}))

    def value(self, query: str) -> Value:
        """The number that a query gives now; the server itself stops it when the time is over."""
        seconds = max(1, round(self._getter.timeout_seconds))
        return value(self._ask("query", {"query": query, "timeout": f"{seconds}s"}))

    def _ask(self, what: str, parameters: t.Mapping[str, str]) -> Reply:
        where = address(f"{self._url}/api/v1/{what}?{urllib.parse.urlencode(parameters)}")
        left = max(0.1, round(self._deadline - time.monotonic(), 1))
        answer = dataclasses.replace(self._getter, timeout_seconds=left).get(where)
        if answer.status in (401, 403):
            raise CannotLook(f"{where.shown} refuses the login ({answer.status}): see username, password and token")
        if answer.status >= 500 and reply(answer.body) is None:
            raise ServiceDown(f"{where.shown} answered {answer.status}: Prometheus is not ready")
        found = reply(answer.body)
        if found is None:
            raise CannotLook(f"{where.shown} answered {answer.status}, but not as a Prometheus server does")
        return found
