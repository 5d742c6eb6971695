# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_check
short_description: Judge the TLS certificate that a server shows and the file it comes from
version_added: 0.1.0
description:
  - Looks at the certificate that the server shows, days until it expires, whether it is for the name that clients
    ask for, whether its chain is trusted, and whether it is the one on disk (a renewal that was never loaded).
  - Expired, self-signed and foreign certificates are looked at too, and told by what is wrong with them.
  - Needs nothing but Python on the host, and never reads a private key.
author:
  - VendHub DevOps Team (@vendhub)
extends_documentation_fragment:
  - vendhub.ops.check
options:
  server:
    description: Host name of the TLS server. Without it only O(path) is looked at.
    type: str
  port:
    description: Port of the TLS server.
    type: int
    default: 443
  server_name:
    description: The name to ask for (SNI) and to expect in the certificate. Without it O(server).
    type: str
  address:
    description: Where to connect to, for a server behind a balancer or before its DNS exists. Without it O(server).
    type: str
  path:
    description:
      - The certificate on disk (PEM; the first certificate counts, as in C(fullchain.pem)).
      - At least one of O(server) and O(path) is needed.
    type: path
  ca_path:
    description: A file of further authorities to trust (PEM).
    type: path
  timeout_seconds:
    description: How long the server may take in all.
    type: float
    default: 5.0
"""

EXAMPLES = r"""
- name: Judge the certificate of the site, and that nginx serves the renewed one
  vendhub.ops.certificate_check:
    server: api.vendhub.example
    path: /etc/letsencrypt/live/api.vendhub.example/fullchain.pem

- name: Judge what this host serves, whatever DNS says
  vendhub.ops.certificate_check:
    server: api.vendhub.example
    address: 127.0.0.1
    fail_on: critical
"""

RETURN = r"""
msg:
  description: The verdict in one sentence, or why there is none.
  returned: always
  type: str
  sample: "api.vendhub.example:443: 3 findings, all ok"
check:
  description: What kind of thing was looked at.
  returned: when the options are valid
  type: str
  sample: certificates
target:
  description: What was looked at, never with a credential.
  returned: when the options are valid
  type: str
  sample: api.vendhub.example:443
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
  sample: {"certificate_days{object=\"api.vendhub.example:443\"}": 61.4}
"""

from ansible_collections.vendhub.ops.plugins.module_utils._certificate.options import OPTIONS
from ansible_collections.vendhub.ops.plugins.module_utils._certificate.subject import subject
from ansible_collections.vendhub.ops.plugins.module_utils._core.module import run_check


def main() -> None:
    run_check(OPTIONS, subject)


if __name__ == "__main__":
    main()
