# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask Redis how it is, and judge it, without leaving a trace."""

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_check
short_description: Judge the health of a Redis server
description:
  - Judges memory, evictions, refused connections, blocked clients, persistence, the eviction policy, the drift between
    the running configuration and its file, latency and replication of one Redis server.
  - Uses only C(INFO), C(CONFIG GET) of a few named settings, and C(PING). Nothing is written and no counter is reset.
  - What cannot be looked at for lack of rights is said by the finding C(redis_not_seen) in state V(warning). What does
    not exist here (a configuration file on a remote host) is listed in the details of C(redis_reachable).
version_added: 1.0.0
author:
  - VendHub DevOps Team (@vendhub)
extends_documentation_fragment:
  - vendhub.ops.check
  - vendhub.ops.redis
requirements:
  - redis (Python library) >= 4.3
options:
  latency_samples:
    description: How many C(PING)s are timed.
    type: int
    default: 10
  protect_queues:
    description: Warn about an eviction policy that may throw away jobs of queues (V(allkeys-*)).
    type: bool
    default: true
  config_file:
    description:
      - Whether the running configuration is compared with the file the server was started with.
      - V(auto) compares when the server is on this host and has such a file; V(required) makes it state V(unknown)
        when that is not possible; V(off) never compares.
    type: str
    choices: [auto, required, 'off']
    default: auto
"""

EXAMPLES = r"""
- name: Judge the Redis of this host
  vendhub.ops.redis_check:
    password: "{{ vault_redis_password }}"

- name: Fail when the cache is nearly full, through its socket
  vendhub.ops.redis_check:
    unix_socket: /run/redis/redis-server.sock
    protect_queues: false
    thresholds:
      redis_memory_percent:
        warning: 70
        critical: 85
    fail_on: critical
"""

RETURN = r"""
msg:
  description: The verdict in one sentence, or why there is none.
  returned: always
  type: str
  sample: "redis at 127.0.0.1:6379: warning: 850 MiB of 1 GiB maxmemory used, policy noeviction (warning above 80 %)"
check:
  description: What kind of thing was looked at.
  returned: when the options are valid
  type: str
  sample: redis
target:
  description: What was looked at, never with a credential.
  returned: when the options are valid
  type: str
  sample: "redis at 127.0.0.1:6379"
state:
  description: The worst state of all findings; V(ok), V(warning), V(unknown), V(critical) in order of severity.
  returned: when the check could look
  type: str
  sample: warning
findings:
  description: What was looked at, one by one, worst first.
  returned: when the check could look
  type: list
  elements: dict
  contains:
    name:
      description: The name of the finding; a row of the threshold table when it has limits.
      type: str
      returned: always
      sample: redis_memory_percent
    state:
      description: The state of this finding.
      type: str
      returned: always
      sample: warning
    message:
      description: What was seen, in one sentence.
      type: str
      returned: always
      sample: 850 MiB of 1 GiB maxmemory used, policy noeviction (warning above 80 %)
    value:
      description: The measured value.
      type: raw
      returned: when something was measured
      sample: 83.0078
    unit:
      description: The unit of the value and its limits.
      type: str
      returned: when the value has a unit
      sample: percent
    warning:
      description: The limit past which the state is V(warning).
      type: float
      returned: when there is one
      sample: 80
    critical:
      description: The limit past which the state is V(critical).
      type: float
      returned: when there is one
      sample: 90
    object:
      description: Which of several things of a kind the finding is about.
      type: str
      returned: when there are several
    remedy:
      description: The playbook that repairs it.
      type: str
      returned: when the state is not V(ok) and there is such a playbook
      sample: vendhub.ops.free_redis_memory
    reason:
      description: >-
        Why a service does not work, as one word (C(absent), C(silent), C(exhausted), C(foreign), C(starting),
        C(full), C(stopped), C(errored)).
      type: str
      returned: when it does not work and the reason is known
      sample: absent
    details:
      description: Rows that support the finding.
      type: list
      elements: dict
      returned: when there are any
metrics:
  description: Flat numbers for trends and export, named like Prometheus samples without the prefix C(vendhub_).
  returned: when the check could look
  type: dict
  sample: {"redis_memory_used_bytes": 891289600, "redis_memory_percent": 83.0078}
"""

from ansible_collections.vendhub.ops.plugins.module_utils._core.module import run_check
from ansible_collections.vendhub.ops.plugins.module_utils._redis.options import OPTIONS
from ansible_collections.vendhub.ops.plugins.module_utils._redis.subject import subject


def main() -> None:
    """Run the check."""
    run_check(OPTIONS, subject)


if __name__ == "__main__":
    main()
