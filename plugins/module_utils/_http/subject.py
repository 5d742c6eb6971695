# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The API as a subject: is it up, ready, fast, and does it serve the release that it should?"""

from __future__ import annotations

import typing as t

from .._core.errors import BadOption, CannotLook
from .._core.subject import Subject
from .._core.thresholds import Thresholds
from .._core.verdict import Inspection, State, worst
from .._core.web import Getter, address, checked_headers
from .client import ask, sample, searcher
from .judge import Expectation, judge


def subject(options: t.Mapping[str, t.Any], thresholds: Thresholds) -> Subject:
    """The API at ``url``, ready to be looked at."""
    health = address(options["url"])
    ready = address(options["readiness_url"]) if options["readiness_url"] else None
    name = options["name"] or health.shown
    samples, interval, timeout = (options[key] for key in ("samples", "sample_interval_seconds", "timeout_seconds"))
    _within("samples", samples, 1, 100)
    _within("sample_interval_seconds", interval, 0, 60)
    _within("timeout_seconds", timeout, 0.001, 600)
    _within("redirects", options["redirects"], 0, 10)
    if options["release_expected"] and not options["release_expression"]:
        raise BadOption("release_expected needs release_expression: where in the health page the release stands")
    given = options["expect"]
    expectation = Expectation(None if given is None else tuple(given), options["release_expression"] or "",
                              options["release_expected"] or "")
    getter = Getter(timeout, checked_headers(options["headers"]), options["validate_certs"], options["ca_path"],
                    options["redirects"])

    def inspect() -> Inspection:
        answers = sample(getter, health, samples, interval)
        readiness = ask(getter, ready) if ready else None
        try:
            search = searcher([*(given or ()), *filter(None, [expectation.release_expression])])
        except CannotLook:
            bare = judge(name, answers, readiness, Expectation(()), search=searcher(()), thresholds=thresholds)
            if worst(finding.state for finding in bare.findings) is State.CRITICAL:
                return bare  # an API that is down is no less down because its page could not be searched
            raise
        return judge(name, answers, readiness, expectation, search=search, thresholds=thresholds)

    return Subject("api", name, inspect, deadline_seconds=(samples + 1) * timeout + samples * interval + 1)


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise BadOption(f"{name} must be between {low:g} and {high:g}, not {value:g}")
