# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of every module that restores dumps."""

from __future__ import annotations


class ModuleDocFragment:
    """Shared documentation."""

    DOCUMENTATION = r"""
options:
  maintenance_database:
    description: The database to be in while others are made, renamed and dropped.
    type: str
    default: postgres
  directory:
    description: The folder of the dumps.
    type: path
    default: /opt/backups
  patterns:
    description: Which files in it are dumps.
    type: list
    elements: str
    default: ["*.dump", "*.dump.age", "*.dump.gz", "*.sql.gz", "*.sql"]
  path:
    description: The dump. Without it, the newest verified one in O(directory) is taken.
    type: path
  tablespace:
    description: The tablespace for the new database, for instance on another disk.
    type: str
  reserve_bytes:
    description:
      - How much room must be left on the disk of the server beside the new database, whose size is known from the
        manifest. When half of it is left during the restore, that is ended, for a full disk stops every database.
      - It counts only where the server is on this host and its data directory can be seen.
    type: int
    default: 2147483648
"""
