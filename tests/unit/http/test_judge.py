# SPDX-License-Identifier: GPL-3.0-or-later
"""Judging HTTP answers and taking URLs apart, without a network."""

from __future__ import annotations

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import BadOption
from ansible_collections.vendhub.ops.plugins.module_utils._core.redact import secrets_in
from ansible_collections.vendhub.ops.plugins.module_utils._core.thresholds import Thresholds
from ansible_collections.vendhub.ops.plugins.module_utils._core.web import address, checked_headers
from ansible_collections.vendhub.ops.plugins.module_utils._http.judge import (
    Answer,
    Expectation,
    excerpt,
    judge,
    nearest_rank,
    parse,
)


@pytest.mark.parametrize(("quantile", "value"), [(0.5, 5), (0.95, 10), (1.0, 10), (0.0, 1), (0.1, 1), (0.11, 2)])
def test_nearest_rank_is_always_a_measured_value(quantile: float, value: float) -> None:
    assert nearest_rank([10, 1, 2, 3, 4, 5, 6, 7, 8, 9], quantile) == value


@pytest.mark.parametrize(("seconds", "state"), [(0.4999, "ok"), (0.5, "ok"), (0.5001, "warning"),
                                                (2.0, "warning"), (2.0001, "critical")])
def test_latency_just_below_at_and_above_the_table(seconds: float, state: str) -> None:
    found = judge("api", [Answer(200, b'{"status":"ok"}', 0.1), Answer(200, b'{"status":"ok"}', seconds)], None,
                  Expectation(), search=lambda _e, _b: None, thresholds=Thresholds())
    assert str(found.findings[1].state) == state
    assert found.metrics['api_probe_seconds{api="api",quantile="1"}'] == seconds


@pytest.mark.parametrize(("url", "shown", "path"), [
    ("http://h/health?token=x#f", "http://h/health", "/health?token=x"),
    ("http://u:p@h:3000", "http://h:3000/", "/"),
    ("https://[::1]:8443/a b", "https://[::1]:8443/a%20b", "/a%20b"),
    ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC", "/%C3%BC"),
    ("http://h:80/x", "http://h/x", "/x"),
])
def test_a_url_is_shown_without_login_and_query(url: str, shown: str, path: str) -> None:
    assert (address(url).shown, address(url).path) == (shown, path)
    assert "u:p" not in repr(address(url))


@pytest.mark.parametrize("url", ["", "h", "//h", "file:///etc/passwd", "http://h:x/", "http://[::1/", "http://a b/"])
def test_what_is_not_a_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(BadOption, match="not a URL that can be asked for"):
        address(url)


@pytest.mark.parametrize("headers", [{"A B": "x"}, {"": "x"}, {"A": "x\n"}, {"A": "\u20ac"}])
def test_headers_that_http_cannot_carry_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(BadOption):
        checked_headers(headers)


@pytest.mark.parametrize("name", ["Authorization", "X-Auth", "x-api-key", "X-Session-Token", "Cookie", "token"])
def test_the_values_of_secret_headers_are_secret(name: str) -> None:
    assert secrets_in({"headers": {name: "canary9", "Accept": "text/plain"}}) == {"canary9"}


def test_secrets_inside_options_are_found_at_any_depth() -> None:
    options = {"a": [{"url": "redis://:p%40ss@h/0"}], "headers": {"Authorization": "Bearer x", "Accept": "y"}}
    assert secrets_in(options) == {"p%40ss", "p@ss", "Bearer x"}


@pytest.mark.parametrize(("body", "text"), [
    (b"", ""), (b"a\n\tb\x1b[31m\xff", ": a b [31m\ufffd"), (b'{"password": "x1"}', ': {"password": ***}')])
def test_an_excerpt_is_one_printable_line_without_secrets(body: bytes, text: str) -> None:
    assert excerpt(body) == text
    assert len(excerpt(b"x" * 100_000)) < 320


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"9" * 5000])
def test_a_hostile_body_is_just_not_json(body: bytes) -> None:
    assert parse(body) == (False, None)
