# SPDX-License-Identifier: GPL-3.0-or-later
"""The logs health_check finds by asking PM2."""

from __future__ import annotations

import typing as t

from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import CannotLook
from ansible_collections.vendhub.ops.plugins.module_utils._core.subject import answer
from ansible_collections.vendhub.ops.plugins.module_utils._core.thresholds import Thresholds
from ansible_collections.vendhub.ops.plugins.module_utils._log.options import OPTIONS
from ansible_collections.vendhub.ops.plugins.module_utils._log.subject import Source, subject

from tests.modules import finding

from .conftest import ago

Log = t.Callable[..., str]


def look(discover: t.Callable[[], list[Source]], *paths: str) -> dict[str, t.Any]:
    options = {name: option["default"] for name, option in OPTIONS.items()}
    return answer(subject({**options, "paths": list(paths)}, Thresholds(), discover)).verdict.as_dict()


def test_the_logs_of_an_app_are_one_finding_and_a_record_in_two_of_them_is_one_error(log: Log) -> None:
    boom, other = f"{ago(1)} ERROR boom", f"{ago(1)} ERROR other"
    out, err, both = log(boom, boom, name="out.log"), log(other, name="err.log"), log(boom, boom, other, name="all.log")
    worker = log(boom, name="worker.log")
    result = look(lambda: [*(Source(path, "api") for path in (out, err, both, "/dev/null")), Source(worker, "worker")])
    assert {row["object"]: row["value"] for row in result["findings"]} == {"api": 3, "worker": 1}
    assert result["metrics"]['log_errors{source="api"}'] == 3
    assert result["metrics"]["log_groups"] == 2


def test_when_the_apps_cannot_be_asked_the_named_logs_are_still_judged(log: Log) -> None:
    def blind() -> list[Source]:
        raise CannotLook("PM2 does not answer")

    result = look(blind, log(f"{ago(1)} ERROR boom"))
    assert finding(result, "log_errors")["value"] == 1
    assert finding(result, "log_sources")["state"] == "unknown"
    assert "PM2 does not answer" in finding(result, "log_sources")["message"]


def test_no_log_at_all_is_unknown(log: Log) -> None:
    assert look(list)["state"] == "unknown"
