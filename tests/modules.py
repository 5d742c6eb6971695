# SPDX-License-Identifier: GPL-3.0-or-later
"""Call a module of the collection the way Ansible does, in this process: options in, JSON out."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args

PACKAGE = "ansible_collections.vendhub.ops.plugins.modules"


def call(which: str, /, check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
    """Run ``vendhub.ops.<which>`` with these options and return its result, with ``failed`` always set."""
    module = importlib.import_module(f"{PACKAGE}.{which}")
    screen = io.StringIO()
    arguments = {**options, "_ansible_check_mode": check_mode}
    with patch_module_args(arguments), contextlib.redirect_stdout(screen), pytest.raises(SystemExit):
        module.main()
    result: dict[str, t.Any] = json.loads(screen.getvalue().strip().splitlines()[-1])
    result.setdefault("failed", False)
    return result


def finding(result: t.Mapping[str, t.Any], name: str, object: str | None = None) -> dict[str, t.Any]:
    """The one finding of that name (and object) in a verdict; the test fails when there is not exactly one."""
    found = [row for row in result["findings"] if row["name"] == name and object in (None, row.get("object"))]
    assert len(found) == 1, f"{len(found)} findings {name} {object or ''} in {result['findings']}"
    return dict(found[0])
