# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificate check against a real nginx and against servers that fail in every known way."""

from __future__ import annotations

import json
import pathlib
import socket
import subprocess
import sys
import time
import typing as t

import pytest

from tests.modules import call, finding

DAY = 86400
NAME = "api.vendhub.test"


def look(port: int, **options: t.Any) -> dict[str, t.Any]:
    return call("certificate_check", **{"server": NAME, "address": "127.0.0.1", "port": port, **options})


def test_what_nginx_serves_is_ok_in_all_its_findings(nginx: t.Any, authority: t.Any) -> None:
    pair = authority.issue("site", NAME)
    result = look(nginx(pair).port, path=str(pair.path), ca_path=str(authority.path))
    assert (result["check"], result["state"], result["changed"]) == ("certificates", "ok", False)
    assert sorted(row["name"] for row in result["findings"]) == [
        "certificate_days", "certificate_days", "certificate_names", "certificate_served", "certificate_trusted"]
    assert 89.9 < result["metrics"][f'certificate_days{{object="{result["target"]}"}}'] <= 90


def test_a_renewed_file_that_nginx_did_not_load_is_a_warning_until_it_is_reloaded(nginx: t.Any, authority: t.Any) \
        -> None:
    pair = authority.issue("site", NAME, seconds=5 * DAY)
    server = nginx(pair)
    authority.issue("site", NAME, seconds=90 * DAY)
    stale = look(server.port, path=str(pair.path), ca_path=str(authority.path))
    served = finding(stale, "certificate_served")
    assert (served["state"], served["remedy"]) == ("warning", "vendhub.ops.renew_certificates")
    assert "holds the newer one" in served["message"]
    assert finding(stale, "certificate_days", stale["target"])["state"] == "critical"
    assert finding(stale, "certificate_days", str(pair.path))["state"] == "ok"
    server.reload()
    deadline = time.monotonic() + 5
    while (fresh := look(server.port, path=str(pair.path), ca_path=str(authority.path)))["state"] != "ok":
        assert time.monotonic() < deadline, fresh
        time.sleep(0.1)


@pytest.mark.parametrize(("seconds", "state"), [
    (21 * DAY + 60, "ok"), (21 * DAY - 1, "warning"), (7 * DAY + 60, "warning"), (7 * DAY - 1, "critical")])
def test_days_left_around_their_limits(tls: t.Any, authority: t.Any, seconds: int, state: str) -> None:
    result = look(tls(authority.issue("site", NAME, seconds=seconds)), ca_path=str(authority.path))
    assert finding(result, "certificate_days")["state"] == result["state"] == state


def test_an_expired_certificate_is_read_and_told(tls: t.Any, authority: t.Any) -> None:
    result = look(tls(authority.issue("old", NAME, seconds=-2 * DAY)), ca_path=str(authority.path))
    assert "expired 2" in finding(result, "certificate_days")["message"]
    assert "certificate has expired" in finding(result, "certificate_trusted")["message"]
    assert finding(result, "certificate_names")["state"] == "ok"


def test_a_certificate_from_the_future_is_told(tls: t.Any, authority: t.Any) -> None:
    result = look(tls(authority.issue("new", NAME, begins=DAY)), ca_path=str(authority.path))
    assert "valid only from" in finding(result, "certificate_begins")["message"]


@pytest.mark.parametrize(("self_signed", "words"), [(True, "self-signed certificate"),
                                                    (False, "unable to get local issuer certificate")])
def test_an_untrusted_certificate_is_told_and_its_days_too(tls: t.Any, authority: t.Any, self_signed: bool,
                                                           words: str) -> None:
    result = look(tls(authority.issue("own", NAME, self_signed=self_signed)))
    assert finding(result, "certificate_trusted")["state"] == "critical"
    assert words in finding(result, "certificate_trusted")["message"].replace("self signed", "self-signed")
    assert finding(result, "certificate_days")["state"] == "ok"


def test_a_certificate_for_another_host_is_told_with_its_names(tls: t.Any, authority: t.Any) -> None:
    port = tls(authority.issue("site", "shop.test", "*.shop.test"))
    result = look(port, ca_path=str(authority.path))
    names = finding(result, "certificate_names")
    assert (names["state"], f"not for {NAME} but for shop.test, *.shop.test" in names["message"]) == ("critical", True)
    assert finding(result, "certificate_trusted")["state"] == "ok"
    assert look(port, server_name="a.shop.test", ca_path=str(authority.path))["state"] == "ok"


