# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of every module that talks to PostgreSQL."""

from __future__ import annotations


class ModuleDocFragment:
    """Shared documentation."""

    DOCUMENTATION = r"""
options:
  host:
    description: Name or address of the server, or the folder of its socket.
    type: str
    default: 127.0.0.1
  port:
    description: Port of the server.
    type: int
    default: 5432
  user:
    description: The role to log in as. A role with C(pg_monitor) is enough for all checks.
    type: str
    default: vendhub
  password:
    description:
      - Password of the role.
      - Without it, C(PGPASSWORD) and C(~/.pgpass) of the managed host are used, as C(psql) does.
    type: str
  database:
    description: The database to log in to.
    type: str
    default: vendhub_prod
  sslmode:
    description: Whether TLS is used and how much the server's certificate must prove, as libpq defines it.
    type: str
    choices: [disable, allow, prefer, require, verify-ca, verify-full]
    default: prefer
  ca_path:
    description: File of trusted certificates, instead of C(~/.postgresql/root.crt).
    type: path
  timeout_seconds:
    description: How long everything together may take.
    type: float
    default: 5
"""
