# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of Redis by pattern, taken out without anybody noticing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_keys
short_description: Take the keys of a pattern out of Redis without stopping the others
version_added: 1.0.0
description:
  - Unlinks every key of a prefix or pattern in small batches. A batch is one short script on the server, so no name of
    a key travels, is parsed or is quoted; a name may hold any byte. Where the user may not use scripts, plain C(SCAN)
    and C(UNLINK) do the same, a little more slowly.
  - The size of a batch follows what the last ones cost the server. When Redis answers slowly there are pauses, and when
    it stays slow the task stops between two batches and fails; running it again goes on with the rest.
  - Queues, revoked tokens and sessions stay (O(protected), O(sessions)), whatever the pattern says. A pattern for every
    key is refused.
  - In check mode the keys are counted and measured instead, with the same care. That is the plan.
  - In a cluster the keys of all masters are meant. A replica is refused, with the name of its master.
author:
  - VendHub DevOps Team (@vendhub)
extends_documentation_fragment:
  - vendhub.ops.redis
requirements:
  - redis (Python library) >= 4.3
  - Redis 5 or newer; C(+info +scan +unlink) on the keys, better also C(+eval), and C(+memory|usage) for the plan
options:
  state:
    description: What becomes of the keys.
    type: str
    choices: [absent]
    default: absent
  prefix:
    description: How the names begin, literally. Give this or O(pattern).
    type: str
  pattern:
    description: A pattern as C(SCAN) has it, with V(*), V(?), V([ab]) and backslash; not one that means every key.
    type: str
  protected:
    description: Keys that stay, whatever the pattern says; V(*) is anything.
    type: list
    elements: str
    default: ['bull:*', '*blacklist*']
  sessions:
    description:
      - Keys of sessions. They stay unless O(prefix) or O(pattern) names them, as V(sess:) does for V(sess:*); taking
        them away logs everybody out.
    type: list
    elements: str
    default: ['sess:*', 'session:*', 'sessions:*', '*:sess:*', '*:session:*', '*:sessions:*']
  batch_seconds:
    description: How long the server shall work for one batch. Nobody else waits longer than that for us.
    type: float
    default: 0.002
  share_percent:
    description: Which share of the server's time is taken; the rest is left to others between batches.
    type: float
    default: 90
  latency_limit_seconds:
    description: From which answer on the server is slow, and gets pauses.
    type: float
    default: 0.1
  patience_seconds:
    description: After which time without one quick answer the task stops.
    type: float
    default: 10
  max_seconds:
    description: After which time the task stops at the latest.
    type: float
    default: 600
  timeout_seconds:
    description: How long one answer may take.
    type: float
    default: 5
attributes:
  check_mode:
    description: Counts and measures the keys, and changes nothing.
    support: full
  diff_mode:
    description: Shows how many keys there are before and after.
    support: full
  idempotent:
    description: A second run finds nothing, unless somebody has written such keys meanwhile.
    support: full
"""

EXAMPLES = r"""
- name: See how many keys of the cache there are, and how large they are
  vendhub.ops.redis_keys:
    password: "{{ vault_redis_password }}"
    prefix: 'cache:'
  check_mode: true

- name: Clear the cache
  vendhub.ops.redis_keys:
    password: "{{ vault_redis_password }}"
    prefix: 'cache:'

- name: Clear the reports of last year, gently
  vendhub.ops.redis_keys:
    unix_socket: /run/redis/redis-server.sock
    pattern: report:2025-*:pdf
    share_percent: 30
"""

RETURN = r"""
msg:
  description: What was done or would be done, or why not, in one sentence.
  returned: always
  type: str
  sample: "redis at 127.0.0.1:6379: 1000000 keys of cache:* cleared in 4.6 s, 269 MiB freed, the slowest of 2113 batches
    took 5.1 ms"
target:
  description: The server, never with a credential.
  returned: when the server answered
  type: str
  sample: redis at 127.0.0.1:6379
pattern:
  description: What was looked for.
  returned: when the server answered
  type: str
  sample: cache:*
key_count:
  description: How many keys were cleared, in check mode how many would be.
  returned: when the server answered
  type: int
  sample: 1000000
bytes:
  description: What the keys take in memory; the first ten thousand are measured, then one of twenty.
  returned: in check mode
  type: int
  sample: 280000000
bytes_known:
  description: Whether keys could be measured.
  returned: in check mode
  type: bool
  sample: true
bytes_estimated:
  description: Whether not every key was measured.
  returned: in check mode
  type: bool
  sample: true
kept:
  description: How many keys of the pattern stay, by what protects them.
  returned: when the server answered
  type: dict
  sample: {"bull:*": 12}
memory:
  description: The memory of the server before and after. Others write meanwhile.
  returned: when the server answered
  type: dict
  sample: {"before_bytes": 380000000, "after_bytes": 98000000, "freed_bytes": 282000000}
complete:
  description: Whether all keys were walked over.
  returned: when the server answered
  type: bool
  sample: true
servers:
  description: How many servers were worked on; the masters of a cluster.
  returned: when the server answered
  type: int
  sample: 1
by_script:
  description: Whether batches were scripts on the server.
  returned: when the server answered
  type: bool
  sample: true
no_script:
  description: Why they were not, in the words of the server.
  returned: when the server answered
  type: str
  sample: ''
batches:
  description: How many batches there were.
  returned: when the server answered
  type: int
  sample: 2113
slowest_batch_seconds:
  description: How long the slowest of them took; what others waited for us at most.
  returned: when the server answered
  type: float
  sample: 0.0051
seconds:
  description: How long all of it took.
  returned: when the server answered
  type: float
  sample: 4.6
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import OpsError
from ansible_collections.vendhub.ops.plugins.module_utils._redis.clear import OPTIONS, Stopped, clear


def main() -> None:
    """Clear, or count."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True, mutually_exclusive=[["prefix", "pattern"]],
                           required_one_of=[["prefix", "pattern"]])
    try:
        result = clear(module.params, act=not module.check_mode)
    except Stopped as exc:
        module.fail_json(**exc.result)
    except OpsError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(diff={"before": f"{result['key_count']} keys of {result['pattern']}\n",
                           "after": f"0 keys of {result['pattern']}\n"}, **result)


if __name__ == "__main__":
    main()
