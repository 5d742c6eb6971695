# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The most severe of several states."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.vendhub.ops.plugins.module_utils._core.verdict import State, worst

DOCUMENTATION = r"""
name: worst_state
short_description: The most severe of several states or verdicts
version_added: 0.1.0
description:
  - Gives the worst of the states V(ok), V(warning), V(unknown), V(critical), in this order of severity.
  - An empty list is V(unknown), since nothing was looked at.
author:
  - VendHub DevOps Team (@vendhub)
options:
  _input:
    description: States, or results of check modules, which have a C(state). A result without a state is V(unknown).
    type: list
    elements: raw
    required: true
"""

EXAMPLES = r"""
- name: Stop when one of two checks is critical
  ansible.builtin.assert:
    that: "[redis, postgresql] | vendhub.ops.worst_state != 'critical'"
"""

RETURN = r"""
_value:
  description: The worst state.
  type: str
"""


def worst_state(values: t.Any) -> str:
    """The most severe state of words or verdicts; AnsibleFilterError for what is neither."""
    if isinstance(values, (str, t.Mapping)) or not isinstance(values, t.Iterable):
        raise AnsibleFilterError(f"worst_state wants a list of states or verdicts, not {type(values).__name__}")
    return str(worst(_state(value) for value in values))


def _state(value: t.Any) -> State:
    word = value.get("state", "unknown") if isinstance(value, t.Mapping) else value
    try:
        return State.parse(word)
    except (ValueError, AttributeError) as exc:
        raise AnsibleFilterError(f"worst_state: {exc}") from exc


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"worst_state": worst_state}
