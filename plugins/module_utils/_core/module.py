# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The edge: the only place where checks meet AnsibleModule."""

from __future__ import annotations

import traceback
import typing as t

from ansible.module_utils.basic import AnsibleModule

from .errors import BadOption, CannotLook
from .redact import secrets_in
from .subject import Answer, Plan, Subject, look
from .thresholds import Thresholds
from .verdict import State

Options = t.Mapping[str, t.Any]
Build = t.Callable[[Options, Thresholds], Subject]

SHARED_OPTIONS: dict[str, t.Any] = {
    "thresholds": {"type": "dict", "default": {}},
    "fail_on": {"type": "str", "choices": ["never", "warning", "critical"], "default": "never"},
}


def check_module(options: Options, **constraints: t.Any) -> AnsibleModule:
    """An AnsibleModule with these options and the shared ones, that shows none of the secrets inside them."""
    module = AnsibleModule(argument_spec={**options, **SHARED_OPTIONS}, supports_check_mode=True, **constraints)
    module.no_log_values.update(secrets_in(module.params))  # Ansible shows every other option as it was given
    return module


def run_check(options: Options, build: Build, **constraints: t.Any) -> None:
    """The whole life of a single-subject module: options, one look, one verdict.

    ``constraints`` are AnsibleModule's own (required_one_of, mutually_exclusive …).
    """
    module = check_module(options, **constraints)
    try:
        subject = build(module.params, Thresholds(module.params["thresholds"]))
    except BadOption as exc:
        module.fail_json(msg=str(exc))
    (answer,) = look([Plan(subject.check, lambda: subject)])
    if answer.error is not None:
        _could_not_look(module, answer)
    leave(module, answer.verdict.as_dict())


def leave(module: AnsibleModule, verdict: dict[str, t.Any]) -> None:
    """End the module with its verdict; fail_on decides whether that is a failed task."""
    state = State.parse(verdict["state"])
    fail_on = module.params["fail_on"]
    if fail_on != "never" and state >= State.parse(fail_on):
        module.fail_json(changed=False, **verdict)
    module.exit_json(changed=False, **verdict)


def _could_not_look(module: AnsibleModule, answer: Answer) -> None:
    error = answer.error
    trace = {} if error is None or isinstance(error, CannotLook) else {
        "exception": "".join(traceback.format_exception(type(error), error, error.__traceback__))}
    module.fail_json(msg=f"{answer.verdict.target}: {answer.verdict.findings[0].message}",
                     check=answer.verdict.check, target=answer.verdict.target, **trace)
