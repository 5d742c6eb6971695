# SPDX-License-Identifier: GPL-3.0-or-later
"""Log files made for a test, with times of today."""

from __future__ import annotations

import datetime
import pathlib
import time
import typing as t

import pytest

UTC = datetime.timezone.utc


def ago(hours: float) -> str:
    """A time so many hours ago, as Winston writes it."""
    moment = datetime.datetime.fromtimestamp(time.time() - hours * 3600, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.fixture
def log(tmp_path: pathlib.Path) -> t.Callable[..., str]:
    """Write a log of lines (text or bytes) and return its path."""

    def write(*lines: str | bytes, name: str = "app.log") -> str:
        path = tmp_path / name
        path.write_bytes(b"".join(line if isinstance(line, bytes) else line.encode() + b"\n" for line in lines))
        return str(path)

    return write
