# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_canary
short_description: Prove a release on a spare port before it is served
version_added: 0.1.0
description:
  - Starts the release beside the one that is served, asks its health page until it gave enough good answers in a row,
    and ends it with everything it started.
  - Nothing of it is left running, also when it fails and when this module is killed.
  - Only answers of the release itself count. When something else listens on the port, the task fails.
  - A success is written into the ledger.
author:
  - VendHub DevOps Team (@vendhub)
extends_documentation_fragment:
  - vendhub.ops.release
  - vendhub.ops.release.acting
options:
  release:
    description: Which release; V(newest_staged), V(current), V(previous_good), an id, a tag, or the beginning of a sha.
    type: str
    default: newest_staged
  command:
    description: The program that starts the application, as a list of arguments, run in the application's folder.
    type: list
    elements: str
    default: [node, dist/main.js]
  environment:
    description:
      - Environment variables of the application, over those of O(env_file). Switch background workers off here.
      - Nothing else is inherited but PATH, HOME, USER, LOGNAME and LANG.
    type: dict
    default: {}
  env_file:
    description:
      - An environment file to read them from, in the manner of dotenv; relative to O(root) or absolute.
      - Its values are never shown, also not where the application prints them.
    type: str
  port:
    description: The spare port. With 0 the kernel chooses a free one.
    type: int
    default: 0
  port_variable:
    description: The environment variable that tells the application its port.
    type: str
    default: PORT
  url_path:
    description: The health page.
    type: str
    default: /health
  headers:
    description: Further request headers.
    type: dict
    default: {}
  expect:
    description:
      - JMESPath expressions over the JSON body of the health page. Each must be true (not only truthy).
      - Without this option a JSON body must satisfy C(status == 'ok'), and any other body is judged by its status code.
    type: list
    elements: str
  release_expression:
    description: JMESPath expression for the served release in the health page's body.
    type: str
  release_expected:
    description: What it must say.
    type: str
  good_answers:
    description: How many good answers in a row prove it.
    type: int
    default: 3
  interval_seconds:
    description: How long to wait between two questions. Health pages may be rate-limited.
    type: float
    default: 0.5
  timeout_seconds:
    description: How long one whole answer may take.
    type: float
    default: 5.0
  deadline_seconds:
    description: How long the release has to prove itself.
    type: float
    default: 60.0
  grace_seconds:
    description: How long it has to end by itself before it is killed.
    type: float
    default: 5.0
attributes:
  check_mode:
    description: Says which release would be started, and starts nothing.
    support: full
  diff_mode:
    description: Shows that the release would count as proven.
    support: full
  idempotent:
    description: It is started each time; only the first success changes the ledger.
    support: full
"""

EXAMPLES = r"""
- name: Prove the newest release before anybody is served by it
  vendhub.ops.release_canary:
    subfolder: backend
    env_file: shared/.env.production
    environment:
      NODE_ENV: production
      DISABLE_WORKERS: true
    expect:
      - info.database.status == 'up'
    deadline_seconds: 90
"""

RETURN = r"""
msg:
  description: That it proved itself, or why not, with its last output.
  returned: always
  type: str
  sample: 20261123T202249Z-5f3c9a01 gave 3 good answers in a row on port 41235, the first after 0.4 s
plan:
  description: What is done, or would be in check mode.
  returned: success
  type: list
  elements: str
release:
  description: The release that was tried.
  returned: success
  type: str
port:
  description: The port it listened on.
  returned: success, but not in check mode
  type: int
ready_seconds:
  description: From its start to the first good answer.
  returned: success, but not in check mode
  type: float
answers:
  description: How many good answers it gave in a row.
  returned: success, but not in check mode
  type: int
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import OpsError
from ansible_collections.vendhub.ops.plugins.module_utils._core.redact import secrets_in
from ansible_collections.vendhub.ops.plugins.module_utils._core.web import Getter, address, checked_headers
from ansible_collections.vendhub.ops.plugins.module_utils._http.client import ask, searcher
from ansible_collections.vendhub.ops.plugins.module_utils._http.judge import Expectation, fault, served
from ansible_collections.vendhub.ops.plugins.module_utils._release.canary import Ask
from ansible_collections.vendhub.ops.plugins.module_utils._release.change import explained
from ansible_collections.vendhub.ops.plugins.module_utils._release.environment import secrets
from ansible_collections.vendhub.ops.plugins.module_utils._release.options import CANARY, texts, trial


def asker(params: dict[str, t.Any]) -> Ask:
    """Judge one answer the way http_check does."""
    expectation = Expectation(None if params["expect"] is None else tuple(params["expect"]),
                              params["release_expression"] or "", params["release_expected"] or "")
    search = searcher([*(params["expect"] or ()), *filter(None, [params["release_expression"]])])
    headers = checked_headers(params["headers"])

    def wrong(port: int, left_seconds: float) -> str:
        getter = Getter(min(params["timeout_seconds"], left_seconds), headers)
        answer = ask(getter, address(f"http://127.0.0.1:{port}{params['url_path']}"))
        words = fault(answer, expectation, search)
        release = served(answer, expectation.release_expression, search) if expectation.release_expression else ""
        if not words and expectation.release_expected and release != expectation.release_expected:
            words = f"it says that it is release {release or 'of no name'}, not {expectation.release_expected}"
        return words

    return wrong


def main() -> None:
    module = AnsibleModule(argument_spec=CANARY, supports_check_mode=True)
    try:
        given = texts("environment", module.params["environment"])
        module.no_log_values.update(secrets_in(module.params), secrets(given))
        with explained():
            change = trial(module.params, asker(module.params))
            done = change.act() if not module.check_mode else {}
    except OpsError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(**{**change.as_dict(), **done})


if __name__ == "__main__":
    main()
