# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge the errors that log files hold, without following or changing them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: log_check
short_description: Judge the errors in the logs of the last day
description:
  - Reads the named logs with what they were rotated to (C(app.log.1), C(app.log-20261122), C(app.log.2.gz),
    C(app__2026-11-22_00-00-00.log)), finds the errors of the last O(window_hours) and groups them by what they say.
  - A log in order of time is not read from its start; the beginning of the window is found by halving. Time stamps of
    PM2, Nest, Winston, pino, nginx, PostgreSQL and Redis are known. A time without a zone is in the host's zone.
  - A level decides where a record has one (JSON C(level), C( ERROR ), C([error]), C(error:)), in an access log the
    status 5xx. Without a level the words error, exception, fatal and panic decide, not the plural, C(no error),
    C(error=null), or a word inside a path or an address.
  - A stack trace belongs to the record before it. Numbers, times, ids, addresses and quoted values make no new kind.
    Samples are free of what looks like a secret.
  - Two logs of one app that hold the same record count it once.
  - What could not be seen (a file this user must not read, a log without times, the end of a budget) is a finding in
    state V(unknown).
  - Files are only read, up to the size they had when they were opened.
version_added: 1.0.0
author:
  - VendHub DevOps Team (@vendhub)
extends_documentation_fragment:
  - vendhub.ops.check
options:
  paths:
    description:
      - Log files or shell patterns. In the single-subject module at least one must be given.
      - Each log is judged by itself, its rotated files with it.
    type: list
    elements: path
    default: []
  window_hours:
    description: How far back an error counts.
    type: float
    default: 24
  patterns:
    description:
      - Regular expressions that make a line an error in addition to the rule above.
      - They are searched for in every line, which is slower than the rule itself.
    type: list
    elements: str
    default: []
  ignore:
    description: Regular expressions; an error whose first line matches one is not counted.
    type: list
    elements: str
    default: []
  max_bytes:
    description:
      - How much is read in all, small logs first; of a log that is larger than what is left its end is read.
      - Compressed logs count as what they unpack to.
    type: int
    default: 268435456
  untimed_bytes:
    description: How much is read from the end of a log whose lines have no time.
    type: int
    default: 4194304
  timeout_seconds:
    description: When reading stops; what was read until then is judged and reported as partial.
    type: float
    default: 20
"""

EXAMPLES = r"""
- name: Judge the errors of the last day
  vendhub.ops.log_check:
    paths:
      - /opt/vendhub/logs/combined.log
      - /var/log/nginx/*.log

- name: Fail on any error within the hour after a deployment, but for a known one
  vendhub.ops.log_check:
    paths: [/opt/vendhub/logs/error.log]
    window_hours: 1
    ignore: ['ECONNRESET .* telegram']
    thresholds:
      log_errors: {warning: 0, critical: 0}
    fail_on: warning
"""

RETURN = r"""
msg:
  description: The verdict in one sentence, or why there is none.
  returned: always
  type: str
  sample: "logs: warning: api: 62 errors of 3 kinds in the last 24 h (warning above 50 errors)"
check:
  description: What kind of thing was looked at.
  returned: when the options are valid
  type: str
  sample: logs
target:
  description: What was looked at, never with a credential.
  returned: when the options are valid
  type: str
  sample: logs
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
      sample: log_errors
    state:
      description: The state of this finding.
      type: str
      returned: always
      sample: warning
    message:
      description: What was seen, in one sentence.
      type: str
      returned: always
      sample: "api: 62 errors of 3 kinds in the last 24 h (warning above 50 errors)"
    value:
      description: The measured value.
      type: raw
      returned: when something was measured
      sample: 62
    unit:
      description: The unit of the value and its limits.
      type: str
      returned: when the value has a unit
      sample: errors
    warning:
      description: The limit past which the state is V(warning).
      type: float
      returned: when there is one
      sample: 50
    critical:
      description: The limit past which the state is V(critical).
      type: float
      returned: when there is one
      sample: 1000
    object:
      description: The app that writes the log, or the path of the log.
      type: str
      returned: when there are several
    remedy:
      description: The playbook that repairs it.
      type: str
      returned: when the state is not V(ok) and there is such a playbook
      sample: vendhub.ops.investigate_errors
    reason:
      description: >-
        Why a service does not work, as one word (C(absent), C(silent), C(exhausted), C(foreign), C(starting),
        C(full), C(stopped), C(errored)).
      type: str
      returned: when it does not work and the reason is known
      sample: absent
    details:
      description:
        - The 20 most frequent kinds of error with C(fingerprint), C(count), C(first_seen), C(last_seen) (UTC), C(file)
          and C(sample), then up to 200 more with C(fingerprint) and C(count) alone.
        - Of a gap, C(file) and C(reason).
      type: list
      elements: dict
      returned: when there are any
metrics:
  description: Flat numbers for trends and export, named like Prometheus samples without the prefix C(vendhub_).
  returned: when the check could look
  type: dict
  sample: {"log_errors{source=\"vendhub-api\"}": 62, "log_groups": 3, "log_bytes_read": 891289}
"""

from ansible_collections.vendhub.ops.plugins.module_utils._core.module import run_check
from ansible_collections.vendhub.ops.plugins.module_utils._log.options import OPTIONS
from ansible_collections.vendhub.ops.plugins.module_utils._log.subject import subject


def main() -> None:
    """Run the check."""
    run_check(OPTIONS, subject)


if __name__ == "__main__":
    main()
