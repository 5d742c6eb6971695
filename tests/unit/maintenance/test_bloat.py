# SPDX-License-Identifier: GPL-3.0-or-later
"""How large a table or B-tree would be if it were new: against what PostgreSQL 15 to 18 really built."""

from __future__ import annotations

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.bloat_judge import (
    Column,
    btree_bytes,
    heap_bytes,
    measured_bytes,
)

INT = Column(4, "i", 4, 0, -1)
TEN = Column(4, "i", 4, 0, 10)
MD5 = Column(-1, "i", 33, 0, -1)
BLOCK = 8192


@pytest.mark.parametrize(("columns", "deduplicates", "real"), [
    ((INT,), False, 466_944), ((MD5,), True, 1_204_224), ((TEN,), True, 155_648)])
def test_a_new_index_has_about_the_estimated_size(columns: tuple[Column, ...], deduplicates: bool, real: int) -> None:
    """The real sizes are those of CREATE INDEX over 20,000 rows."""
    estimate = btree_bytes(20_000, columns, 90, BLOCK, deduplicates=deduplicates)
    assert estimate is not None
    assert 0.85 < estimate / real < 1.15


def test_a_new_table_has_about_the_estimated_size() -> None:
    estimate = heap_bytes(20_000, (INT, MD5, INT), 100, BLOCK)
    assert estimate is not None
    assert 0.95 < estimate / 1_531_904 < 1.05


def test_what_the_statistics_do_not_say_is_not_guessed() -> None:
    unknown = Column(-1, "i", None, None, None)
    assert btree_bytes(1000, (INT, unknown), 90, BLOCK, deduplicates=True) is None
    assert btree_bytes(-1, (INT,), 90, BLOCK, deduplicates=True) is None
    assert heap_bytes(1000, (), 100, BLOCK) is None


def test_an_empty_index_has_two_pages_at_most() -> None:
    assert btree_bytes(0, (INT,), 90, BLOCK, deduplicates=True) == 2 * BLOCK


def test_columns_that_may_depend_on_each_other_are_taken_for_different_so_that_no_bloat_is_invented() -> None:
    one = btree_bytes(100_000, (TEN,), 90, BLOCK, deduplicates=True)
    two = btree_bytes(100_000, (TEN, INT), 90, BLOCK, deduplicates=True)
    plain = btree_bytes(100_000, (TEN, INT), 90, BLOCK, deduplicates=False)
    assert one is not None
    assert two is not None
    assert one < two == plain


def test_nulls_take_no_room_but_a_bitmap() -> None:
    empty = btree_bytes(100_000, (Column(-1, "i", 200, 1.0, 0),), 90, BLOCK, deduplicates=False)
    full = btree_bytes(100_000, (Column(-1, "i", 200, 0.0, -1),), 90, BLOCK, deduplicates=False)
    assert empty is not None
    assert full is not None
    assert empty * 5 < full


@pytest.mark.parametrize(("density", "expected"), [(90.0, 111), (45.0, 56), (9.0, 12), (float("nan"), 1), (99.0, 111)])
def test_the_measured_size_follows_the_density(density: float, expected: int) -> None:
    found = {"leaf_pages": 100, "internal_pages": 10, "avg_leaf_density": density}
    assert measured_bytes(found, 90, BLOCK) == expected * BLOCK
