# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of the same kind have the same fingerprint."""

from __future__ import annotations

import random
import re
import uuid

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._log.fingerprint import fingerprint, normal_form

SAME = [
    ("took 15 ms", "took 1500.7 ms"),
    ("task 5e0b2c1a-9d3f-4a6b-8c7d-0e1f2a3b4c5d is gone", "task 00000000-0000-0000-0000-000000000000 is gone"),
    ("user 507f1f77bcf86cd799439011", "user 6500aa77bcf86cd799439fff"),
    ("at 0x7ffee4", "at 0xdeadbeef"),
    ("connect ECONNREFUSED 10.0.0.1:5432", "connect ECONNREFUSED 192.168.17.4:5433"),
    ("from ::1 refused", "from fe80::1ff:fe23:4567:890a refused"),
    ("from ::ffff:10.0.0.1 refused", "from 2001:db8::2 refused"),
    ("mail a@b.example bounced", "mail long.name+tag@mail.example.org bounced"),
    ("at 2026-11-23T16:42:00.123Z late", "at 2025-01-02T03:04:05.678Z late"),
    ("GET /tasks/17 failed", "GET /tasks/4711 failed"),
    ("GET https://x.example/a?b=1&c=2", "GET https://x.example/a?d=3"),
    ("value '12 apples' is bad", "value 'three hundred pears' is bad"),
    ("token V1StGXR8Z5jdHi6B is bad", "token k9XtPQ2LmN4o is bad"),
    ("a  b\n c", "a b c"),
]
OTHER = [
    ("HTTP 500 from upstream", "HTTP 404 from upstream"),
    ("GET /a -> 502", "GET /a -> 503"),
    ("status code 500", "status code 503"),
    ("reading 'id'", "reading 'name'"),
    ('relation "tasks" does not exist', 'relation "users" does not exist'),
    ("TypeError: a", "RangeError: a"),
    ("can't read", "can't write, don't ask"),
]


@pytest.mark.parametrize(("one", "two"), SAME)
def test_what_varies_makes_no_new_kind(one: str, two: str) -> None:
    assert normal_form(one) == normal_form(two)


@pytest.mark.parametrize(("one", "two"), OTHER)
def test_what_tells_errors_apart_stays(one: str, two: str) -> None:
    assert normal_form(one) != normal_form(two)


def test_the_fingerprint_is_the_same_on_every_day_and_host() -> None:
    assert fingerprint(normal_form("task 17 failed")) == fingerprint("task <n> failed") == "9bd88700"
    assert re.fullmatch("[0-9a-f]{8}", fingerprint("\udc80"))


def test_random_values_in_a_sentence_are_one_kind() -> None:
    chance = random.Random(9)
    kinds = {
        normal_form(f"task {uuid.UUID(int=chance.getrandbits(128))} of u{chance.randrange(10**6)}@x.example"
                    f" from 10.{chance.randrange(256)}.0.{chance.randrange(256)} took {chance.random() * 1000:.3f} ms"
                    f" key {chance.getrandbits(128):032x} line {chance.randrange(1, 10**9)}")
        for dummy in range(2000)
    }
    assert len(kinds) == 1, kinds


def test_normalising_is_final() -> None:
    for one, dummy in [*SAME, *OTHER]:
        assert normal_form(normal_form(one)) == normal_form(one)


@pytest.mark.parametrize("text", ["a" * 10**6, "1" * 10**6, "'" * 10**6, "a-" * 10**6, ":" * 10**6, "a.b@" * 10**6,
                                  "http://" * 10**5, "\0" * 10**6, "1a" * 10**6])
def test_a_hostile_message_costs_little(text: str) -> None:
    import time  # noqa: PLC0415 - only this test is about time

    started = time.perf_counter()
    normal_form(text)
    assert time.perf_counter() - started < 0.2
