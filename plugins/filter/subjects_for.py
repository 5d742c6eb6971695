# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which subjects of the daily check a host has."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: subjects_for
short_description: The subjects of the daily check that a host has
version_added: 0.1.0
description:
  - Takes the options of every subject, as M(vendhub.ops.health_check) has them, and gives those of a host's groups.
  - The group C(api) has the subjects C(api), C(pm2) and C(logs), C(postgresql) has C(postgresql) and C(backups),
    C(redis) has C(redis), C(web) has C(certificates) and C(logs), C(monitoring) has C(prometheus), and every host
    has C(system).
  - Options that are there but empty mean the subject's defaults, not that nobody looks.
author:
  - VendHub DevOps Team (@vendhub)
options:
  _input:
    description: Subject to options.
    type: dict
    required: true
  groups:
    description: The groups of the host, usually C(group_names).
    type: list
    elements: str
    required: true
positional: groups
"""

EXAMPLES = r"""
- name: Look at Redis where there is one
  vendhub.ops.health_check:
    redis: "{{ (subjects | vendhub.ops.subjects_for(group_names)).redis | default(omit) }}"
    system: {}
  vars:
    subjects:
      redis:
        password: "{{ vault_redis_password }}"
"""

RETURN = r"""
_value:
  description: The subjects of this host with their options.
  type: dict
"""

GROUPS: dict[str, frozenset[str]] = {
    "api": frozenset({"api"}),
    "pm2": frozenset({"api"}),
    "postgresql": frozenset({"postgresql"}),
    "redis": frozenset({"redis"}),
    "logs": frozenset({"api", "web"}),
    "certificates": frozenset({"web"}),
    "prometheus": frozenset({"monitoring"}),
    "backups": frozenset({"postgresql"}),
}
EVERYWHERE = frozenset({"system"})
LISTS = frozenset({"api", "certificates", "backups"})


def subjects_for(subjects: t.Any, groups: t.Any) -> dict[str, t.Any]:
    """The subjects of a host in these groups; AnsibleFilterError for a subject that nobody knows."""
    if not isinstance(subjects, t.Mapping) or isinstance(groups, str) or not isinstance(groups, t.Iterable):
        raise AnsibleFilterError("subjects_for wants a dictionary of subjects and a list of groups")
    unknown = sorted(set(subjects) - set(GROUPS) - EVERYWHERE)
    if unknown:
        known = ", ".join(sorted({*GROUPS, *EVERYWHERE}))
        raise AnsibleFilterError(f"there is no subject {unknown[0]!r}; known are {known}")
    own = set(groups)
    return {name: options or ([] if name in LISTS else {}) for name, options in subjects.items()
            if name in EVERYWHERE or own & GROUPS[name]}


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"subjects_for": subjects_for}
