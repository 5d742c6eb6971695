# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: daily_check_bundle
short_description: Install the daily check as one file that needs no controller
version_added: 0.1.0
description:
  - Packs the collection's checks into a Python zip application and copies it to the host.
  - There it needs Python 3.9 and, for what it looks at, the client libraries C(psycopg2), C(redis) and C(jmespath).
  - The same collection gives the same bytes, so a second run changes nothing.
author:
  - VendHub DevOps Team (@vendhub)
options:
  dest:
    description: Where the file goes on the host.
    type: path
    required: true
  owner:
    description: The user who owns the file.
    type: str
  group:
    description: The group that owns the file.
    type: str
  mode:
    description: The mode of the file.
    type: raw
attributes:
  check_mode:
    description: Says whether the file would change.
    support: full
  diff_mode:
    description: Shows that the file would change; its content is a zip file.
    support: partial
  idempotent:
    description: A second run with the same version of the collection changes nothing.
    support: full
"""

EXAMPLES = r"""
- name: Install the daily check for somebody who is logged in at night
  vendhub.ops.daily_check_bundle:
    dest: /opt/vendhub/scripts/daily-check.pyz
    owner: root
    group: root
    mode: '0755'
"""

RETURN = r"""
dest:
  description: Where the file is.
  returned: success
  type: str
  sample: /opt/vendhub/scripts/daily-check.pyz
checksum:
  description: SHA-1 of the file.
  returned: success
  type: str
  sample: 6e642bb8dd5c2e027bf21dd923337cbb4214f827
"""

# The action plugin of the same name does the work.
