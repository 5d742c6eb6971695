# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Judge the answers of an API's health and readiness pages (pure)."""

from __future__ import annotations

import dataclasses
import json
import math
import typing as t

from .._core.redact import redact
from .._core.thresholds import Thresholds
from .._core.verdict import Finding, Inspection, Number, State, metric

REMEDY = "vendhub.ops.recover"
RATE_LIMITED = 429
EXCERPT = 300

Search = t.Callable[[str, t.Any], t.Any]


@dataclasses.dataclass(frozen=True)
class Answer:
    """One try: an HTTP answer, or the words for why there was none."""

    status: int = 0
    body: bytes = b""
    seconds: float = 0.0
    failure: str = ""
    reason: str = ""  # the failure as a word, as in _core/errors
    retry_after: str = ""


@dataclasses.dataclass(frozen=True)
class Expectation:
    """What the health page must say; ``expressions`` is None when the user left it to the page (status == 'ok')."""

    expressions: t.Optional[tuple[str, ...]] = None
    release_expression: str = ""
    release_expected: str = ""


def judge(name: str, health: t.Sequence[Answer], ready: t.Optional[Answer], expectation: Expectation, *,
          search: Search, thresholds: Thresholds) -> Inspection:
    """Turn all answers into findings: health, readiness, latency, release."""
    findings = [_health(name, health, expectation, search)]
    answered = [answer for answer in health if not answer.failure and answer.status != RATE_LIMITED]
    metrics: dict[str, Number] = {metric("api_up", api=name): int(findings[0].state is State.OK)}
    if ready is not None:
        findings.append(_ready(name, ready))
        metrics[metric("api_ready", api=name)] = int(findings[-1].state is State.OK)
    if answered:
        seconds = [answer.seconds for answer in answered]
        findings.append(thresholds.judge(
            "api_probe_latency_seconds", max(seconds),
            f"slowest of {len(seconds)} answers took {max(seconds) * 1000:.0f} ms", object=name))
        metrics[metric("api_probe_latency_seconds", api=name)] = round(max(seconds), 6)
        for quantile in (0.5, 0.95, 1.0):
            key = metric("api_probe_seconds", api=name, quantile=f"{quantile:g}")
            metrics[key] = round(nearest_rank(seconds, quantile), 6)
    if expectation.release_expression:
        findings.append(_release(name, answered, expectation, search))
    return Inspection(tuple(findings), metrics)


def nearest_rank(values: t.Sequence[float], quantile: float) -> float:
    """The smallest of the values that is not below this share of them."""
    ranked = sorted(values)
    return ranked[max(1, math.ceil(quantile * len(ranked))) - 1]


def _health(name: str, answers: t.Sequence[Answer], expectation: Expectation, search: Search) -> Finding:
    wrong = [(answer, words) for answer, words in ((a, fault(a, expectation, search)) for a in answers) if words]
    limited = [answer for answer, _words in wrong if answer.status == RATE_LIMITED]
    bad = [(answer, words) for answer, words in wrong if answer.status != RATE_LIMITED]
    good = len(answers) - len(wrong)
    if bad:
        refused = all(answer.status in (401, 403) for answer, _words in bad)
        share = f" ({len(bad)} of {len(answers)} answers were bad)" if good else ""
        return Finding("api_health", State.UNKNOWN if refused else State.CRITICAL, f"{bad[0][1]}{share}",
                       value=bad[0][0].status or None, object=name, remedy="" if refused else REMEDY,
                       reason=bad[0][0].reason)
    if not good:
        return Finding("api_health", State.UNKNOWN, _limited(limited[0]), value=RATE_LIMITED, object=name)
    note = f", then rate-limited (429) after {good}" if limited else ""
    return Finding("api_health", State.OK, f"{good} of {good} answers good{note}{_blind(answers[0], expectation)}",
                   value=answers[0].status, object=name)


def _limited(answer: Answer) -> str:
    wait = answer.retry_after if answer.retry_after.isdigit() and len(answer.retry_after) < 6 else ""
    return f"rate-limited (429): nothing can be said about its health; try later{f', in {wait} s' if wait else ''}"


def fault(answer: Answer, expectation: Expectation, search: Search) -> str:
    """What is wrong with this answer, in words; empty when nothing is."""
    if answer.failure:
        return answer.failure
    if not 200 <= answer.status < 300:
        return f"answered {answer.status}{_meaning(answer.status)}{excerpt(answer.body)}"
    unmet = _unmet(*parse(answer.body), expectation, search)
    return f"answered {answer.status}, but {unmet}{excerpt(answer.body)}" if unmet else ""


def _unmet(known: bool, body: t.Any, expectation: Expectation, search: Search) -> str:
    if expectation.expressions is None:
        fine = not known or (isinstance(body, dict) and body.get("status") == "ok")
        return "" if fine else "status == 'ok' is not true"
    if expectation.expressions and not known:
        return "it is not JSON"
    return next((f"{expression} is not true" for expression in expectation.expressions
                 if search(expression, body) is not True), "")


def _meaning(status: int) -> str:
    if status in (401, 403):
        return " (the check is not allowed in: give its login in headers)"
    if 300 <= status < 400:
        return " (a redirect that is not followed: see the option redirects)"
    return ""


def _blind(answer: Answer, expectation: Expectation) -> str:
    if expectation.expressions is None and not parse(answer.body)[0]:
        return "; the page is not JSON, so only its status code was judged"
    return ""


def _ready(name: str, answer: Answer) -> Finding:
    if answer.status == RATE_LIMITED and not answer.failure:
        return Finding("api_ready", State.UNKNOWN, _limited(answer), value=RATE_LIMITED, object=name)
    words = fault(answer, Expectation(expressions=()), lambda _expression, _body: None)
    if words:
        state = State.UNKNOWN if answer.status in (401, 403) else State.CRITICAL
        return Finding("api_ready", state, f"not ready: {words}", value=answer.status or None, object=name,
                       remedy=REMEDY if state is State.CRITICAL else "")
    return Finding("api_ready", State.OK, f"ready ({answer.status})", value=answer.status, object=name)


def _release(name: str, answers: t.Sequence[Answer], expectation: Expectation, search: Search) -> Finding:
    found = sorted({text for text in (served(answer, expectation.release_expression, search) for answer in answers)
                    if text})
    wanted = expectation.release_expected
    if not found:
        return Finding("api_release", State.UNKNOWN, object=name,
                       message=f"no answer says which release is served ({expectation.release_expression})")
    text = ", ".join(found)
    if wanted and found != [wanted]:
        return Finding("api_release", State.CRITICAL, f"serves release {text}, not {wanted}", value=text, object=name,
                       remedy=REMEDY)
    return Finding("api_release", State.OK if len(found) == 1 else State.WARNING, value=text, object=name,
                   message=f"serves release {text}" if len(found) == 1 else f"serves several releases: {text}")


def served(answer: Answer, expression: str, search: Search) -> str:
    """The release that this answer names, without secrets and cut; empty when it names none."""
    known, body = parse(answer.body)
    found = search(expression, body) if known else None
    return redact(str(found))[:100] if isinstance(found, (str, int, float)) and not isinstance(found, bool) else ""


def parse(body: bytes) -> tuple[bool, t.Any]:
    """(True, value) for a JSON body, (False, None) for anything else."""
    try:
        return True, json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return False, None


def excerpt(body: bytes) -> str:
    """The start of a body in one printable line without secrets, as ``: text``; empty for an empty body."""
    text = redact(body[:8 * EXCERPT].decode("utf-8", "replace"))
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return f": {line[:EXCERPT]}{'…' if len(line) > EXCERPT else ''}" if line else ""
