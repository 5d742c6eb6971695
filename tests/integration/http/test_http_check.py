# SPDX-License-Identifier: GPL-3.0-or-later
"""The API check against servers that answer well, badly, slowly, endlessly or not at all."""

from __future__ import annotations

import base64
import json
import pathlib
import socket
import ssl
import subprocess
import sys
import time
import typing as t

import pytest

from tests.modules import call, finding

Send = t.Callable[[socket.socket, int], None]
HEALTHY = {"status": "ok", "version": "1.2.1", "info": {"database": {"status": "up"}, "redis": {"status": "up"}}}


def answer(status: int, body: t.Any = None, *extra: str) -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}", *extra]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def sends(*answers: bytes) -> Send:
    """The first connection gets the first answer; the last answer is for all the others."""
    return lambda connection, number: connection.sendall(answers[min(number, len(answers) - 1)])


def timed(**options: t.Any) -> tuple[dict[str, t.Any], float]:
    started = time.monotonic()
    result = call("http_check", **options)
    return result, time.monotonic() - started


def test_a_healthy_api_costs_three_requests_and_is_ok_in_all_its_findings(serve: t.Any) -> None:
    server = serve(sends(answer(200, HEALTHY)))
    result = call("http_check", name="vendhub", url=f"{server.url}/health", readiness_url=f"{server.url}/health/ready",
                  release_expression="version", release_expected="1.2.1")
    assert (result["check"], result["target"], result["state"]) == ("api", "vendhub", "ok")
    assert {row["name"] for row in result["findings"]} == {
        "api_health", "api_ready", "api_probe_latency_seconds", "api_release"}
    assert finding(result, "api_release")["value"] == "1.2.1"
    assert result["metrics"]['api_up{api="vendhub"}'] == 1
    assert 0 < result["metrics"]['api_probe_seconds{api="vendhub",quantile="0.95"}'] < 1
    assert [head.split()[1] for head in server.requests] == [b"/health", b"/health", b"/health/ready"]


def test_check_mode_gives_the_same_answer(serve: t.Any) -> None:
    server = serve(sends(answer(200, HEALTHY)))
    assert call("http_check", check_mode=True, url=server.url)["state"] == "ok"


@pytest.mark.parametrize(("reply", "words"), [
    (answer(500, {"status": "ok"}), "answered 500"),
    (answer(503, {"statusCode": 503, "error": {"database": {"status": "down"}}}), '"database": {"status": "down"}'),
    (answer(404, {"message": "Cannot GET /health"}), "answered 404"),
    (answer(302, b"", "Location: /elsewhere"), "a redirect that is not followed"),
    (answer(200, {"status": "error"}), "status == 'ok' is not true"),
    (answer(200, {"fine": True}), "status == 'ok' is not true"),
    (answer(200, ["ok"]), "status == 'ok' is not true"),
], ids=["500", "503", "404", "redirect", "status error", "no status", "list"])
def test_a_bad_answer_is_critical_and_told(serve: t.Any, reply: bytes, words: str) -> None:
    result = call("http_check", url=serve(sends(reply)).url)
    health = finding(result, "api_health")
    assert (result["failed"], health["state"], health["remedy"]) == (False, "critical", "vendhub.ops.recover")
    assert words in health["message"]


def test_one_bad_worker_among_good_ones_is_critical(serve: t.Any) -> None:
    result = call("http_check", url=serve(sends(answer(200, HEALTHY), answer(503, {}), answer(200, HEALTHY))).url,
                  samples=3)
    assert finding(result, "api_health")["state"] == "critical"
    assert "1 of 3 answers were bad" in finding(result, "api_health")["message"]


def test_a_login_page_is_unknown_not_an_outage(serve: t.Any) -> None:
    result = call("http_check", url=serve(sends(answer(401, {}))).url)
    assert finding(result, "api_health")["state"] == "unknown"
    assert "not allowed in" in finding(result, "api_health")["message"]


