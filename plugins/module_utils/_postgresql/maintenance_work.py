# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""One statement of maintenance in a session of its own, watched from another one: whoever waits for it is let by."""

from __future__ import annotations

import contextlib
import dataclasses
import select
import time
import typing as t

from .._core.errors import OpsError, ServiceDown
from .._core.redact import redact
from .client import _POLL_OK, _POLL_WRITE
from .link import Link, linked
from .maintenance_queries import CANCEL, TAKE, WATCH

_TICK_SECONDS = 0.1
_FIRST_TICK_SECONDS = 0.02
_STOP_SECONDS = 30.0

# what went wrong, by SQLSTATE
_LATER = {"55P03": "a lock was not free in time", "40P01": "it and somebody else waited for each other"}
_CANCELLED = "57014"
_ENDED = ("57P01", "57P02", "57P03")


class Outcome(t.NamedTuple):
    """``done``, ``later`` (try again), ``time`` (the budget is used up), ``stopped`` (a person did), or ``failed``."""

    state: str
    why: str
    seconds: float


@dataclasses.dataclass
class Job:
    """A statement, which index and table it is about, and until when it may work."""

    sql: str
    ends: float
    table: int = 0
    index: int = 0
    made: t.Optional[t.Callable[[int], None]] = None


class Worker(Link):
    """A session whose statements are started and looked after, not waited for."""

    pid = 0
    started = 0

    def __enter__(self) -> Worker:
        super().__enter__()
        return self

    def take(self, settings: t.Mapping[str, t.Any]) -> None:
        """Be the only maintenance of this database, for as long as this session lasts; OpsError when another one is."""
        answer = self.ask(TAKE)
        if not answer["taken"]:
            raise OpsError(f"another maintenance works in this database (pid {answer['holder'] or 'unknown'}): wait "
                           "until it has ended; vendhub.ops.postgresql_maintenance_info tells how far it is")
        self.pid, self.started = answer["pid"], answer["started"]
        for name, value in settings.items():
            self.tell(f"SET {name} = {value}")

    @property
    def who(self) -> dict[str, int]:
        """This session, told apart from a later one with the same process id."""
        return {"pid": self.pid, "started": self.started}

    def begin(self, sql: str) -> None:
        """Send a statement."""
        self._connection.notices.clear()
        self._cursor = self._connection.cursor()
        self._cursor.execute(sql)

    def done(self, wait_seconds: float) -> bool:
        """Whether it has ended, after waiting so long for that at most; raises what the library raises."""
        ends = time.monotonic() + wait_seconds
        while True:
            state = self._connection.poll()
            if state == _POLL_OK:
                return True
            waiter = select.poll()
            waiter.register(self._connection.fileno(), select.POLLOUT if state == _POLL_WRITE else select.POLLIN)
            left = ends - time.monotonic()
            if left <= 0 or not waiter.poll(left * 1000):
                return False

    def ended_by(self, exc: Exception, cause: t.Optional[tuple[str, str]], seconds: float) -> Outcome:
        """What an error of the library means; ServiceDown when the session is gone."""
        if not isinstance(exc, self._psycopg2.Error):
            raise exc
        code = exc.pgcode or ""
        if code in _LATER:
            return Outcome("later", _LATER[code], seconds)
        if code == _CANCELLED:
            state, why = cause or ("stopped", "somebody cancelled it")
            return Outcome(state, why, seconds)
        if not code or code in _ENDED or self._connection.closed:
            raise self._explained(exc) from exc
        lines = str(exc).strip().splitlines()
        why = redact(f"{lines[0] if lines else 'no reason was given'} (SQLSTATE {code})")[:300]
        return Outcome("failed", why, seconds)

    def skipped(self) -> str:
        """What the server said it has left out, although the statement succeeded."""
        said = [line.strip() for line in self._connection.notices if "skipping" in line]
        return said[0].partition(":")[2].strip()[:200] if said else ""


def run(worker: Worker, watch: Link, job: Job, yield_seconds: float) -> Outcome:
    """Run a statement until it ends, its time is over, or a client has waited for it too long."""
    began = time.monotonic()
    try:
        worker.begin(job.sql)
        return _looked_after(worker, watch, job, yield_seconds, began)
    except BaseException:
        with contextlib.suppress(OpsError):
            _stop(worker, watch)
        raise


def _looked_after(worker: Worker, watch: Link, job: Job, yield_seconds: float, began: float) -> Outcome:
    cause: t.Optional[tuple[str, str]] = None
    waiting: dict[int, float] = {}
    made, stops = job.made, 0.0
    while True:
        try:
            if worker.done(_FIRST_TICK_SECONDS if made else _TICK_SECONDS):
                return Outcome("done", worker.skipped(), time.monotonic() - began)
        except Exception as exc:  # pylint: disable=broad-except  # the library's own, which is loaded late
            return worker.ended_by(exc, cause, time.monotonic() - began)
        now = time.monotonic()
        if cause:
            if now > stops:
                raise ServiceDown(f"the session {worker.pid} was cancelled and does not stop; see what it does")
            continue
        seen = watch.ask(WATCH, {"pid": worker.pid, "table": job.table, "index": job.index})
        if made and seen["created"]:
            made(int(seen["created"]))
            made = None
        rows = {row["pid"]: row for row in seen["waiting"] or ()}
        waiting = {pid: waiting.get(pid, now) for pid in rows}
        blocked = [row for pid, row in rows.items() if now - waiting[pid] >= yield_seconds]
        if blocked:
            cause = "later", f"gave way to {blocked[0]['who']} (pid {blocked[0]['pid']}), which waited for it"
        elif now >= job.ends:
            cause = "time", f"the time was over{' while ' + seen['phase'] if seen['phase'] else ''}"
        if cause:
            stops = now + _STOP_SECONDS
            watch.ask(CANCEL, worker.who)


def _stop(worker: Worker, watch: Link) -> None:
    """Leave no statement behind that nobody looks after."""
    where = dataclasses.replace(watch.address, timeout_seconds=min(watch.address.timeout_seconds, 5.0))
    with linked(where, 0.0, watch.system_user) as link:
        link.ask(CANCEL, worker.who)
