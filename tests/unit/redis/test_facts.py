# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import math

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._redis.facts import (
    file_settings,
    normal,
    number,
    parse_info,
    whole,
)

DEFAULTS_7 = {"maxmemory": "0", "maxmemory-policy": "noeviction", "appendonly": "no", "save": "3600 1 300 100 60 10000"}


def test_info_keeps_values_that_hold_colons_and_passes_over_the_rest() -> None:
    text = "# Server\r\nredis_version:7.0.15\r\nconfig_file:/a:b.conf\r\n\r\nnonsense\r\n"
    assert parse_info(text) == {"redis_version": "7.0.15", "config_file": "/a:b.conf"}


@pytest.mark.parametrize("text", ["", "abc", "nan", "inf", "-inf", "1.5.2"])
def test_a_field_that_is_no_finite_number_is_unknown_and_never_a_crash(text: str) -> None:
    assert math.isnan(number({"x": text}, "x"))
    assert whole({"x": text}, "x") == 0


@pytest.mark.parametrize(("lines", "changed"), [
    ([], {}),
    (["# maxmemory 5gb", "", "  "], {}),
    (["maxmemory 100mb"], {"maxmemory": str(100 * 2**20)}),
    (["maxmemory 100m"], {"maxmemory": "100000000"}),
    (["MaxMemory 1GB"], {"maxmemory": str(2**30)}),
    (["maxmemory 1gb", "maxmemory 2gb"], {"maxmemory": str(2 * 2**30)}),
    (["maxmemory lots"], {"maxmemory": "lots"}),
    (["maxmemory-policy allkeys-lru"], {"maxmemory-policy": "allkeys-lru"}),
    (["appendonly YES"], {"appendonly": "yes"}),
    (['save ""'], {"save": ""}),
    (["save 900 1", "save 300 10"], {"save": "900 1 300 10"}),
    (["save 900 1 300 10"], {"save": "900 1 300 10"}),
    (["save 900 1", 'save ""', "save 60 5"], {"save": "60 5"}),
    (["requirepass hunter2-canary", "masterauth hunter2-canary"], {}),
    (['requirepass "half a quote', "appendonly yes"], {"appendonly": "yes"}),
])
def test_a_file_is_read_as_redis_would(lines: list[str], changed: dict[str, str]) -> None:
    assert file_settings(lines, "7.0.15") == {**DEFAULTS_7, **changed}


@pytest.mark.parametrize(("version", "save"), [
    ("6.2.14", "3600 1 300 100 60 10000"), ("7.0.15", "3600 1 300 100 60 10000"), ("10.0.1", "3600 1 300 100 60 10000"),
    ("6.0.16", "900 1 300 10 60 10000"), ("5.0.7", "900 1 300 10 60 10000"), ("", "900 1 300 10 60 10000"),
    ("7", "3600 1 300 100 60 10000"),
])
def test_the_default_snapshots_are_those_of_the_version(version: str, save: str) -> None:
    assert file_settings([], version)["save"] == save


def test_one_notation_makes_equal_settings_equal() -> None:
    assert normal({"maxmemory": "1kb", "save": "900  1"}) == normal({"maxmemory": "1024", "save": "900 1"})
