# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts said becomes signs and causes; what could not be looked at is not well."""

from __future__ import annotations

import datetime
import typing as t

import pytest
from ansible_collections.vendhub.ops.plugins.plugin_utils._recover import site, told

BEGAN = datetime.datetime(2026, 1, 2, 3, 4, 0, tzinfo=datetime.timezone.utc)
LOOK = site.Look(BEGAN, BEGAN + datetime.timedelta(seconds=10))
STOPPED = {"name": "pm2_app", "state": "critical", "reason": "stopped", "object": "vendhub-api", "value": 0,
           "message": "vendhub-api: 0 of 2 online"}


def health(*findings: dict[str, t.Any], started: str = "2026-01-02T03:04:05Z") -> dict[str, t.Any]:
    return {"findings": list(findings), "started_at": started}


@pytest.mark.parametrize(("started", "ahead"), [
    ("2026-01-02T03:04:00Z", 0), ("2026-01-02T03:04:10Z", 0), ("2026-01-02T03:05:10Z", 60),
    ("2026-01-02T03:03:00Z", -60), ("rubbish", None)])
def test_a_clock_is_off_by_what_the_time_of_the_look_does_not_explain(started: str, ahead: float | None) -> None:
    assert site.signs("a", [], site.Answers(health(started=started)), LOOK).clock_ahead_seconds == ahead


def test_a_cause_comes_with_what_is_done_about_it() -> None:
    found = site.causes([site.signs("a", ["api"], site.Answers(health(STOPPED)), LOOK)])
    assert [(one["cause"], one["host"], one["action"], one["limit"]) for one in found] == \
        [("app_stopped", "a", "start_app", 3)]


@pytest.mark.parametrize("said", [None, {"unreachable": True, "msg": "no route"}])
def test_a_host_that_did_not_answer_is_unreachable(said: dict[str, t.Any] | None) -> None:
    found = site.causes([site.signs("a", ["api"], site.Answers(said), LOOK)])
    assert [one["cause"] for one in found] == ["host_unreachable"]
    assert site.unseen("a", said) == []


def test_a_host_whose_check_broke_is_not_called_well() -> None:
    found = site.unseen("a", {"failed": True, "msg": "no Python"})
    assert found[0]["facts"] == ["it could not be looked at: no Python"]
    assert not found[0]["action"]


CAUSE = {"cause": "app_stopped", "host": "a", "object": "api", "confidence": "certain", "facts": ["0 of 2 online"],
         "action": "start_app", "does": "start the app", "advice": ""}
HUMAN = {"cause": "disk_full", "host": "b", "object": "/", "confidence": "certain", "facts": ["/ is 100 % full"],
         "action": "", "does": "", "advice": "make room", "remedy": "vendhub.ops.free_disk"}


def test_the_message_tells_what_was_down_what_was_done_and_where_the_evidence_is() -> None:
    how = told.Recovery([CAUSE], [{"host": "a", "does": "start the app", "result": "done"}], (), {"a": "/e/a.tar.gz"},
                        "ann", "2026-01-02T03:04:00Z")
    text = "\n".join(told.message(how))
    for words in ("Recovered;", "a: app stopped api (certain)", "0 of 2 online", "a: start the app: done",
                  "/e/a.tar.gz"):
        assert words in text
    assert "ann" not in text


def test_what_is_left_comes_with_advice_and_whom_to_call() -> None:
    text = "\n".join(told.message(told.Recovery([HUMAN], (), [HUMAN], {}, "", "now")))
    for words in ("NOT recovered;", "to do: make room", "nobody is named (recover_on_call)", "none was saved",
                  "vendhub.ops.free_disk"):
        assert words in text


def test_a_diagnosis_says_what_would_be_done() -> None:
    text = "\n".join(told.diagnosis([CAUSE, HUMAN]))
    assert "would start the app" in text
    assert "needs a person: make room" in text


def test_headlines() -> None:
    assert told.headline([CAUSE], []) == "recovered from app stopped api on a"
    assert told.headline([], [HUMAN]) == "not recovered: disk full / on b; a person must look"
    assert told.headline([], []) == "nothing that takes the site down was found"
