# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Stage, serve, mark and remove releases of the application
version_added: 0.1.0
description:
  - Each release is a folder of its own. What is served is what the link C(current) points to, and it is switched in one
    step. A ledger tells what was staged, proved, served, found good or bad, and by whom.
  - A release is whole or not there. Whatever goes wrong, and whenever the run is killed, what is served stays.
  - Git, the build and everything in the releases runs and is written as O(owner), never as root.
author:
  - VendHub DevOps Team (@vendhub)
extends_documentation_fragment:
  - vendhub.ops.release
  - vendhub.ops.release.acting
options:
  state:
    description:
      - V(adopted) writes what runs in O(path) into the ledger as a release. Nothing is touched or restarted.
      - V(staged) builds O(ref) of O(repository), or unpacks O(archive), beside what is served.
      - V(packed) makes a tar.gz of O(release) for other hosts, without what is shared.
      - V(active) lets C(current) point to O(release). Needs no network, no Git and no npm.
      - V(good) and V(bad) say how O(release) did. A bad one is kept for analysis and not chosen again unless named.
      - V(pruned) removes old releases, never the served one, the one to go back to, or the last good one; and in
        C(root/packed) what was packed of releases that are gone, all but the newest O(keep), and halves.
    type: str
    required: true
    choices: [adopted, staged, packed, active, good, bad, pruned]
  path:
    description: For O(state=adopted), the checkout or folder in which the application runs. Without it, O(root).
    type: path
  repository:
    description:
      - The Git repository to stage from. A password in it is refused, for everybody on the host could see it; use a
        deploy key or a credential helper of O(owner).
      - It is cloned once, bare, into C(root/repository).
    type: str
  ref:
    description:
      - A tag, a branch or a commit's sha, looked for in this order.
      - A whole sha that is on the host already needs no network.
    type: str
  archive:
    description:
      - For O(state=staged), a packed release on this host. Its id is the same on every host.
      - For O(state=packed), the file to make. Without it, C(root/packed/<release>.tar.gz).
    type: path
  sha256:
    description: What the SHA-256 of O(archive) must be.
    type: str
  again:
    description: Whether a commit that is staged already is built anew.
    type: bool
    default: false
  shared:
    description: What outlives releases; each release gets a link to it.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The link, inside the application's folder.
        type: str
        required: true
      to:
        description: What it leads to, absolute or inside O(root). It must be there.
        type: str
        required: true
  build:
    description:
      - The programs that build the release, each as a list of arguments, run in the application's folder.
      - They get a clean environment without NODE_ENV, since production would leave the build tools out.
    type: list
    elements: list
    default: [[npm, ci, --include=dev], [npm, run, build], [npm, prune, --omit=dev]]
  build_environment:
    description: Further environment variables of the build. Do not put secrets here.
    type: dict
    default: {}
  build_timeout_seconds:
    description: How long each program of the build may take.
    type: float
    default: 1800.0
  migrations:
    description:
      - The files of the application that are migrations of its database, as a pattern inside its folder.
      - Their names without the extension are written down, so that a way back can tell which of them it does not know.
    type: str
    default: src/**/migrations/*.ts
  space_bytes:
    description:
      - What must be free before a staging begins. Without it, 1.3 times the largest release on the host, or what is in
        the archive, and 256 MiB more.
    type: int
  release:
    description:
      - Which release is meant; V(previous_good), V(current), V(newest_staged), an id, a tag, or the beginning of a sha.
      - A bad release is only served when it is named by its whole id.
    type: str
  reason:
    description: For O(state=bad), why.
    type: str
    default: ''
  keep:
    description: For O(state=pruned), how many of the newest releases, and of the newest packed ones, stay in any case.
    type: int
    default: 5
  timeout_seconds:
    description: How long fetching, exporting, packing, unpacking and removing may each take.
    type: float
    default: 300.0
attributes:
  check_mode:
    description: Says the same plan and changes nothing. Git is asked over the network what O(ref) means.
    support: full
  diff_mode:
    description: Shows where C(current) points, and what comes and goes with its bytes.
    support: full
  idempotent:
    description: A second run changes nothing, unless O(again).
    support: full
"""

EXAMPLES = r"""
- name: Take the checkout that runs in place into the ledger
  vendhub.ops.release:
    state: adopted
    subfolder: backend

- name: Build a release beside the one that is served
  vendhub.ops.release:
    state: staged
    repository: git@github.com:example/vendhub.git
    ref: v1.2.1
    subfolder: backend
    shared:
      - {path: logs, to: shared/logs}
      - {path: .env.production, to: shared/.env.production}

- name: Serve it
  vendhub.ops.release:
    state: active
    release: v1.2.1

- name: See what is served, and what there is to go back to
  vendhub.ops.release_info:
  register: releases

# by their ids: asked again after the switch, previous_good is the one before that
- name: Say why the release that is served is given up
  vendhub.ops.release:
    state: bad
    release: "{{ releases.current }}"
    reason: answers 500 on /tasks

- name: Go back
  vendhub.ops.release:
    state: active
    release: "{{ releases.previous_good }}"

- name: Keep three releases and those that may be needed
  vendhub.ops.release:
    state: pruned
    keep: 3
"""

RETURN = r"""
msg:
  description: What was done, or why nothing was.
  returned: always
  type: str
  sample: v1.2.1 (5f3c9a01) is staged as 20261123T202249Z-5f3c9a01
plan:
  description: What is done, or would be in check mode, step by step.
  returned: success
  type: list
  elements: str
release:
  description: The release that is meant. Empty in check mode for one that is still to be built.
  returned: success, but for O(state=pruned)
  type: str
  sample: 20261123T202249Z-5f3c9a01
path:
  description: Its folder.
  returned: when there is one
  type: str
sha:
  description: Its commit.
  returned: when it is known
  type: str
ref:
  description: The tag or branch it was staged from.
  returned: when it is known
  type: str
migrations:
  description: The migrations it brings, in their order.
  returned: when it is there
  type: list
  elements: str
from:
  description: What was served before.
  returned: O(state=active)
  type: str
to:
  description: What is served now.
  returned: O(state=active)
  type: str
unknown_migrations:
  description: The migrations of what was served that the release does not know; the database has them all the same.
  returned: O(state=active)
  type: list
  elements: str
dirty:
  description: Whether the adopted checkout differs from its commit.
  returned: O(state=adopted)
  type: bool
changed_files:
  description: In how many files it does.
  returned: O(state=adopted)
  type: int
log:
  description: The whole output of the build, on the host.
  returned: when something was built
  type: str
bytes_needed:
  description: What must be free for a staging.
  returned: when something is staged
  type: int
bytes_free:
  description: What is free.
  returned: when something is staged
  type: int
leftovers:
  description: What killed runs left, and this one removes.
  returned: when something is staged or pruned
  type: list
  elements: str
removed:
  description: The releases that go, with C(release), C(path) and C(bytes).
  returned: O(state=pruned)
  type: list
  elements: dict
archives:
  description: The packed releases that go, with C(release) (empty for a half), C(path) and C(bytes).
  returned: O(state=pruned)
  type: list
  elements: dict
bytes_freed:
  description: What that frees.
  returned: O(state=pruned)
  type: int
archive:
  description: The packed release.
  returned: O(state=packed)
  type: str
sha256:
  description: Its SHA-256.
  returned: O(state=packed), when it is there
  type: str
bytes:
  description: Its size.
  returned: O(state=packed), when it was made
  type: int
"""

import contextlib

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import OpsError
from ansible_collections.vendhub.ops.plugins.module_utils._core.redact import secrets_in
from ansible_collections.vendhub.ops.plugins.module_utils._release.change import explained
from ansible_collections.vendhub.ops.plugins.module_utils._release.options import (
    CONSTRAINTS,
    RELEASE,
    guard,
    place,
    plan,
)


def main() -> None:
    module = AnsibleModule(argument_spec=RELEASE, supports_check_mode=True, **CONSTRAINTS)
    module.no_log_values.update(secrets_in(module.params))  # a password in an address is refused, and not shown either
    try:
        where = place(module.params)
        alone = contextlib.nullcontext() if module.check_mode else where.guarded(guard(module.params))
        with explained(), alone:
            change = plan(module.params)
            done = change.act() if change.steps and not module.check_mode else {}
    except OpsError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(**{**change.as_dict(), **done})


if __name__ == "__main__":
    main()
