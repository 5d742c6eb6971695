# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Let GNU grep find the lines worth a closer look: it searches several times faster than Python can.

It only reads what is open already and says where the lines stand; without it Python searches by itself.
"""

from __future__ import annotations

import os
import resource
import select
import subprocess
import typing as t

from .scan import BACK_BYTES, END_BYTES, LINE_BYTES, Line, shortened

# Where distributions put it; not whatever PATH holds.
_PLACES = ("/usr/bin/grep", "/bin/grep")
_PIPE_BYTES = 256 * 1024
_KEPT_BYTES = 4 * (LINE_BYTES + END_BYTES)
# grep holds a whole line in memory
_MEMORY_BYTES = 192 * 1024 * 1024


class CannotFind(Exception):
    """There is no grep that can do it, or it gave up."""


class Finder:
    """One run of grep over an open file, from a place to the end the file had when it was opened."""

    def __init__(self, fd: int, start: int, end: int, needles: t.Sequence[bytes]) -> None:
        """CannotFind when there is no GNU grep."""
        program = next((path for path in _PLACES if os.access(path, os.X_OK)), "")
        if os.path.basename(os.path.realpath(program)) != "grep":
            raise CannotFind("no GNU grep")  # busybox and the like know no byte offsets
        os.lseek(fd, start, os.SEEK_SET)
        self._start, self._end = start, end
        arguments = [option for needle in needles for word in _spellings(needle) for option in (b"-e", word)]
        self._process = subprocess.Popen(
            [program, "-a", "-b", "-F", *arguments], stdin=fd, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={"LC_ALL": "C"})
        resource.prlimit(self._process.pid, resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))

    def lines(self, late: t.Callable[[], bool]) -> t.Iterator[Line]:
        """The lines that hold a needle and where they begin; ends early when it is late."""
        try:
            for found in self._printed(late):
                number, colon, line = found.partition(b":")
                if not colon or not number.isdigit():
                    raise CannotFind("grep said something else")
                start = self._start + int(number)
                if start >= self._end:
                    return  # written after we opened the file
                yield start, shortened(line)
            if not late() and self._failed():
                raise CannotFind("grep gave up")
        finally:
            self.close()

    def _printed(self, late: t.Callable[[], bool]) -> t.Iterator[bytes]:
        pipe = self._process.stdout
        rest = b""
        while pipe is not None and not late():
            if not select.select([pipe], [], [], 0.1)[0]:
                continue
            data = os.read(pipe.fileno(), _PIPE_BYTES)
            if not data:
                break
            *whole, rest = (rest + data).split(b"\n")
            yield from whole
            if len(rest) > _KEPT_BYTES:
                rest = rest[:_KEPT_BYTES - BACK_BYTES] + rest[-BACK_BYTES:]
        if rest and not late():
            yield rest

    def _failed(self) -> bool:
        errors = self._process.stderr.read() if self._process.stderr is not None else b""
        return self._process.wait() not in (0, 1) or bool(errors)

    def close(self) -> None:
        """End grep, however far it came."""
        if self._process.poll() is None:
            self._process.kill()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        self._process.wait()


def _spellings(needle: bytes) -> list[bytes]:
    # ignoring case would cost grep a third more
    return sorted({needle, needle.upper(), needle.capitalize()}) if needle.isalpha() else [needle]