def test_a_file_alone_is_judged_by_its_expiry(authority: t.Any) -> None:
    path = str(authority.issue("site", NAME, seconds=10 * DAY).path)
    result = call("certificate_check", path=path)
    assert (result["target"], result["state"]) == (path, "warning")
    assert [row["name"] for row in result["findings"]] == ["certificate_days"]


# --- no certificate to be had ---------------------------------------------------------------------------------------

def mute(connection: socket.socket) -> None:
    time.sleep(10)


def says(data: bytes) -> t.Callable[[socket.socket], None]:
    def behave(connection: socket.socket) -> None:
        connection.sendall(data)
        time.sleep(1)
    return behave


FAULTS: dict[str, tuple[t.Callable[[socket.socket], None], str]] = {
    "mute": (mute, "did not finish the TLS handshake within 0.5 s"),
    "plain http": (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "does not speak proper TLS"),
    "closes": (lambda connection: None, "connection"),
    "refuses": (says(bytes.fromhex("15030300020228")), "refuses the TLS handshake"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_server_without_tls_is_critical_in_time_and_the_file_is_still_judged(listen: t.Any, authority: t.Any,
                                                                               kind: str) -> None:
    behaviour, words = FAULTS[kind]
    path = str(authority.issue("site", NAME).path)
    started = time.monotonic()
    result = look(listen(behaviour), path=path, timeout_seconds=0.5)
    reachable = finding(result, "certificates_reachable")
    assert (reachable["state"], words in reachable["message"]) == ("critical", True), reachable
    assert finding(result, "certificate_days", path)["state"] == "ok"
    assert time.monotonic() - started < 2


def test_a_refused_connection_is_critical() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    assert "refuses connections" in finding(look(port), "certificates_reachable")["message"]


def test_a_silent_drop_is_critical_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        held = [socket.socket() for _number in range(3)]
        for one in held:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        started = time.monotonic()
        result = look(full.getsockname()[1], timeout_seconds=0.5)
        for one in held:
            one.close()
    assert "within 0.5 s" in finding(result, "certificates_reachable")["message"]
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(("content", "words"), [
    (None, "no such file"), (b"", "holds no certificate"), (b"\xff\x00" * 99, "holds no certificate"),
    (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "not an X.509 certificate"),
])
def test_a_file_without_a_certificate_is_critical(tmp_path: pathlib.Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "site.pem"
    if content is not None:
        path.write_bytes(content)
    result = call("certificate_check", path=str(path))
    assert finding(result, "certificate_file")["state"] == "critical"
    assert words in finding(result, "certificate_file")["message"]


UNREADABLE = """
import json, os, sys
sys.path[:0] = sys.argv[2:]
from tests.modules import call
call("certificate_check", path=sys.argv[1])
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
print(json.dumps([call("certificate_check", path=sys.argv[1]),
                  call("certificate_check", path=sys.argv[1], server="127.0.0.1", port=1)]))
"""


def test_a_file_that_must_not_be_read_is_unknown_beside_the_server_and_a_failure_alone(authority: t.Any) -> None:
    pair = authority.issue("site", NAME)
    pair.path.chmod(0)
    root = pathlib.Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", UNREADABLE, str(pair.path), str(root / ".collections"), str(root)],
                          capture_output=True, text=True, check=True, timeout=60)
    alone, beside = json.loads(done.stdout.splitlines()[-1])
    assert alone["failed"]
    assert "run the check as a user who may" in alone["msg"]
    assert finding(beside, "certificate_file")["state"] == "unknown"
    assert finding(beside, "certificates_reachable")["state"] == "critical"


@pytest.mark.parametrize(("options", "words"), [
    ({}, "a server or the path"),
    ({"server": "https://api.test/"}, "without scheme, port and path"),
    ({"server": "a b"}, "without scheme, port and path"),
    ({"server": "a" * 70}, "without scheme, port and path"),
    ({"server": "a.test", "port": 0}, "port must be between"),
    ({"server": "a.test", "timeout_seconds": 0}, "timeout_seconds must be between"),
    ({"server": "127.0.0.1", "port": 1, "ca_path": "/nowhere.pem"}, "/nowhere.pem cannot be read"),
])
def test_bad_options_are_one_sentence(options: dict[str, t.Any], words: str) -> None:
    result = call("certificate_check", **options)
    assert (result["failed"], words in result["msg"]) == (True, True), result["msg"]
