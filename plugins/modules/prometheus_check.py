# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: prometheus_check
short_description: Judge the API's latency and errors as Prometheus measured them
version_added: 0.1.0
description:
  - Asks a Prometheus server for the 95th percentile of the response time and for the share of requests that were
    answered with 5xx, both within a window, and tells which alerts fire and which targets cannot be scraped.
  - A query that selects nothing is unknown, not fine. The usual reasons are a metric of another name and an API that is
    not scraped.
  - With fewer requests than O(min_requests) in the window there is nothing to judge, and the finding says so.
author:
  - VendHub DevOps Team (@vendhub)
extends_documentation_fragment:
  - vendhub.ops.check
options:
  url:
    description: Where Prometheus lives, with its path prefix if it has one.
    type: str
    required: true
  username:
    description: User for basic authentication.
    type: str
  password:
    description: Password for basic authentication.
    type: str
  token:
    description: Bearer token, instead of a user and password.
    type: str
  requests_metric:
    description: The counter of requests, with the label C(status).
    type: str
    default: vendhub_http_requests_total
  duration_metric:
    description: The histogram of response times.
    type: str
    default: vendhub_http_request_duration_seconds_bucket
  selector:
    description: Further label matchers for both metrics, such as V(job="vendhub-backend").
    type: str
    default: ""
  latency_query:
    description: A PromQL expression of your own for the latency in seconds; one number.
    type: str
  error_query:
    description: A PromQL expression of your own for the errors in percent; one number.
    type: str
  window:
    description: How far back the queries look, as a Prometheus duration.
    type: str
    default: 5m
  min_requests:
    description: With fewer requests in the window nothing is judged.
    type: int
    default: 5
  timeout_seconds:
    description: How long Prometheus may take for all answers together.
    type: float
    default: 5.0
  validate_certs:
    description: Whether an https certificate must be trusted and name the host.
    type: bool
    default: true
  ca_path:
    description: A file of further certificates to trust (PEM).
    type: path
"""

EXAMPLES = r"""
- name: Judge the API by what Prometheus measured in the last five minutes
  vendhub.ops.prometheus_check:
    url: http://127.0.0.1:9090

- name: Judge one job over an hour, behind a proxy that wants a token
  vendhub.ops.prometheus_check:
    url: https://monitoring.example/prometheus
    token: "{{ vault_prometheus_token }}"
    selector: job="vendhub-backend"
    window: 1h
"""

RETURN = r"""
msg:
  description: The verdict in one sentence, or why there is none.
  returned: always
  type: str
  sample: "http://127.0.0.1:9090/: 3 findings, all ok"
check:
  description: What kind of thing was looked at.
  returned: when the options are valid
  type: str
  sample: prometheus
target:
  description: What was looked at, never with a credential.
  returned: when the options are valid
  type: str
  sample: http://127.0.0.1:9090/
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
  sample: {"api_latency_p95_seconds": 0.23, "api_error_percent": 0.1}
"""

from ansible_collections.vendhub.ops.plugins.module_utils._core.module import run_check
from ansible_collections.vendhub.ops.plugins.module_utils._prometheus.options import OPTIONS
from ansible_collections.vendhub.ops.plugins.module_utils._prometheus.subject import subject


def main() -> None:
    run_check(OPTIONS, subject)


if __name__ == "__main__":
    main()
