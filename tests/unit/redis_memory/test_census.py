# SPDX-License-Identifier: GPL-3.0-or-later
"""What the keys of each prefix take."""

from __future__ import annotations

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._redis.census import (
    BIG_BYTES,
    MOST_PREFIXES,
    OTHERS,
    Census,
    prefix_of,
    together,
)
from ansible_collections.vendhub.ops.plugins.module_utils._redis.globs import Keeper, Rule


def census(**given: int) -> Census:
    return Census(b":", given.get("depth", 2), Keeper([Rule("bull:*")]), given.get("top", 10), given.get("server", 1))


@pytest.mark.parametrize(("key", "depth", "prefix"), [
    (b"cache:product:42", 2, b"cache:product:"), (b"cache:product:42", 1, b"cache:"), (b"cache:42", 2, b"cache:"),
    (b"cache", 2, b""), (b"user:42:cart", 2, b"user:"), (b"a:b:c:d", 2, b"a:b:"), (b"a:b:c:d", 9, b"a:b:c:"),
    (b"s:0123456789abcdef0123:x", 2, b"s:"), (b"s:6f9619ff-8b86-d011-b42d-00cf4fc964ff:x", 2, b"s:"),
    (b"cache:facade:1", 2, b"cache:facade:"), (b"t:" + b"x" * 41 + b":1", 2, b"t:"), (b"::x", 2, b"::"),
    (b"\xff:\0:1", 2, b"\xff:\0:"), (b"", 2, b""),
])
def test_a_prefix_has_no_ids_and_not_the_last_part(key: bytes, depth: int, prefix: bytes) -> None:
    assert prefix_of(key, b":", depth) == prefix


def test_keys_bytes_endless_and_protected_ones_are_counted() -> None:
    one = census()
    for key, size, ttl in ((b"cache:1", 100, -1), (b"cache:2", 50, 1000), (b"bull:mail:1", 10, -1)):
        one.add(key, size, ttl)
    (first, cache), (second, bull) = together([(one, 1.0)])[0]
    assert (first, cache.keys, cache.bytes, cache.lasting, cache.kept) == (b"cache:", 2, 150, 1, 0)
    assert (second, bull.keys, bull.bytes, bull.lasting, bull.kept) == (b"bull:mail:", 1, 10, 1, 1)


def test_what_was_not_seen_is_estimated_but_a_big_key_counts_once() -> None:
    one = census()
    for number in range(10):
        one.add(b"cache:%d" % number, 100, -1)
    one.add(b"cache:big", BIG_BYTES, -1)
    ((dummy, share),), biggest = together([(one, 5.0)])
    assert (share.keys, share.bytes) == (55, 5 * 1000 + BIG_BYTES)
    assert biggest[0].key == b"cache:big"


def test_servers_are_added_up_each_by_its_own_factor() -> None:
    one, two = census(server=1), census(server=2)
    one.add(b"cache:1", 100, -1)
    two.add(b"cache:2", 10, -1)
    ((dummy, share),), biggest = together([(one, 2.0), (two, 3.0)])
    assert (share.keys, share.bytes) == (5, 230)
    assert [big.key for big in biggest] == [b"cache:1", b"cache:2"]


def test_only_the_biggest_keys_are_kept_by_name() -> None:
    one = census(top=12)
    for number in range(1000):
        one.add(b"k:%d" % number, (number * 37) % 1000, -1)
    assert [big.size for big in together([(one, 1.0)])[1]] == list(range(999, 987, -1))


def test_a_key_that_is_met_twice_is_one_of_the_biggest_once() -> None:
    one = census()
    one.add(b"k:1", 5, -1)
    one.add(b"k:1", 5, -1)
    assert len(together([(one, 1.0)])[1]) == 1


def test_countless_prefixes_do_not_take_countless_memory() -> None:
    one = census(depth=1)
    for number in range(MOST_PREFIXES + 500):
        one.add(b"p%dx:1" % number, 1, -1)
    assert len(one.shares) == MOST_PREFIXES + 1
    assert one.shares[OTHERS].keys == 500
