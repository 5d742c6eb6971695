# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: http_check
short_description: Judge an API by its health and readiness pages
version_added: 0.1.0
description:
  - Asks the health page a few times and the readiness page once, and judges what they say, how long it took, and which
    release is served.
  - An answer 429 is the page's own rate limit, not an outage. Asking stops there; the verdict is unknown only when no
    answer before it was good.
  - Every answer is bounded in time (slow senders included) and in size (1 MiB). Proxies are not used.
  - The defaults cost an application with a limit of three requests a second exactly those three.
author:
  - VendHub DevOps Team (@vendhub)
extends_documentation_fragment:
  - vendhub.ops.check
options:
  name:
    description: What to call the API in findings and metrics. Without it, the URL without credentials and query.
    type: str
  url:
    description: The health page. A login in it is sent as basic authentication and never shown.
    type: str
    required: true
  readiness_url:
    description: The readiness page, asked once; any 2xx answer is ready. Without it readiness is not looked at.
    type: str
  expect:
    description:
      - JMESPath expressions over the JSON body of the health page. Each must be true (not only truthy).
      - Without this option a JSON body must satisfy C(status == 'ok'), and any other body is judged by its status code.
      - An empty list switches the expectation off. Any expression needs the Python library jmespath on the host.
    type: list
    elements: str
  release_expression:
    description: JMESPath expression for the served release in the health page's body.
    type: str
  release_expected:
    description: The release that should be served; another one is critical.
    type: str
  headers:
    description:
      - Further request headers. The values of C(Authorization), C(Cookie) and of names that end in C(-auth), C(-token),
        C(-key), C(-secret) or C(-password) are never shown.
    type: dict
    default: {}
  samples:
    description: How often the health page is asked.
    type: int
    default: 2
  sample_interval_seconds:
    description: How long to wait between two samples.
    type: float
    default: 0.0
  timeout_seconds:
    description: How long one whole answer may take, from the connection to the last byte.
    type: float
    default: 5.0
  validate_certs:
    description: Whether an https certificate must be trusted and name the host.
    type: bool
    default: true
  ca_path:
    description: A file of further certificates to trust (PEM).
    type: path
  redirects:
    description: How many redirects to follow. Logins and headers are not sent to another origin.
    type: int
    default: 0
"""

EXAMPLES = r"""
- name: Judge the API by its health and readiness pages
  vendhub.ops.http_check:
    name: vendhub
    url: http://127.0.0.1:3000/health
    readiness_url: http://127.0.0.1:3000/health/ready

- name: Fail unless database and Redis are up and the release of today is served
  vendhub.ops.http_check:
    url: http://127.0.0.1:3000/health
    expect:
      - info.database.status == 'up'
      - info.redis.status == 'up'
    release_expression: version
    release_expected: 1.2.1
    fail_on: critical
"""

RETURN = r"""
msg:
  description: The verdict in one sentence, or why there is none.
  returned: always
  type: str
  sample: "http://127.0.0.1:3000/health: 3 findings, all ok"
check:
  description: What kind of thing was looked at.
  returned: when the options are valid
  type: str
  sample: api
target:
  description: What was looked at, never with a credential.
  returned: when the options are valid
  type: str
  sample: http://127.0.0.1:3000/health
state:
  description: The worst state of all findings; V(ok), V(warning), V(unknown), V(critical) in order of severity.
  returned: when the check could look
  type: str
  sample: ok
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
    state:
      description: The state of this finding.
      type: str
      returned: always
    message:
      description: What was seen, in one sentence.
      type: str
      returned: always
    value:
      description: The measured value.
      type: raw
      returned: when something was measured
    unit:
      description: The unit of the value and its limits.
      type: str
      returned: when the value has a unit
    warning:
      description: The limit past which the state is V(warning).
      type: float
      returned: when there is one
    critical:
      description: The limit past which the state is V(critical).
      type: float
      returned: when there is one
    object:
      description: Which of several things of a kind the finding is about.
      type: str
      returned: when there are several
    remedy:
      description: The playbook that repairs it.
      type: str
      returned: when the state is not V(ok) and there is such a playbook
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
  sample: {"api_up{api=\"vendhub\"}": 1}
"""

from ansible_collections.vendhub.ops.plugins.module_utils._core.module import run_check
from ansible_collections.vendhub.ops.plugins.module_utils._http.options import OPTIONS
from ansible_collections.vendhub.ops.plugins.module_utils._http.subject import subject


def main() -> None:
    run_check(OPTIONS, subject)


if __name__ == "__main__":
    main()
