# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.statement import shown


@pytest.mark.parametrize(("text", "expected"), [
    ("SELECT * FROM users\n  WHERE id = $1", "SELECT * FROM users WHERE id = $1"),
    ("SELECT 'canary', 42, 4.5e3, -7", "SELECT ?, ?, ?, ?"),
    ("SELECT 'it''s canary'", "SELECT ?"),
    (r"SELECT E'it\'s canary' x", "SELECT ? x"),
    ("SELECT $$canary$$, $a$can$$ary$a$", "SELECT ?, ?"),
    ("SELECT 1 -- canary's\nFROM t", "SELECT ? FROM t"),
    ("/* canary's */ SELECT 'x' /* open canary", "SELECT ?"),
    ("SELECT 'cut off canary", "SELECT ?"),
    ("SELECT $$cut off canary", "SELECT ?"),
    ('SELECT "it\'s a column" FROM t WHERE a = \'canary\'', 'SELECT "it\'s a column" FROM t WHERE a = ?'),
    ("SELECT t1.c2 FROM t1", "SELECT t1.c2 FROM t1"),
    ("SELECT '-- canary' FROM t", "SELECT ? FROM t"),
    ("", ""),
])
def test_a_statement_is_shown_without_literals_and_comments(text: str, expected: str) -> None:
    assert shown(text) == expected
    assert "canary" not in shown(text)


def test_a_long_statement_is_cut() -> None:
    assert shown("SELECT " + "column_name, " * 100, length=40).endswith("…")
    assert len(shown("SELECT " + "column_name, " * 100, length=40)) == 40
