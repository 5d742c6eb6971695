# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Read the few fields of an X.509 certificate that a check needs (pure; RFC 5280 section 4.1).

The standard library decodes only certificates that it trusts; the ones to warn about are the others.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime
import hashlib
import ipaddress
import re
import typing as t

SEQUENCE, OID, OCTETS, UTC_TIME, TIME = 0x30, 0x06, 0x04, 0x17, 0x18
EXTENSIONS, VERSION = 0xA3, 0xA0
DNS_NAME, IP_ADDRESS = 0x82, 0x87
SUBJECT_ALT_NAME = bytes((0x55, 0x1D, 0x11))

_PEM = re.compile(r"-----BEGIN (?:TRUSTED )?CERTIFICATE-----(.*?)-----END (?:TRUSTED )?CERTIFICATE-----", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Certificate:
    """``not_before`` and ``not_after`` are seconds since 1970; ``names`` are its DNS names and addresses."""

    not_before: int
    not_after: int
    names: tuple[str, ...]
    serial: str
    fingerprint: str

    def covers(self, name: str) -> bool:
        """Whether a client that asks for this name (or address) accepts the certificate."""
        address = _address(name)
        if address:
            return address in self.names
        wanted = name.rstrip(".").lower()
        parent = "*." + wanted.partition(".")[2]
        return any(known.lower() in (wanted, parent) for known in self.names)


def from_pem(text: str) -> Certificate:
    """The first certificate of a PEM file, which is the server's own; ValueError when there is none."""
    block = _PEM.search(text)
    if not block:
        raise ValueError("it holds no certificate in PEM form")
    try:
        return from_der(base64.b64decode("".join(block.group(1).split()), validate=True))
    except binascii.Error as exc:
        raise ValueError("its certificate is not proper base64") from exc


def from_der(der: bytes) -> Certificate:
    """Take a certificate apart; ValueError when it is something else."""
    try:
        (body, *_signature), *_rest = ([*_items(_content(whole, SEQUENCE))] for whole in _items(der))
        fields = [*_items(_content(body, SEQUENCE))]
        if fields[0][0] == VERSION:
            fields.pop(0)
        serial, _algorithm, _issuer, validity, _subject, _key, *optional = fields
        begin, end = (_time(item) for item in _items(_content(validity, SEQUENCE)))
        names = [name for kind, content in optional if kind == EXTENSIONS for name in _names(content)]
    except (IndexError, ValueError) as exc:
        raise ValueError("it is not an X.509 certificate") from exc
    return Certificate(begin, end, tuple(names), serial[1].hex(), hashlib.sha256(der).hexdigest())


Item = tuple[int, bytes]


def _items(data: bytes) -> t.Iterator[Item]:
    """The elements of a DER string one after the other, as (tag, content)."""
    place = 0
    while place < len(data):
        tag, length, place = data[place], data[place + 1], place + 2
        if length & 0x80:
            digits = length & 0x7F
            if not 1 <= digits <= 4:
                raise ValueError("a length that DER does not allow")
            length, place = int.from_bytes(data[place:place + digits], "big"), place + digits
        if place + length > len(data):
            raise ValueError("an element that is cut off")
        yield tag, data[place:place + length]
        place += length


def _content(item: Item, tag: int) -> bytes:
    if item[0] != tag:
        raise ValueError(f"tag {item[0]:#x} instead of {tag:#x}")
    return item[1]


def _time(item: Item) -> int:
    text = item[1].decode("ascii")
    if item[0] == UTC_TIME:  # RFC 5280 4.1.2.5.1: two digits below 50 are of this century
        text = ("20" if text[:2] < "50" else "19") + text
    elif item[0] != TIME:
        raise ValueError("a date of an unknown kind")
    return int(datetime.datetime.strptime(text + "+0000", "%Y%m%d%H%M%SZ%z").timestamp())


def _names(content: bytes) -> t.Iterator[str]:
    for extensions in _items(content):
        for extension in _items(_content(extensions, SEQUENCE)):
            (kind, *_critical, value) = _items(_content(extension, SEQUENCE))
            if kind != (OID, SUBJECT_ALT_NAME):
                continue
            for names in _items(_content(value, OCTETS)):
                for tag, name in _items(_content(names, SEQUENCE)):
                    if tag == DNS_NAME:
                        yield name.decode("ascii", "replace")
                    elif tag == IP_ADDRESS:
                        yield str(ipaddress.ip_address(name))


def _address(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return ""
