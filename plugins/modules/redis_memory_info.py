# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What takes the memory of Redis."""

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_memory_info
short_description: Tell what takes the memory of Redis, by prefix and by key
version_added: 1.0.0
description:
  - Walks over the keys in small batches and measures each with C(MEMORY USAGE), bytes and not elements, until it saw
    O(max_keys) or O(max_seconds) are over. What was not seen is estimated from what was, for a walk meets keys in no
    order of theirs; RV(sample) says how much was seen. A single big key may be missed by a sample.
  - The size of a batch follows what the last ones cost the server, so nobody waits for it longer than some
    milliseconds. When Redis stays slow it ends early and tells what it has.
  - In a cluster all masters are looked at, each within O(max_keys). A replica may be asked as well as its master.
  - Nothing is changed. No value is read. Credentials in names are taken out.
author:
  - VendHub DevOps Team (@vendhub)
extends_documentation_fragment:
  - vendhub.ops.redis
requirements:
  - redis (Python library) >= 4.3
  - C(+info +scan +type +dbsize), and for sizes C(+memory|usage +pttl); quicker with C(+eval)
options:
  separator:
    description: What parts a name.
    type: str
    default: ':'
  depth:
    description: How many parts make a prefix, at most. Numbers, hashes and the last part of a name are never in one.
    type: int
    default: 2
  prefixes:
    description: How many prefixes are told.
    type: int
    default: 20
  biggest:
    description: How many of the biggest keys are told.
    type: int
    default: 10
  max_keys:
    description: How many keys of each server are looked at.
    type: int
    default: 100000
  max_seconds:
    description: After which time no more keys are looked at.
    type: float
    default: 15
  batch_seconds:
    description: How long the server shall work for one batch.
    type: float
    default: 0.002
  share_percent:
    description: Which share of the server's time is taken; the rest is left to others between batches.
    type: float
    default: 50
  latency_limit_seconds:
    description: From which answer on the server is slow, and gets pauses.
    type: float
    default: 0.1
  patience_seconds:
    description: After which time without one quick answer no more keys are looked at.
    type: float
    default: 5
  protected:
    description: Keys that M(vendhub.ops.redis_keys) leaves; V(*) is anything.
    type: list
    elements: str
    default: ['bull:*', '*blacklist*']
  sessions:
    description: Keys of sessions, which M(vendhub.ops.redis_keys) leaves unless they are named; V(*) is anything.
    type: list
    elements: str
    default: ['sess:*', 'session:*', 'sessions:*', '*:sess:*', '*:session:*', '*:sessions:*']
  timeout_seconds:
    description: How long one answer may take.
    type: float
    default: 5
attributes:
  check_mode:
    description: Only looks anyway.
    support: full
"""

EXAMPLES = r"""
- name: See what takes the memory
  vendhub.ops.redis_memory_info:
    password: "{{ vault_redis_password }}"
  register: redis_memory

- name: Read it
  ansible.builtin.debug:
    var: redis_memory.report

- name: Measure every key, in its time
  vendhub.ops.redis_memory_info:
    unix_socket: /run/redis/redis-server.sock
    max_keys: 100000000
    max_seconds: 600
    share_percent: 20
"""

RETURN = r"""
msg:
  description: The memory in one sentence, or why it could not be looked at.
  returned: always
  type: str
  sample: "redis at 127.0.0.1:6379: 353 MiB of 400 MiB maxmemory used, policy noeviction; looked at all 300012 keys, in
    4.1 s"
target:
  description: The server, never with a credential.
  returned: success
  type: str
  sample: redis at 127.0.0.1:6379
report:
  description: All of it as lines to read.
  returned: success
  type: list
  elements: str
  sample: ["353 MiB of 400 MiB maxmemory used, policy noeviction; looked at all 300012 keys, in 4.1 s",
           "   280 MiB     200000  cache:product:  (never expire)"]
server:
  description: What the server says of itself; in a cluster the sum of its masters.
  returned: success
  type: dict
  contains:
    version:
      description: Its version.
      returned: always
      type: str
      sample: 7.0.15
    role:
      description: V(master) or V(replica).
      returned: always
      type: str
      sample: master
    servers:
      description: How many servers were looked at.
      returned: always
      type: int
      sample: 1
    used_bytes:
      description: The memory that counts against the limit.
      returned: always
      type: int
      sample: 370147328
    limit_bytes:
      description: The limit, V(0) without one.
      returned: always
      type: int
      sample: 419430400
    percent:
      description: How much of the limit is used.
      returned: when there is a limit
      type: float
      sample: 88.3
    policy:
      description: What happens at the limit.
      returned: always
      type: str
      sample: noeviction
    overhead_bytes:
      description: What is not data.
      returned: always
      type: int
      sample: 25000000
    clients_bytes:
      description: The buffers of clients, a part of it.
      returned: always
      type: int
      sample: 1900000
    fragmentation_ratio:
      description: How many times more the process takes than it uses.
      returned: always
      type: float
      sample: 1.08
    evicted_keys:
      description: Keys thrown away since the start.
      returned: always
      type: int
      sample: 0
    other_databases:
      description: How many keys other logical databases hold, which were not looked at.
      returned: always
      type: dict
      sample: {"1": 17}
key_count:
  description: How many keys there are.
  returned: success
  type: int
  sample: 300012
sample:
  description: How much was looked at (C(key_count), C(complete), C(seconds)), what others waited for it at most
    (C(slowest_batch_seconds)), why it ended early (C(stopped)), and whether sizes are known (C(measured)).
  returned: success
  type: dict
  sample: {"key_count": 300012, "complete": true, "seconds": 4.1, "slowest_batch_seconds": 0.0041, "stopped": "",
           "measured": true}
prefixes:
  description: What the keys of each prefix take, the largest first; estimated unless the sample is complete.
  returned: success
  type: list
  elements: dict
  contains:
    prefix:
      description: How the names begin; empty for those without a separator.
      returned: always
      type: str
      sample: 'cache:product:'
    key_count:
      description: How many keys.
      returned: always
      type: int
      sample: 200000
    bytes:
      description: What they take.
      returned: always
      type: int
      sample: 293601280
    lasting_keys:
      description: How many of them stay until somebody deletes them.
      returned: always
      type: int
      sample: 200000
    protected_keys:
      description: How many of them M(vendhub.ops.redis_keys) leaves.
      returned: always
      type: int
      sample: 0
biggest:
  description: The biggest keys that were seen (C(key), C(bytes), C(type), C(ttl_seconds), C(protected_by)).
  returned: success
  type: list
  elements: dict
  sample: [{"key": "cache:report:2026", "bytes": 20971520, "type": "hash", "ttl_seconds": null, "protected_by": ""}]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import BadOption, OpsError
from ansible_collections.vendhub.ops.plugins.module_utils._redis.connection import address
from ansible_collections.vendhub.ops.plugins.module_utils._redis.survey import OPTIONS, survey


def main() -> None:
    """Look."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    try:
        result = survey(module.params)
    except BadOption as exc:
        module.fail_json(msg=str(exc))
    except OpsError as exc:
        module.fail_json(msg=f"{address(module.params)}: {exc}")
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
