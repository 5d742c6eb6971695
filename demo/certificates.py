# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates for the demo's web front, each signed by an authority made for it and forgotten at once."""

from __future__ import annotations

import datetime
import ipaddress
import typing as t
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LIFETIME_DAYS = 90


class Issued(t.NamedTuple):
    """Where a certificate, its key and its authority's certificate are kept."""

    certificate: Path
    key: Path
    authority: Path


def issue(place: Issued, days: int) -> None:
    """Write a certificate for localhost that ends in ``days``, its key and its authority."""
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority_name, name = _name("VendHub demo authority"), _name("localhost")
    authority = _builder(authority_name, authority_name, authority_key.public_key(), days).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(authority_key, hashes.SHA256())
    names = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))])
    leaf = _builder(authority_name, name, key.public_key(), days).add_extension(names, critical=False).sign(
        authority_key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    place.authority.write_bytes(authority.public_bytes(pem))
    place.certificate.write_bytes(leaf.public_bytes(pem))
    place.key.touch(mode=0o600)
    place.key.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(issuer: x509.Name, subject: x509.Name, key: ec.EllipticCurvePublicKey,
             days: int) -> x509.CertificateBuilder:
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days, hours=1)
    return (x509.CertificateBuilder().issuer_name(issuer).subject_name(subject).public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(end - datetime.timedelta(days=LIFETIME_DAYS)).not_valid_after(end))
