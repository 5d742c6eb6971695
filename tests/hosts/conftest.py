# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests on real hosts: skipped with the reason where hosts cannot boot, failed there when CI expects them."""

from __future__ import annotations

import os

import pytest

from tests.lab import why_not


@pytest.fixture(scope="session", autouse=True)
def machine_boots_hosts() -> None:
    """Every test of this folder needs hosts."""
    reason = why_not()
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
