# SPDX-License-Identifier: GPL-3.0-or-later
"""How many connections a server can have: pure judgement."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import BadOption
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.capacity_judge import (
    Memory,
    Server,
    need,
    refuse,
    risks,
)

MIB = 1024 * 1024
SERVER = Server(running=100, reserved=3, used=60, standby=False, standbys=0, shared_buffers=128 * MIB, work_mem=4 * MIB,
                hash_mem_multiplier=2.0, autovacuum_work_mem=64 * MIB, autovacuum_workers=3)
MEMORY = Memory(total=8192 * MIB, available=4096 * MIB, percent=50, session_bytes=10 * MIB, work_mems=1)
# shared_buffers + 3 workers: 320 MiB; a session 10 + 4 x 2: 18 MiB; half of it: 4096 MiB; (4096 - 320) / 18 = 209.8


def test_the_arithmetic() -> None:
    found = need(200, SERVER, MEMORY)
    assert (found.fixed_bytes, found.session_bytes) == (320 * MIB, 18 * MIB)
    assert (found.bytes, found.added_bytes) == ((320 + 200 * 18) * MIB, 100 * 18 * MIB)
    assert need(50, SERVER, MEMORY).added_bytes == 0


@pytest.mark.parametrize(("value", "refused"), [(100, False), (209, False), (210, True), (5000, True)])
def test_what_does_not_fit_is_a_risk_and_the_most_that_fits_is_named(value: int, refused: bool) -> None:
    found = risks(value, SERVER, dataclasses.replace(MEMORY, available=None))
    assert bool(found) is refused
    if refused:
        assert found[0].endswith("50 % of 8 GiB are 4 GiB: at most 209 fit")


def test_what_is_used_by_others_at_this_moment_counts_too() -> None:
    (risk,) = risks(150, SERVER, dataclasses.replace(MEMORY, available=899 * MIB))
    assert risk == "50 more busy sessions may take 900 MiB, and 899 MiB are available at this moment"
    assert not risks(150, SERVER, dataclasses.replace(MEMORY, available=900 * MIB))


@pytest.mark.parametrize(("value", "changes", "words"), [
    (101, {"standbys": 1}, ["1 standby replicates from it"]), (101, {"standby": True}, []), (99, {"standbys": 1}, []),
    (99, {"standby": True}, ["it is a standby"]), (63, {}, []),
    (62, {}, ["60 connections are in use, and 59 would be"]),
    (100, {"standby": True, "standbys": 2, "used": 200}, []),
])
def test_other_risks(value: int, changes: dict[str, t.Any], words: list[str]) -> None:
    found = risks(value, dataclasses.replace(SERVER, **changes), MEMORY)
    assert [risk[:len(word)] for risk, word in zip(found, words, strict=True)] == words


@pytest.mark.parametrize(("value", "fine"), [(-1, False), (0, False), (3, False), (4, True), (262143, True),
                                             (262144, False)])
def test_what_no_server_starts_with_is_always_refused(value: int, fine: bool) -> None:
    if fine:
        refuse(value, SERVER)
        return
    with pytest.raises(BadOption):
        refuse(value, SERVER)
