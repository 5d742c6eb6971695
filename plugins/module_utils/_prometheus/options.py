# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The options with which Prometheus is looked at, known before anything heavy is loaded."""

from __future__ import annotations

import typing as t

OPTIONS: dict[str, t.Any] = {
    "url": {"type": "str", "required": True},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "token": {"type": "str", "no_log": True},
    "requests_metric": {"type": "str", "default": "vendhub_http_requests_total"},
    "duration_metric": {"type": "str", "default": "vendhub_http_request_duration_seconds_bucket"},
    "selector": {"type": "str", "default": ""},
    "latency_query": {"type": "str"},
    "error_query": {"type": "str"},
    "window": {"type": "str", "default": "5m"},
    "min_requests": {"type": "int", "default": 5},
    "timeout_seconds": {"type": "float", "default": 5},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
}
