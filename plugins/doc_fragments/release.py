# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of every module that works on releases."""

from __future__ import annotations


class ModuleDocFragment:
    """Where the releases are; below it, who works on them and with which programs."""

    DOCUMENTATION = r"""
options:
  root:
    description: The folder with C(releases/), C(shared/), C(repository/) and the link C(current).
    type: path
    default: /opt/vendhub
  state_directory:
    description: Where the ledger C(releases.jsonl) is kept.
    type: path
    default: /var/lib/vendhub-ops
  subfolder:
    description: The application's folder inside a release, such as C(backend) in a monorepo. Empty for the top.
    type: str
    default: ''
"""

    ACTING = r"""
options:
  owner:
    description: The user whose the releases are; Git, the build and the application run as this user.
    type: str
    default: vendhub
  by:
    description: Who wants it, for the ledger.
    type: str
    default: ''
  run:
    description: From which run it comes, for the ledger.
    type: str
    default: ''
  program_path:
    description: Where programs such as git, node and npm are looked for, as in the variable PATH.
    type: str
    default: /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
"""
