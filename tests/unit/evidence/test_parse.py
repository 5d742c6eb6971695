# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read from the kernel and from configuration files, and what must not be seen in it."""

from __future__ import annotations

import importlib
import json
import socket
import time
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.vendhub.ops.plugins.module_utils._core.redact import redact
from ansible_collections.vendhub.ops.plugins.module_utils._evidence import parse

S = "hunter2-of-a-kind"


@pytest.mark.parametrize(("address", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)])
def test_a_listener_is_read_as_the_kernel_shows_it(address: str, family: int) -> None:
    table = "tcp" if family == socket.AF_INET else "tcp6"
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.bind((address, 0))
        sock.listen()
        port = sock.getsockname()[1]
        found = parse.listeners(Path(f"/proc/net/{table}").read_text())
        inode = str(Path(f"/proc/self/fd/{sock.fileno()}").readlink())
    assert [f"socket:[{one.inode}]" for one in found if (one.address, one.port) == (address, port)] == [inode]


def test_a_process_with_brackets_and_blanks_in_its_name_is_read() -> None:
    tail = "S 7 1 1 0 -1 4194560 1 2 3 4 10 5 0 0 20 0 1 0 4242 1000 99 18446744073709551615"
    assert parse.process(f"12 (a) b (c)) {tail}") == parse.Process("a) b (c)", "S", 7, 15, 4242, 99)
    with pytest.raises(ValueError, match="not a process"):
        parse.process("12 (cut) S 1 2")


@pytest.mark.parametrize("arguments", [
    ["app", "--token", S], ["app", f"--token={S}"], ["app", "--api-key", S], ["app", "-password", S],
    ["app", "--db-password", f"two words {S}"], ["/usr/bin/redis-cli", "-a", S], ["curl", "-u", f"me:{S}"],
    ["curl", "-H", f"Authorization: Bearer {S}"], ["env", f"PGPASSWORD={S}"], ["app", f"postgres://u:{S}@h/d"],
    ["app", f"JWT_SECRET={S}"], ["app", "x" * 290, "--token", S],
])
def test_a_credential_on_a_command_line_is_hidden(arguments: list[str]) -> None:
    shown = parse.command(arguments)
    assert S not in shown
    assert shown.startswith(arguments[0].rpartition("/")[0])


def test_the_rest_of_a_command_line_is_kept_and_a_long_one_ends_between_words() -> None:
    assert parse.command(["node", "--max-old-space-size=512", "main.js"]) == "node --max-old-space-size=512 main.js"
    assert parse.command([]) == ""
    assert parse.command(["a", "b" * 200, "c" * 200]) == f"a {'b' * 200} …"
    assert parse.command(["x" * 400]) == " …"


def test_the_secrets_of_an_environment_are_known_and_its_words_are_not() -> None:
    block = "\0".join([f"JWT_SECRET={S}", "PATH=/usr/bin:/bin", "NODE_ENV=production", "DB_PASSWORD=short",
                       "DATABASE_URL=postgres://u:in-the-url@db/x", "SSL_KEY=/etc/ssl/key.pem", "rubbish", ""])
    assert parse.secret_values(parse.environment(block)) == {S, "in-the-url"}


@pytest.mark.parametrize("line", [f"JWT_SECRET={S}", f'JWT_SECRET="{S}"', f"export JWT_SECRET='{S}'",
                                  f"  JWT_SECRET = {S}  ", f"JWT_SECRET={S} # changed in May", f'X_TOKEN="{S}" # it'])
def test_a_secret_of_an_env_file_is_known_however_it_is_quoted(line: str) -> None:
    assert S in parse.secret_values(parse.env_file(f"# comment\n{line}\nEMPTY=\n=\n"))


def test_a_secret_is_known_in_json_and_in_a_url() -> None:
    assert {'a"b/c', 'a\\"b/c', "a%22b%2Fc"} <= parse.spellings('a"b/c')


def test_json_is_json_again_after_its_secrets_were_hidden() -> None:
    data = {"password": S, "list": [{"api_key": S, "a": 1}], "text": json.dumps({"token": S})}
    shown = parse.quoted(redact(json.dumps(data, indent=1)))
    assert S not in shown
    assert json.loads(shown)["list"] == [{"api_key": "***", "a": 1}]


