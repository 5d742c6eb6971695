# SPDX-License-Identifier: GPL-3.0-or-later
"""One item that breaks, hangs or lies stops no other, and the time holds."""

from __future__ import annotations

import threading
import time

from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import CannotLook
from ansible_collections.vendhub.ops.plugins.module_utils._evidence.gather import Item, Sink, gather


def test_what_breaks_or_hangs_is_named_and_what_it_had_is_kept() -> None:
    forever = threading.Event()

    def hangs(sink: Sink, _seconds: float) -> None:
        sink.text("first.txt", "had")
        forever.wait()

    def refuses(_sink: Sink, _seconds: float) -> None:
        raise CannotLook("no rights: token=abcdefgh12345")

    def breaks(_sink: Sink, _seconds: float) -> None:
        raise ZeroDivisionError

    def misses(_sink: Sink, _seconds: float) -> None:
        with open("/nowhere/at/all"):
            pass

    def works(sink: Sink, seconds: float) -> None:
        sink.text("a.txt", f"{seconds:.2f}")

    started = time.monotonic()
    found = {one.name: one for one in gather([Item("hangs", hangs), Item("refuses", refuses), Item("breaks", breaks),
                                              Item("misses", misses), Item("works", works)], 0.5)}
    assert time.monotonic() - started < 2
    forever.set()
    assert (dict(found["hangs"].texts), found["hangs"].seconds) == ({"first.txt": "had"}, 0.5)
    assert "did not finish within 0.5 s" in found["hangs"].error
    assert found["refuses"].error == "no rights: token=***"
    assert "ZeroDivisionError" in found["breaks"].error
    assert found["misses"].error == "/nowhere/at/all: No such file or directory"
    assert (dict(found["works"].texts), found["works"].error) == ({"a.txt": "0.40"}, "")
