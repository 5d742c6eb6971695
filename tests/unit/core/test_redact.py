# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets in text: what is hidden, and what stays readable."""

from __future__ import annotations

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.redact import redact, secrets_in


@pytest.mark.parametrize("text", [
    "postgresql://vendhub:canary9@db:5432/prod",
    "redis://:canary9@127.0.0.1/0",
    '{"password":"canary9"}',
    '{"user":"a", "newPassword" : "canary9 with \\" quote"}',
    "DB_PASSWORD=canary9",
    "DATABASE_PASS: canary9",
    "password = 'canary9'",
    "Authorization: Bearer canary9canary9",
    "authorization basic Y2FuYXJ5OTpjYW5hcnk5canary9",
    "jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.canary9-signature",
    "JWT_SECRET=canary9",
    "x-api-key: canary9",
    "?token=canary9&x=1",
    "Set-Cookie: canary9",
    "failed for --password canary9canary9",
])
def test_a_secret_is_hidden(text: str) -> None:
    assert "canary9" not in redact(text)


@pytest.mark.parametrize("text", [
    "", "connection refused", "http://127.0.0.1:3000/health", "GET /api/v1/tasks took 3.35s",
    "password authentication failed for user \"vendhub\"",
    "compass: north", "bypass=1", "error in user@example.org", "token bucket is empty",
    "SELECT 1 -- 12:30:45",
])
def test_what_is_no_secret_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


def test_the_words_around_a_secret_stay() -> None:
    assert redact("user=bob password=canary9 host=db") == "user=bob password=*** host=db"


@pytest.mark.parametrize(("text", "shown"), [
    (r'{"body": "{\"token\":\"canary9\",\"status\":\"ok\"}"}', r'{"body": "{\"token\":***,\"status\":\"ok\"}"}'),
    (r'"{\\\"password\\\": \\\"canary9\\\", 1}"', r'"{\\\"password\\\": ***, 1}"'),
    (r'{\"password\":\"can\\\"ary9\",\"a\":1}', r'{\"password\":***,\"a\":1}'),
    (r'{\"password\":\"canary9 is cut', r'{\"password\":*** is cut'),
])
def test_a_secret_in_json_inside_json_is_hidden(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_redacting_twice_changes_nothing_more() -> None:
    once = redact("password=canary9; redis://:canary9@h")
    assert redact(once) == once


def test_a_long_line_is_redacted_in_linear_time() -> None:
    assert len(redact("a" * 1_000_000)) == 1_000_000
    assert len(redact("password" * 50_000)) > 0
    assert len(redact("x:" * 200_000)) > 0


def test_tokens_in_the_query_of_a_url_are_secrets() -> None:
    url = "https://a.example/h?page=2&token=abc%20def&api_key=xyz"
    assert secrets_in({"url": url}) == {"abc%20def", "abc def", "xyz"}
