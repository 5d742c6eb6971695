# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From which release to which one the app hosts go."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.vendhub.ops.plugins.plugin_utils._deploy import plan

DOCUMENTATION = r"""
name: release_plan
short_description: From which release to which one the app hosts go
version_added: 0.2.0
description:
  - Takes what M(vendhub.ops.release_info) says of every app host, and says to which release each of them goes, so that
    all serve the same, or why that must not be done.
  - What a run that was killed had begun, and left in the lock of M(vendhub.ops.operation_lock), is finished or taken
    back.
  - Nothing is changed and nobody is asked; the answer follows from what is given.
author:
  - VendHub DevOps Team (@vendhub)
options:
  _input:
    description: The result of M(vendhub.ops.release_info) by host.
    type: dict
    required: true
  kind:
    description: Whether it goes forth to what is staged, or back.
    type: str
    choices: [deploy, rollback]
    required: true
  locks:
    description: The result of M(vendhub.ops.operation_lock) by host; a plan left in it is taken up.
    type: dict
    default: {}
  staged:
    description: For V(deploy), the id of the staged release by host.
    type: dict
    default: {}
  release:
    description: For V(rollback), V(previous_good), an id, a tag, or the beginning of a sha.
    type: str
    default: previous_good
  migrations:
    description: For V(rollback), what is done with migrations that the older release does not know.
    type: str
    choices: [keep, revert, refuse]
    default: keep
  outside:
    description: App hosts that take no part (left out by C(--limit)); any of them is a refusal.
    type: list
    elements: str
    default: []
positional: kind
"""

EXAMPLES = r"""
- name: See where a rollback would lead
  ansible.builtin.debug:
    msg: "{{ ({'app1': releases} | vendhub.ops.release_plan('rollback')).steps }}"
"""

RETURN = r"""
_value:
  description:
    - C(moves) by host with the ids C(before) and C(after), C(refusals), C(steps), C(unknown_migrations), C(resumed),
      C(kind), and C(name), what the release is called on every host.
    - With a refusal there are no moves.
  type: dict
"""

Rows = t.Mapping[str, t.Any]


def release_plan(infos: Rows, kind: str, *, locks: t.Optional[Rows] = None, staged: t.Optional[Rows] = None,
                 release: str = plan.PREVIOUS_GOOD, migrations: str = plan.KEEP, outside: t.Sequence[str] = (),
                 ) -> dict[str, t.Any]:
    """The plan as plain data; AnsibleFilterError for what is no input at all."""
    if not isinstance(infos, t.Mapping) or not infos:
        raise AnsibleFilterError("release_plan wants the results of release_info by host")
    if kind not in (plan.DEPLOY, plan.ROLLBACK) or migrations not in (plan.KEEP, plan.REVERT, plan.REFUSE):
        raise AnsibleFilterError("release_plan wants kind deploy or rollback, and migrations keep, revert or refuse")
    hosts = [plan.Host(name, info, ((locks or {}).get(name, {}).get("lock") or {}).get("plan") or {})
             for name, info in infos.items()]
    if kind == plan.ROLLBACK:
        return plan.rollback(hosts, release, migrations, outside).as_dict()
    return plan.deploy(hosts, staged or {}, outside).as_dict()


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"release_plan": release_plan}
