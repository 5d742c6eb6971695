# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_info
short_description: Tell which releases a host has and which one is served
version_added: 0.1.0
description:
  - Reads the link C(current), the ledger and the folders, and says where they disagree.
author:
  - VendHub DevOps Team (@vendhub)
extends_documentation_fragment:
  - vendhub.ops.release
options:
  sizes:
    description:
      - Whether the bytes of every release are counted anew, file by file. Without it they are what its marker says
        since it was staged, and only a release without one is counted.
    type: bool
    default: false
  timeout_seconds:
    description: How long counting may take, for all releases together.
    type: float
    default: 10
attributes:
  check_mode:
    description: Can run in check mode and gives the same answer there.
    support: full
  diff_mode:
    description: There is nothing to show, nothing is changed.
    support: none
  idempotent:
    description: Nothing is ever changed.
    support: full
"""

EXAMPLES = r"""
- name: See what is served and what there is to go back to
  vendhub.ops.release_info:
  register: releases

- name: Refuse to go on while something is not as the ledger says
  ansible.builtin.assert:
    that: releases.disagreements | length == 0
    fail_msg: "{{ releases.msg }}"
"""

RETURN = r"""
msg:
  description: What is served, and every disagreement.
  returned: always
  type: str
  sample: 20261123T202249Z-5f3c9a01 is served, 3 releases on this host
current:
  description: The release that is served. On a host without the link, the one that was adopted.
  returned: success
  type: str
  sample: 20261123T202249Z-5f3c9a01
link:
  description: Where C(current) points; empty when there is no such link.
  returned: success
  type: str
previous_good:
  description:
    - The release to go back to from RV(current), the newest that was proved good, first served before it, and not found
      bad since; empty when there is none.
    - After a way back this names the next one further back. Who wants to go one back, also when a run is killed in
      between, takes the id once and gives that to M(vendhub.ops.release).
  returned: success
  type: str
previous_good_missing:
  description: Why there is none.
  returned: success
  type: str
last_activated:
  description: The last time that something was served, as the ledger says; empty when nothing ever was.
  returned: success
  type: dict
  contains:
    release:
      description: What was served.
      type: str
      returned: when there is one
    from:
      description: What was served before; empty when nothing was, or nobody knows.
      type: str
      returned: when there is one
    at:
      description: When, by the clock of that time.
      type: str
      returned: when there is one
    seconds_ago:
      description: How long ago, which setting the clock does not change; null when the line does not say when.
      type: float
      returned: when there is one
    by:
      description: Who wanted it.
      type: str
      returned: when there is one
    run:
      description: From which run it came.
      type: str
      returned: when there is one
  sample: {"release": "20261123T202249Z-5f3c9a01", "from": "20261122T100000Z-1c2d3e4f", "at": "2026-11-23T20:30:00Z",
           "seconds_ago": 61.3, "by": "ann", "run": "ansible-playbook on ci1 (pid 4711)"}
releases:
  description: Every release that is on the host, in the order in which the ledger first names it.
  returned: success
  type: list
  elements: dict
  contains:
    release:
      description: Its id.
      type: str
      returned: always
    id:
      description: The same.
      type: str
      returned: always
    there:
      description: Whether it can be served from the disk.
      type: bool
      returned: always
    missing:
      description: Why it cannot; empty when it can.
      type: str
      returned: always
    state:
      description: One of V(staged), V(proven), V(active) (served, never proved good), V(good), V(bad).
      type: str
      returned: always
    path:
      description: Its folder.
      type: str
      returned: always
    sha:
      description: Its commit.
      type: str
      returned: always
    ref:
      description: The tag or branch it was staged from.
      type: str
      returned: always
    current:
      description: Whether it is served.
      type: bool
      returned: always
    adopted:
      description: Whether it was adopted in place.
      type: bool
      returned: always
    changed_files:
      description: In how many files an adopted checkout differed from its commit.
      type: int
      returned: always
    migrations:
      description: The migrations it brings.
      type: list
      elements: str
      returned: always
    bytes:
      description: What it takes on the disk (see O(sizes)); 0 for an adopted one.
      type: int
      returned: always
    bytes_whole:
      description: Whether that is all of it; otherwise the time was over while it was counted.
      type: bool
      returned: always
    bad_reason:
      description: Why it was found bad.
      type: str
      returned: when it was
    bad_by:
      description: Who found it bad.
      type: str
      returned: when it was
    staged_at:
      description: When it was staged. The other times are C(proven_at), C(first_activated_at), C(activated_at),
        C(good_at) and C(bad_at).
      type: str
      returned: always
disagreements:
  description: Where the link, the ledger and the folders do not say the same, each in a sentence.
  returned: success
  type: list
  elements: str
bytes_free:
  description: What is free where the releases are.
  returned: success
  type: int
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import OpsError
from ansible_collections.vendhub.ops.plugins.module_utils._release.change import explained
from ansible_collections.vendhub.ops.plugins.module_utils._release.options import INFO, place, within
from ansible_collections.vendhub.ops.plugins.module_utils._release.report import report


def main() -> None:
    module = AnsibleModule(argument_spec=INFO, supports_check_mode=True)
    try:
        within("timeout_seconds", module.params["timeout_seconds"], 0, 3600)
        with explained():
            found = report(place(module.params), module.params["sizes"], module.params["timeout_seconds"])
    except OpsError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
