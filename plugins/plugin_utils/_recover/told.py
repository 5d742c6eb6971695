# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin util is private to the collection.
"""The one message at the end of a recovery (pure): what was down, what was done, what is left, who is next."""

from __future__ import annotations

import dataclasses
import typing as t

Row = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Recovery:
    """How it went: the causes at the beginning, what was done, the causes at the end, and what people need to know."""

    found: t.Sequence[Row]
    done: t.Sequence[Row] = ()
    left: t.Sequence[Row] = ()
    bundles: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    on_call: str = ""
    since: str = ""


def message(how: Recovery) -> list[str]:
    """Lines for a screen, a chat or a pager."""
    if not how.found and not how.left:
        return ["Nothing that takes the site down was found; nothing was changed.", *_evidence(how.bundles)]
    lines = [f"{'NOT recovered' if how.left else 'Recovered'}; seen first at {how.since}."]
    lines += ["", "What was down, and why:", *(line for cause in how.found for line in _cause(cause))]
    lines += ["", "What was done:", *([_deed(one) for one in how.done] or ["  nothing"])]
    if how.left:
        lines += ["", "What is left:", *(line for cause in how.left for line in _left(cause))]
        lines += ["", f"On call: {how.on_call or 'nobody is named (recover_on_call)'}"]
    return [*lines, "", *_evidence(how.bundles)]


def diagnosis(found: t.Sequence[Row]) -> list[str]:
    """Lines that say what was found and what would be done; nothing is."""
    if not found:
        return ["Nothing that takes the site down was found."]
    lines = ["Diagnosis only; nothing was changed:"]
    for cause in found:
        lines += _cause(cause)
        lines.append(f"    would {cause['does']}" if cause["action"] else f"    needs a person: {cause['advice']}")
    return lines


def headline(found: t.Sequence[Row], left: t.Sequence[Row]) -> str:
    """One sentence for the end of the task."""
    if not left:
        return f"recovered from {_names(found)}" if found else "nothing that takes the site down was found"
    return f"not recovered: {_names(left)}; a person must look"


def _names(causes: t.Sequence[Row]) -> str:
    return ", ".join(f"{_words(one)} on {one['host']}" for one in causes)


def _words(cause: Row) -> str:
    about = f" {cause['object']}" if cause.get("object") else ""
    return f"{str(cause['cause']).replace('_', ' ')}{about}"


def _cause(cause: Row) -> t.Iterator[str]:
    yield f"  {cause['host']}: {_words(cause)} ({cause['confidence']})"
    yield from (f"    - {fact}" for fact in cause["facts"])


def _left(cause: Row) -> t.Iterator[str]:
    yield from _cause(cause)
    if cause.get("advice"):
        yield f"    to do: {cause['advice']}"
    if cause.get("remedy"):
        yield f"    playbook: {cause['remedy']}"


def _deed(deed: Row) -> str:
    return f"  {deed['host']}: {deed['does']}: {deed['result']}"


def _evidence(bundles: t.Mapping[str, str]) -> list[str]:
    if not bundles:
        return ["Evidence: none was saved."]
    return ["Evidence, saved before anything was touched:", *(f"  {host}: {path}" for host, path in bundles.items())]
