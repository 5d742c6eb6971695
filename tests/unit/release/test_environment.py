# SPDX-License-Identifier: GPL-3.0-or-later
"""An environment file is read as the application reads it, and its values are kept out of what people read."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._release.environment import hide, parse, secrets

FILE = r"""
# a comment
PLAIN=value
SPACED = spaced out
export EXPORTED=yes
EMPTY=
SINGLE='it # stays $HOME'
DOUBLE="two\nlines"
BACK=`a "b" 'c'`
COMMENTED=value # not this
URL=postgres://app:p4ss%21word@db1/vendhub?sslmode=require
MULTI="first
second"
not an assignment
DOTTED.NAME=1
"""


def test_a_file_is_read_as_node_reads_it(tmp_path: Path, node: Path) -> None:
    (tmp_path / "env").write_text(FILE)
    code = "process.stdout.write(JSON.stringify(require('util').parseEnv(require('fs').readFileSync('env', 'utf8'))))"
    said = subprocess.run([node, "-e", code], cwd=tmp_path, capture_output=True, timeout=20, check=True).stdout
    assert parse(FILE) == json.loads(said)


def test_windows_line_ends_are_none_of_the_value() -> None:
    assert parse("A=1\r\nB='x'\r\n") == {"A": "1", "B": "x"}


@pytest.mark.parametrize("shown", ["correct-horse", "p4ss!word", "p4ss%21word", "-----BEGIN KEY-----", "abc"])
def test_no_value_is_left_standing(shown: str) -> None:
    values = {"A": "correct-horse", "URL": "postgres://app:p4ss%21word@db1/x", "KEY": "-----BEGIN KEY-----\nMII",
              "DB_PASSWORD": "abc"}
    assert shown not in hide(f"it said {shown} twice: {shown}", secrets(values))


def test_words_that_say_nothing_do_not_blank_out_a_log() -> None:
    hidden = secrets({"NODE_ENV": "production", "PORT": "3000", "TLS": "true", "LOG_LEVEL": "info", "EMPTY": ""})
    assert hide("production on 3000: true, info", hidden) == "production on 3000: true, info"


def test_a_value_inside_a_longer_one_does_not_save_the_rest_of_it() -> None:
    assert hide("abcd-efgh", secrets({"A": "abcd", "B": "abcd-efgh"})) == "***"
