# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading certificates as openssl made them, and surviving everything else."""

from __future__ import annotations

import pathlib
import random
import ssl
import subprocess

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._certificate.judge import expiry, names
from ansible_collections.vendhub.ops.plugins.module_utils._certificate.x509 import Certificate, from_der, from_pem
from ansible_collections.vendhub.ops.plugins.module_utils._core.thresholds import Thresholds

DAY = 86400


def openssl(*arguments: str) -> str:
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True).stdout


def made(folder: pathlib.Path, *further: str) -> str:
    """A self-signed certificate as PEM text."""
    return openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                   str(folder / "key.pem"), "-days", "30", "-subj", "/CN=common.example", *further)


@pytest.mark.parametrize(("further", "expected"), [
    (("-addext", "subjectAltName=DNS:a.example,DNS:*.b.example,IP:10.0.0.1,IP:2001:db8::1,email:x@y.example"),
     ("a.example", "*.b.example", "10.0.0.1", "2001:db8::1")),
    ((), ()),
    (("-addext", "subjectAltName=critical,DNS:a.example"), ("a.example",)),
    (("-days", "12000", "-addext", "subjectAltName=DNS:far.example"), ("far.example",)),
])
def test_a_certificate_says_what_openssl_says(tmp_path: pathlib.Path, further: tuple[str, ...],
                                              expected: tuple[str, ...]) -> None:
    pem = made(tmp_path, *further)
    (tmp_path / "cert.pem").write_text(pem)
    said = dict(line.split("=", 1) for line in openssl(
        "x509", "-noout", "-startdate", "-enddate", "-serial", "-fingerprint", "-sha256", "-in",
        str(tmp_path / "cert.pem")).splitlines())
    found = from_pem(pem)
    assert found.names == expected
    assert found.not_before == ssl.cert_time_to_seconds(said["notBefore"])
    assert found.not_after == ssl.cert_time_to_seconds(said["notAfter"])
    assert found.fingerprint == said["sha256 Fingerprint"].replace(":", "").lower()
    assert int(found.serial, 16) == int(said["serial"], 16)


def test_the_first_certificate_of_a_chain_counts(tmp_path: pathlib.Path) -> None:
    leaf = made(tmp_path, "-addext", "subjectAltName=DNS:leaf.example")
    assert from_pem("text before\n" + leaf + made(tmp_path)).names == ("leaf.example",)


def test_every_system_authority_can_be_read() -> None:
    authorities = ssl.create_default_context().get_ca_certs(binary_form=True)
    for der in authorities:
        assert from_der(der).not_after > 0


@pytest.mark.parametrize("text", ["", "x", "-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\n!!\n-----END "
                                  "CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
def test_a_file_without_a_certificate_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"^it(s| is| holds)"):
        from_pem(text)


def test_no_damage_does_more_than_a_value_error(tmp_path: pathlib.Path) -> None:
    der = ssl.PEM_cert_to_DER_cert(made(tmp_path, "-addext", "subjectAltName=DNS:a.example,IP:10.0.0.1"))
    dice = random.Random(1)
    damaged = [der[:length] for length in range(len(der))]
    for _number in range(3000):
        copy = bytearray(der)
        for _flip in range(dice.randint(1, 4)):
            copy[dice.randrange(len(copy))] = dice.randrange(256)
        damaged.append(bytes(copy))
    for data in damaged:
        try:
            from_der(data)
        except ValueError:
            continue


@pytest.mark.parametrize(("name", "covered"), [
    ("a.example", True), ("A.Example.", True), ("b.a.example", False), ("x.b.example", True), ("b.example", False),
    ("y.x.b.example", False), ("10.0.0.1", True), ("10.0.0.2", False), ("2001:DB8:0::1", True), ("", False),
])
def test_names_as_clients_match_them(name: str, covered: bool) -> None:
    certificate = Certificate(0, 0, ("a.example", "*.b.example", "10.0.0.1", "2001:db8::1"), "", "")
    assert certificate.covers(name) is covered


@pytest.mark.parametrize(("left", "state", "words"), [
    (21 * DAY + 1, "ok", "expires in 21"), (21 * DAY, "ok", "expires in 21"), (21 * DAY - 1, "warning", "below 21"),
    (7 * DAY, "warning", "expires in 7"), (7 * DAY - 1, "critical", "below 7"), (0, "critical", "expires in 0 days"),
    (-3 * DAY, "critical", "expired 3 days ago, on 1970-04-11"),
])
def test_days_around_their_limits(left: int, state: str, words: str) -> None:
    (found,) = expiry(Certificate(0, 100 * DAY, (), "", ""), 100 * DAY - left, "x", Thresholds())
    assert (str(found.state), words in found.message) == (state, True)


def test_a_certificate_that_is_not_valid_yet_is_critical() -> None:
    found = expiry(Certificate(11 * DAY, 900 * DAY, (), "", ""), 10 * DAY, "x", Thresholds())
    assert [(row.name, str(row.state)) for row in found] == [("certificate_days", "ok"),
                                                             ("certificate_begins", "critical")]


def test_a_hostile_name_is_printable() -> None:
    assert "\x1b" not in names(Certificate(0, 0, ("\x1b[31m",), "", ""), "a", "a:443").message
