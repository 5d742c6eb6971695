# SPDX-License-Identifier: GPL-3.0-or-later
"""Which keys a pattern means, which ones stay, and how names are shown."""

from __future__ import annotations

import re

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import BadOption
from ansible_collections.vendhub.ops.plugins.module_utils._redis.globs import (
    PROTECTED,
    SESSIONS,
    Keeper,
    Rule,
    literal_runs,
    pattern_of,
    rules,
    shown,
)


@pytest.mark.parametrize(("prefix", "pattern"), [
    ("cache:", b"cache:*"), ("a*b", rb"a\*b*"), ("a?", rb"a\?*"), ("a[1]", rb"a\[1]*"), ("a\\", rb"a\\*"),
    ("\0", b"\0*"), ("ключ:", "ключ:*".encode()), ("\udcff", b"\xff*"), ("*", rb"\**"),
])
def test_a_prefix_is_meant_literally(prefix: str, pattern: bytes) -> None:
    assert pattern_of(None, prefix) == pattern


@pytest.mark.parametrize("pattern", ["*", "**", "?*", "[a-z]*", "[^x]*", "", "[", "*[\\]]*"])
def test_a_pattern_for_every_key_is_refused(pattern: str) -> None:
    with pytest.raises(BadOption, match="FLUSHDB by another name"):
        pattern_of(pattern, None)


def test_an_empty_prefix_is_refused() -> None:
    with pytest.raises(BadOption, match="prefix must not be empty"):
        pattern_of(None, "")


@pytest.mark.parametrize(("pattern", "runs"), [
    (b"cache:*", [b"cache:", b""]), (b"a?b", [b"a", b"b"]), (b"a[bc]d*", [b"a", b"d", b""]), (rb"a\*b", [b"a*b"]),
    (rb"[\]x]y", [b"", b"y"]), (b"plain", [b"plain"]), (b"*", [b"", b""]),
])
def test_the_literal_parts_of_a_pattern_are_known(pattern: bytes, runs: list[bytes]) -> None:
    assert literal_runs(pattern) == runs


@pytest.mark.parametrize(("glob", "lua"), [
    ("bull:*", b"^bull:"), ("*blacklist*", b"blacklist"), ("*:end", b":end$"), ("one", b"^one$"), ("a*b", b"^a.*b$"),
    ("a.b-c*", b"^a%.b%-c"), ("a\0*", b"^a%z"), ("50%*", b"^50%%"),
])
def test_a_rule_is_as_cheap_a_lua_pattern_as_can_be(glob: str, lua: bytes) -> None:
    assert Rule(glob).lua() == lua


@pytest.mark.parametrize(("key", "stays"), [
    (b"bull:mail:7", True), (b"bull", False), (b"bullet:1", False), (b"vendhub:blacklist:user:1", True),
    (b"x\nblacklist\0", True), (b"sess:1", True), (b"sessX", False), (b"app:session:1", True), (b"cache:1", False),
])
def test_queues_revoked_tokens_and_sessions_stay(key: bytes, stays: bool) -> None:
    assert (Keeper(rules(PROTECTED, SESSIONS)).rule(key) is not None) == stays


def test_the_first_rule_that_keeps_a_key_is_told() -> None:
    keeper = Keeper([Rule("a*"), Rule("b*"), Rule("*c")])
    assert [keeper.rule(key) for key in (b"a", b"bc", b"xc", b"x")] == [0, 1, 2, None]


def test_no_rule_keeps_nothing() -> None:
    assert Keeper([]).rule(b"bull:1") is None


@pytest.mark.parametrize(("pattern", "stay"), [
    (b"cache:*", {"*blacklist*", "*:sess:*", "*:session:*", "*:sessions:*"}),
    (b"sess:*", {"*blacklist*", "*:sess:*", "*:session:*", "*:sessions:*"}),
    (b"sess*", {"*blacklist*", "sess:*", "session:*", "sessions:*", "*:sess:*", "*:session:*", "*:sessions:*"}),
    (b"app:session:*", {"*blacklist*", "*:sess:*", "*:sessions:*"}),
    (b"*", {"bull:*", "*blacklist*", *SESSIONS}),
    (b"bull:*", {"bull:*", "*blacklist*", "*:sess:*", "*:session:*", "*:sessions:*"}),
    (b"b*", {"bull:*", "*blacklist*", "*:sess:*", "*:session:*", "*:sessions:*"}),
])
def test_sessions_stay_unless_they_are_named_and_rules_that_cannot_matter_are_left_out(
        pattern: bytes, stay: set[str]) -> None:
    assert {rule.glob for rule in rules(PROTECTED, SESSIONS, pattern)} == stay


@pytest.mark.parametrize("glob", ["*", "", "**", "a?", "[ab]*", "a\\*"])
def test_a_rule_names_keys_and_knows_only_the_star(glob: str) -> None:
    with pytest.raises(BadOption, match=re.escape(repr(glob))):
        rules([glob], [])


@pytest.mark.parametrize(("key", "text"), [
    (b"cache:1", "cache:1"), (b"a b\n\0'\"", "a b\\n\\x00'\""), (b"\xff\xfe", "\\xff\\xfe"), (b"a\\n", "a\\\\n"),
    ("ключ".encode(), "ключ"), (b"x" * 200, "x" * 120 + "…"),
    (b"token:eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "token:***"), (b"api_key=abc", "api_key=***"),
])
def test_a_name_is_shown_readably_and_without_credentials(key: bytes, text: str) -> None:
    assert shown(key) == text
