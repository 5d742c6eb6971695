# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""A change that is known before it is made: the plan, what check mode and diff say about it, and how to do it."""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from .._core.errors import OpsError

Answer = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Change:
    """``steps`` say in words what is to be done, none when everything is as it should be; ``act`` does it.

    ``answer`` is returned either way; what ``act`` returns is laid over it.
    """

    msg: str
    answer: Answer
    act: t.Callable[[], Answer]
    steps: tuple[str, ...] = ()
    before: str = ""
    after: str = ""

    def as_dict(self) -> Answer:
        """What the module returns of the plan."""
        diff = {"before": self.before, "after": self.after if self.steps else self.before}
        return {"msg": self.msg, "changed": bool(self.steps), "plan": list(self.steps), "diff": diff, **self.answer}


@contextlib.contextmanager
def explained() -> t.Iterator[None]:
    """Turn what the system refused into a sentence."""
    try:
        yield
    except OSError as exc:
        raise OpsError(f"{exc.filename or 'a file'} cannot be read or changed: {exc.strerror or exc}") from exc


def unchanged(msg: str, answer: Answer) -> Change:
    """Nothing to do."""
    return Change(msg, answer, dict)
