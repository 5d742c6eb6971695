# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of every module that works with PM2."""

from __future__ import annotations


class ModuleDocFragment:
    """Where PM2 is; the check module documents its own, for they are copied into health_check."""

    DOCUMENTATION = r"""
options:
  home:
    description:
      - The PM2 home, as in the environment variable E(PM2_HOME).
      - Without it C(.pm2) in the home of O(owner) is used.
    type: path
  owner:
    description:
      - The user of the PM2 daemon. The module must run as this user or as root.
      - Without it, and without O(home), the user who runs the module.
    type: str
  timeout_seconds:
    description: How long the daemon may take to answer.
    type: float
    default: 5.0
"""
