# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Ask an API a few times and gather its answers."""

from __future__ import annotations

import time
import typing as t

from .._core.errors import CannotLook, ServiceDown
from .._core.libs import need
from .._core.web import Address, Getter
from .judge import RATE_LIMITED, Answer, Search


def ask(getter: Getter, where: Address) -> Answer:
    """One try; no answer is an answer too, in words."""
    try:
        reply = getter.get(where)
    except ServiceDown as exc:
        return Answer(failure=str(exc), reason=exc.reason)
    return Answer(reply.status, reply.body, reply.seconds, retry_after=reply.headers.get("retry-after", ""))


def sample(getter: Getter, where: Address, samples: int, interval_seconds: float) -> list[Answer]:
    """A few answers in a row; it stops at the first silence or 429, for asking on would only add to the trouble."""
    answers: list[Answer] = []
    for number in range(samples):
        if number:
            time.sleep(interval_seconds)
        answers.append(ask(getter, where))
        if answers[-1].failure or answers[-1].status == RATE_LIMITED:
            break
    return answers


def searcher(expressions: t.Sequence[str]) -> Search:
    """JMESPath for these expressions; the library is needed only when there are any."""
    if not expressions:
        return lambda _expression, _body: None
    jmespath = need("jmespath")
    compiled = {}
    for expression in expressions:
        try:
            compiled[expression] = jmespath.compile(expression)
        except jmespath.exceptions.JMESPathError as exc:
            first = str(exc).splitlines()[0]
            raise CannotLook(f"{expression!r} is not a JMESPath expression: {first}") from exc

    def search(expression: str, body: t.Any) -> t.Any:
        try:
            return compiled[expression].search(body)
        except jmespath.exceptions.JMESPathError:
            return None

    return search