def test_only_429_is_unknown_and_asked_once(serve: t.Any) -> None:
    server = serve(sends(answer(429, {}, "Retry-After: 7")))
    result = call("http_check", url=server.url, samples=5)
    assert finding(result, "api_health")["state"] == "unknown"
    assert "try later, in 7 s" in finding(result, "api_health")["message"]
    assert len(server.requests) == 1


def test_429_after_a_good_answer_is_ok_and_stops_the_sampling(serve: t.Any) -> None:
    server = serve(sends(answer(200, HEALTHY), answer(429, {})))
    result = call("http_check", url=server.url, samples=5)
    assert finding(result, "api_health")["state"] == "ok"
    assert "rate-limited (429) after 1" in finding(result, "api_health")["message"]
    assert len(server.requests) == 2


def test_readiness_is_judged_by_itself(serve: t.Any) -> None:
    server = serve(sends(answer(200, HEALTHY)))
    unready = serve(sends(answer(503, {})))
    limited = serve(sends(answer(429, {})))
    result = call("http_check", url=server.url, readiness_url=unready.url)
    assert finding(result, "api_health")["state"] == "ok"
    assert finding(result, "api_ready")["state"] == "critical"
    assert finding(call("http_check", url=server.url, readiness_url=limited.url), "api_ready")["state"] == "unknown"


def test_a_body_that_is_not_json_is_judged_by_its_status_unless_an_expectation_was_given(serve: t.Any) -> None:
    server = serve(sends(answer(200, b"OK \xff\xfe")))
    free = finding(call("http_check", url=server.url), "api_health")
    assert (free["state"], "only its status code was judged" in free["message"]) == ("ok", True)
    strict = finding(call("http_check", url=server.url, expect=["status == 'ok'"]), "api_health")
    assert (strict["state"], "it is not JSON" in strict["message"]) == ("critical", True)


@pytest.mark.parametrize(("expect", "state"), [
    (["info.database.status == 'up'", "info.redis.status == 'up'"], "ok"),
    (["info.database.status == 'up'", "info.redis.status == 'down'"], "critical"),
    (["info.database.status"], "critical"),
    (["nothing.there == 'up'"], "critical"),
    ([], "ok"),
])
def test_expectations_must_be_true_not_truthy(serve: t.Any, expect: list[str], state: str) -> None:
    result = call("http_check", url=serve(sends(answer(200, HEALTHY))).url, expect=expect)
    assert finding(result, "api_health")["state"] == state


def test_a_broken_expression_fails_the_task_with_the_expression(serve: t.Any) -> None:
    result = call("http_check", url=serve(sends(answer(200, HEALTHY))).url, expect=["status =="])
    assert result["failed"]
    assert "'status ==' is not a JMESPath expression" in result["msg"]