def test_a_text_begins_with_a_whole_line() -> None:
    assert parse.whole_lines("orn\nwhole\n", False) == "whole\n"
    assert parse.whole_lines("whole\n", True) == "whole\n"
    assert parse.whole_lines("one torn line", False) is None


@pytest.mark.parametrize("most", [40, 41, 42, 60])
def test_a_cut_text_is_valid_says_so_and_keeps_the_limit(most: int) -> None:
    data, cut = parse.cut("é" * 100, most)
    assert cut
    assert len(data) <= most
    data.decode()
    assert b"cut here" in data
    assert parse.cut("short", most) == (b"short", False)


def test_the_sites_of_an_nginx_file_are_read_and_its_comments_are_not() -> None:
    text = """
    # server_name old.example;
    server { listen 443 ssl; server_name shop.example
        www.shop.example; ssl_certificate /etc/x.pem; ssl_certificate_key /etc/x.key; } # listen 1;
    server { listen [::]:80; server_name _; }
    """
    assert parse.site(text) == parse.Site(("shop.example", "www.shop.example", "_"), ("443 ssl", "[::]:80"),
                                          ("/etc/x.pem",))


def test_the_options_of_the_services_are_documented_as_those_of_the_checks() -> None:
    def options(module: str) -> dict[str, t.Any]:
        path = f"ansible_collections.vendhub.ops.plugins.modules.{module}"
        found: dict[str, t.Any] = yaml.safe_load(importlib.import_module(path).DOCUMENTATION)["options"]
        return found
    evidence, checks = options("evidence"), options("health_check")
    for name in ("pm2", "postgresql", "redis"):
        assert evidence[name]["suboptions"] == checks[name]["suboptions"]


def test_a_secret_that_begins_like_a_path_is_a_secret_all_the_same() -> None:
    secret = "/dGhpcyBpcyBub3QgYSBwYXRo="
    assert parse.secret_values([("JWT_SECRET", secret), ("TLS_KEY", "/etc/ssl/private/key.pem")]) == {secret}


BODY = [("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7" + str(number) * 12)[:64] for number in range(6)]
KEY = ["-----BEGIN RSA PRIVATE KEY-----", *BODY, "c2hvcnQ=", "-----END RSA PRIVATE KEY-----"]


@pytest.mark.parametrize("lines", [
    KEY,
    [KEY[0], "Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-256-CBC,00", "", *KEY[1:]],
    [f"2026-01-02 03:04:05: {line}" for line in KEY],
    KEY[:4],  # the end was cut off
    KEY[3:],  # the beginning was
    [json.dumps({"key": "\n".join(KEY), "other": "\n".join(KEY)})],
    [line.replace("RSA ", "") for line in KEY],
    [line.replace("RSA PRIVATE KEY", "PGP PRIVATE KEY BLOCK") for line in KEY],
], ids=["plain", "encrypted", "in a log", "no end", "no beginning", "in JSON", "PKCS 8", "PGP"])
def test_private_keys_are_hidden_and_what_stands_around_them_stays(lines: list[str]) -> None:
    around = ["listening on 3000", "Error: no login for the user of the application"]
    clean = parse.without_keys("\n".join([around[0], *lines, around[1]]))
    assert "MIIE" not in clean
    assert "c2hvcnQ" not in clean or "03:04:05" in clean
    assert "***" in clean
    assert clean.split("\n", maxsplit=1)[0] == around[0]
    assert clean.rsplit("\n", maxsplit=1)[-1] == around[1]


def test_certificates_and_public_keys_stay() -> None:
    text = "\n".join(KEY).replace("RSA PRIVATE KEY", "CERTIFICATE")
    assert parse.without_keys(text) == text


def test_a_log_full_of_torn_keys_is_cleaned_at_once() -> None:
    text = "\n".join([KEY[0], "x" * 100_000, *["word " * 20] * 20_000, KEY[-1]] * 3)
    started = time.monotonic()
    parse.without_keys(text)
    assert time.monotonic() - started < 5
