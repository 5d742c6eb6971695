# SPDX-License-Identifier: GPL-3.0-or-later
"""Composing the subjects of a host: which, in which order, and loaded one at a time."""

from __future__ import annotations

import threading
import typing as t

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.thresholds import Thresholds
from ansible_collections.vendhub.ops.plugins.module_utils._health import compose
from ansible_collections.vendhub.ops.plugins.module_utils._health.options import filled

SPEC = {**compose.OPTIONS, "thresholds": {"type": "dict", "default": {}}}


def plans(**given: t.Any) -> list[t.Any]:
    return compose.compose(filled(SPEC, given), Thresholds())


def test_only_subjects_with_options_are_planned_in_the_order_people_read_them() -> None:
    found = plans(backups=[{"directory": "/a"}, {"directory": "/b"}], system={}, redis={})
    assert [plan.check for plan in found] == ["redis", "system", "backups", "backups"]


@pytest.mark.parametrize("given", [
    {"system": {}}, {"redis": {}}, {"postgresql": {}}, {"pm2": {"home": "/h"}}, {"api": [{"url": "http://h/"}]},
    {"backups": [{"directory": "/b"}]}, {"certificates": [{"server": "h"}]}, {"prometheus": {"url": "http://h"}},
    {"logs": {}, "pm2": {"home": "/h"}},
], ids=lambda given: next(iter(given)))
def test_subjects_are_loaded_one_at_a_time(given: dict[str, t.Any]) -> None:
    plan = plans(**given)[-1]
    built: list[t.Any] = []
    thread = threading.Thread(target=lambda: built.append(plan.build()), daemon=True)
    with compose.LOADING:
        thread.start()
        thread.join(0.1)
        assert not built
    thread.join(10)
    assert built[0].check == plan.check