def test_an_api_that_is_down_is_told_even_if_its_page_could_not_be_searched(
        serve: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jmespath", None)  # as on a host without the library
    url = serve(sends(answer(503, HEALTHY))).url
    result = call("http_check", url=url, expect=["status == 'ok'"])
    assert finding(result, "api_health")["state"] == "critical"
    healthy = call("http_check", url=serve(sends(answer(200, HEALTHY))).url, expect=["status == 'ok'"])
    assert healthy["failed"]
    assert "python3-jmespath" in healthy["msg"]


@pytest.mark.parametrize(("replies", "expected", "state", "words"), [
    ([HEALTHY], "1.2.1", "ok", "serves release 1.2.1"),
    ([HEALTHY], "1.3.0", "critical", "serves release 1.2.1, not 1.3.0"),
    ([HEALTHY, {**HEALTHY, "version": "1.1.0"}], None, "warning", "several releases: 1.1.0, 1.2.1"),
    ([HEALTHY, {**HEALTHY, "version": "1.1.0"}], "1.2.1", "critical", "1.1.0, 1.2.1, not 1.2.1"),
    ([{"status": "ok"}], "1.2.1", "unknown", "no answer says which release"),
])
def test_the_served_release(serve: t.Any, replies: list[t.Any], expected: str | None, state: str, words: str) -> None:
    server = serve(sends(*(answer(200, body) for body in replies)))
    release = finding(call("http_check", url=server.url, release_expression="version", release_expected=expected),
                      "api_release")
    assert (release["state"], words in release["message"]) == (state, True)


def slow(connection: socket.socket, _number: int) -> None:
    time.sleep(0.1)
    connection.sendall(answer(200, HEALTHY))


@pytest.mark.parametrize(("limits", "state"), [
    ({"warning": 30, "critical": 60}, "ok"),
    ({"warning": 0.09, "critical": 60}, "warning"),
    ({"warning": 0.05, "critical": 0.09}, "critical"),
])
def test_the_slowest_answer_is_held_against_the_table(serve: t.Any, limits: dict[str, float], state: str) -> None:
    result = call("http_check", url=serve(slow).url, samples=1, thresholds={"api_probe_latency_seconds": limits})
    latency = finding(result, "api_probe_latency_seconds")
    assert latency["state"] == state
    assert latency["value"] >= 0.1


# --- no proper answer -----------------------------------------------------------------------------------------------

def mute(connection: socket.socket, _number: int) -> None:
    time.sleep(10)


def drip(connection: socket.socket, _number: int) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
    while True:
        connection.sendall(b" ")
        time.sleep(0.02)


def endless(start: bytes, more: bytes) -> Send:
    def behave(connection: socket.socket, _number: int) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(more)
    return behave


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
HOSTILE: dict[str, tuple[Send, str]] = {
    "mute": (mute, "did not answer within 0.5 s"),
    "a byte at a time": (drip, "did not finish its answer within 0.5 s"),
    "closes": (lambda connection, _number: None, "closed the connection without an answer"),
    "rubbish": (sends(b"\x00\x01\x02rubbish\r\n\r\n"), "does not speak proper HTTP"),
    "cut": (sends(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nhalf"), "broke off in the middle"),
    "cut chunk": (sends(CHUNKED + b"ff\r\nhalf"), "broke off in the middle"),
    "rubbish chunk": (sends(CHUNKED + b"zz\r\nhalf\r\n"), "broke off in the middle"),
    "negative chunk": (endless(CHUNKED + b"-1\r\n", b"x" * 65536), "too much data"),
    "huge body": (sends(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 1_100_000), "too much data"),
    "endless body": (endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536), "too much data"),
    "announced terabytes": (endless(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999\r\n\r\n", b"x" * 65536),
                            "too much data"),
    "huge header": (endless(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65536), "does not speak proper HTTP"),
    "endless headers": (endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 500), "does not speak proper HTTP"),
    "endless continue": (endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500), "too much data"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_server_that_does_not_answer_properly_is_critical_in_time(serve: t.Any, kind: str) -> None:
    behaviour, words = HOSTILE[kind]
    result, seconds = timed(url=serve(behaviour).url, timeout_seconds=0.5)
    health = finding(result, "api_health")
    assert (result["failed"], health["state"]) == (False, "critical")
    assert words in health["message"]
    assert seconds < 2


def test_refused_is_critical_and_readiness_is_still_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    result, seconds = timed(url=f"http://127.0.0.1:{port}/health", readiness_url=f"http://127.0.0.1:{port}/ready")
    assert "refuses connections" in finding(result, "api_health")["message"]
    assert finding(result, "api_ready")["state"] == "critical"
    assert seconds < 1


def test_a_full_backlog_that_drops_connections_is_critical_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        held = [socket.socket() for _number in range(3)]
        for one in held:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        result, seconds = timed(url=f"http://127.0.0.1:{full.getsockname()[1]}/", timeout_seconds=0.5)
        for one in held:
            one.close()
    assert "within 0.5 s" in finding(result, "api_health")["message"]
    assert seconds < 2


def test_a_plain_server_asked_for_tls_is_told(serve: t.Any) -> None:
    server = serve(sends(answer(200, HEALTHY)))
    result = call("http_check", url=f"https://127.0.0.1:{server.port}/", timeout_seconds=1)
    assert finding(result, "api_health")["state"] == "critical"
    assert "TLS" in finding(result, "api_health")["message"]


def test_an_untrusted_certificate_is_critical_until_it_is_named(serve: t.Any, tmp_path: pathlib.Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    url = f"https://127.0.0.1:{serve(sends(answer(200, HEALTHY)), context).port}/health"
    assert "certificate that is not trusted" in finding(call("http_check", url=url), "api_health")["message"]
    assert call("http_check", url=url, ca_path=str(certificate))["state"] == "ok"
    assert call("http_check", url=url, validate_certs=False)["state"] == "ok"
    assert "nowhere.pem cannot be read" in call("http_check", url=url, ca_path="/nowhere.pem")["msg"]


# --- redirects and secrets ------------------------------------------------------------------------------------------

def test_redirects_are_followed_as_far_as_allowed_and_no_login_leaves_its_origin(serve: t.Any) -> None:
    there = serve(sends(answer(200, HEALTHY)))
    here = serve(sends(answer(307, b"", f"Location: {there.url}/health")))
    result = call("http_check", url=here.url.replace("//", "//bob:s3cr3t-word@"), redirects=1, samples=1,
                  headers={"Authorization-Token": "t0ken-word"})
    assert result["state"] == "ok"
    assert b"Authorization" in here.requests[0]
    assert b"Authorization" not in there.requests[0]


def test_a_redirect_loop_ends(serve: t.Any) -> None:
    server = serve(sends(answer(302, b"", "Location: /again")))
    result = call("http_check", url=server.url, redirects=3, samples=1)
    assert finding(result, "api_health")["state"] == "critical"
    assert len(server.requests) == 4


def test_credentials_are_sent_but_never_shown(serve: t.Any) -> None:
    server = serve(sends(answer(500, b'{"token": "s3cr3t-word", "seen": "h3ader-word"}')))
    result = call("http_check", url=server.url.replace("//", "//bob:s3cr3t-word@") + "/?key=qu3ry-word",
                  headers={"X-Api-Key": "h3ader-word"})
    assert base64.b64encode(b"bob:s3cr3t-word") in server.requests[0]
    assert b"X-Api-Key: h3ader-word" in server.requests[0]
    assert "s3cr3t-word" not in json.dumps(result)
    assert "h3ader-word" not in json.dumps(result)
    shown = json.dumps({key: value for key, value in result.items() if key != "invocation"})
    assert "qu3ry-word" not in shown


@pytest.mark.parametrize(("options", "words"), [
    ({"url": "ftp://somewhere/"}, "not a URL"),
    ({"url": "http://"}, "not a URL"),
    ({"url": "http://host:99999/"}, "not a URL"),
    ({"url": "http://host/a\r\nX: y"}, "not a URL"),
    ({"url": "http://h/", "samples": 0}, "samples must be between 1 and 100, not 0"),
    ({"url": "http://h/", "timeout_seconds": -1}, "timeout_seconds must be between"),
    ({"url": "http://h/", "timeout_seconds": float("nan")}, "timeout_seconds must be between"),
    ({"url": "http://h/", "headers": {"X": "a\r\nY: b"}}, "cannot carry"),
    ({"url": "http://h/", "release_expected": "1"}, "needs release_expression"),
])
def test_bad_options_are_one_sentence(options: dict[str, t.Any], words: str) -> None:
    result = call("http_check", **options)
    assert result["failed"]
    assert words in result["msg"]


def test_fail_on_turns_the_verdict_into_a_failed_task(serve: t.Any) -> None:
    result = call("http_check", url=serve(sends(answer(500, {}))).url, fail_on="critical")
    assert (result["failed"], result["state"]) == (True, "critical")
