# SPDX-License-Identifier: GPL-3.0-or-later
"""A repair that cannot be run yet is never shown as a command."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.vendhub.ops.plugins.module_utils._core.remedies import EXISTING, command, exists

ROOT = Path(__file__).resolve().parents[3]


def named() -> set[str]:
    """Every repair that a finding of this collection can name."""
    texts = (path.read_text("utf-8") for path in ROOT.glob("plugins/module_utils/_*/*.py"))
    return set(re.findall(r'"(vendhub\.ops\.[a-z_]+)"', "\n".join(texts)))


def test_exactly_the_repairs_whose_playbook_is_there_are_listed() -> None:
    playbooks = {f"vendhub.ops.{path.stem}" for path in ROOT.glob("playbooks/*.yml")}
    assert named() & playbooks == EXISTING
    assert len(named()) > 5


def test_a_planned_repair_is_no_command() -> None:
    assert command("vendhub.ops.no_such_playbook") == "vendhub.ops.no_such_playbook (planned, not in this version)"
    assert not exists("vendhub.ops.no_such_playbook")


def test_a_repair_of_another_collection_is_taken_at_its_word() -> None:
    assert command("ours.site.mend", "web1") == "ansible-playbook ours.site.mend --limit web1"
