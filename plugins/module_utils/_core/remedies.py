# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Which of the repairs that findings name can be run today; a test compares the list with the playbooks."""

from __future__ import annotations

EXISTING: frozenset[str] = frozenset({
    "vendhub.ops.database_monthly", "vendhub.ops.database_weekly", "vendhub.ops.fix_crash_loop",
    "vendhub.ops.free_disk", "vendhub.ops.free_redis_memory", "vendhub.ops.recover",
    "vendhub.ops.release_connections", "vendhub.ops.renew_certificates", "vendhub.ops.rollback"})
PLANNED = "planned, not in this version"


def exists(remedy: str) -> bool:
    """Whether this playbook can be run; those of other collections are taken at their word."""
    return remedy in EXISTING or not remedy.startswith("vendhub.ops.")


def command(remedy: str, limit: str = "") -> str:
    """What to type for this repair; ``limit`` is a host name, quoted for a shell already."""
    if not exists(remedy):
        return f"{remedy} ({PLANNED})"
    return f"ansible-playbook {remedy} --limit {limit}" if limit else f"ansible-playbook {remedy}"
