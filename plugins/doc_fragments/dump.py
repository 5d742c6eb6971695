# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of every module that makes or restores dumps."""

from __future__ import annotations


class ModuleDocFragment:
    """Shared documentation."""

    DOCUMENTATION = r"""
options:
  binary_directory:
    description:
      - The folder of C(pg_dump) and C(pg_restore).
      - Without it, the usual places and C(PATH) are searched for the version that fits.
    type: path
  identity_file:
    description: The file of the secret key that opens encrypted dumps, as C(age-keygen) writes it.
    type: path
  migrations_table:
    description: The table in which the application notes its migrations; empty when there is none.
    type: str
    default: migrations
  max_seconds:
    description: How long each of the long steps may take (the dump, reading it, a restore).
    type: float
    default: 14400
"""
