# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of a running Redis that are still there after a restart."""

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_config
short_description: Change settings of a running Redis, and keep them
version_added: 1.0.0
description:
  - Sets what is not as wanted by C(CONFIG SET), all of it or nothing, and writes it into the server's file by
    C(CONFIG REWRITE). When the file has other values than the running server it is written too. When they cannot be
    made to last the result says why.
  - Before memory or its policy are changed it says what that does to the keys that are there. A change that would throw
    queues or revoked tokens away, or that sets C(maxmemory) below what is used, is refused until O(accept_risk) is set.
  - C(CONFIG REWRITE) keeps comments and order of the file. Where a template owns the file, write the setting there too.
  - Only this one server is changed; in a cluster each node needs it.
author:
  - VendHub DevOps Team (@vendhub)
extends_documentation_fragment:
  - vendhub.ops.redis
requirements:
  - redis (Python library) >= 4.3
  - C(+info +config|get +config|set +config|rewrite), and C(+scan +select) for a look at what would be evicted
options:
  settings:
    description: Names and values as C(CONFIG SET) takes them. Secrets are refused, for values are shown.
    type: dict
    required: true
  persist:
    description:
      - Whether the settings are written into the server's file.
      - V(auto) warns when that is not possible; V(required) then sets everything back and fails; V(off) does not try.
    type: str
    choices: [auto, required, 'off']
    default: auto
  accept_risk:
    description: Do it although keys may be lost.
    type: bool
    default: false
  queues:
    description: Keys of queues; V(*) is anything.
    type: list
    elements: str
    default: ['bull:*']
  revoked:
    description: Keys of tokens that were revoked and are valid again without them; V(*) is anything.
    type: list
    elements: str
    default: ['*blacklist*']
  sessions:
    description: Keys of sessions; V(*) is anything.
    type: list
    elements: str
    default: ['sess:*', 'session:*', 'sessions:*', '*:sess:*', '*:session:*', '*:sessions:*']
  journal:
    description: A file on the managed host to which each change adds a line, with the value that was there before.
    type: path
  timeout_seconds:
    description: How long one answer may take.
    type: float
    default: 5
attributes:
  check_mode:
    description: Says what would be changed, and what is at risk.
    support: full
  diff_mode:
    description: Shows the settings before and after.
    support: full
  idempotent:
    description: V(512mb) and V(536870912) are the same. A value that Redis writes in a notation of its own, such as
      that of C(notify-keyspace-events), must be given in that one.
    support: full
"""

EXAMPLES = r"""
- name: Give the cache a limit, and refuse writes when it is reached, for queues live there too
  vendhub.ops.redis_config:
    password: "{{ vault_redis_password }}"
    settings:
      maxmemory: 512mb
      maxmemory-policy: noeviction
    persist: required
    journal: /var/lib/vendhub-ops/redis_config.jsonl

- name: See what a policy would do to a server that holds queues
  vendhub.ops.redis_config:
    password: "{{ vault_redis_password }}"
    settings:
      maxmemory-policy: allkeys-lru
  check_mode: true
"""

RETURN = r"""
msg:
  description: What was changed or would be, or why not, in one sentence.
  returned: always
  type: str
  sample: "redis at 127.0.0.1:6379: maxmemory-policy noeviction, was allkeys-lru; written into the file"
target:
  description: The server, never with a credential.
  returned: success
  type: str
  sample: redis at 127.0.0.1:6379
settings:
  description: The settings as they are now, in check mode as they would be.
  returned: success
  type: dict
  sample: {"maxmemory-policy": "noeviction"}
previous:
  description: The values before, of what was changed. Given as O(settings) they are the way back.
  returned: success
  type: dict
  sample: {"maxmemory-policy": "allkeys-lru"}
persisted:
  description: Whether the settings will be there after a restart; nothing when the file cannot be seen from here.
  returned: success
  type: bool
  sample: true
written:
  description: Whether the file was written, in check mode whether it would be.
  returned: success
  type: bool
  sample: true
not_persisted:
  description: Why they will not be there after a restart.
  returned: success
  type: str
  sample: ''
risks:
  description: What the settings put at risk, with the number of keys.
  returned: success
  type: list
  elements: str
  sample: ["allkeys-lru may throw away 5002 keys of queues: jobs are lost without an error"]
needs_accept_risk:
  description: Whether O(accept_risk) is needed for this change.
  returned: success
  type: bool
  sample: false
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import BadOption, OpsError
from ansible_collections.vendhub.ops.plugins.module_utils._redis.configure import OPTIONS, configure
from ansible_collections.vendhub.ops.plugins.module_utils._redis.connection import address


def main() -> None:
    """Change what is not as wanted."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    try:
        result = configure(module.params, act=not module.check_mode)
    except BadOption as exc:
        module.fail_json(msg=str(exc))
    except OpsError as exc:
        module.fail_json(msg=f"{address(module.params)}: {exc}")
    for risk in result["risks"]:
        module.warn(f"{result['target']}: {risk}")
    if result["not_persisted"]:
        module.warn(f"{result['target']}: lost at the next restart: {result['not_persisted']}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
