# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every check module shares."""

from __future__ import annotations


class ModuleDocFragment:
    """Options and attributes of the check modules; their spec is ``_core/module.py``."""

    DOCUMENTATION = r"""
options:
  thresholds:
    description:
      - 'Your own limits over the collection''s threshold table, as C({name: {warning: number, critical: number}}).'
      - The rows are listed in C(docs/thresholds.md). A limit of V(null) switches that bound off.
    type: dict
    default: {}
  fail_on:
    description:
      - From which state on the task fails. The verdict is returned either way.
      - The states in order of severity are V(ok), V(warning), V(unknown), V(critical); V(warning) includes unknown.
    type: str
    choices: [never, warning, critical]
    default: never
attributes:
  check_mode:
    description: Can run in check mode and gives the same answer there.
    support: full
  diff_mode:
    description: There is nothing to show, a check changes nothing.
    support: none
  idempotent:
    description: A check never changes anything on the host, not even a file, a statistic or a daemon.
    support: full
"""
