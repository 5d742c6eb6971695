# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin util is private to the collection.
"""Read what hosts said out of Ansible's variables."""

from __future__ import annotations

import json
import typing as t


def plain_data(value: t.Any) -> t.Any:
    """Ansible's tagged, lazy and unsafe types as the plain types they stand for."""
    return json.loads(json.dumps(value, default=str, skipkeys=True))
