# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Who does the planned maintenance: one object after the other, again when somebody was in the way, never in theirs."""

from __future__ import annotations

import collections
import dataclasses
import time
import typing as t

from .._core.limits import duration
from .._core.moment import utc
from . import maintenance_journal as journal
from .link import Link
from .maintenance_facts import Index
from .maintenance_look import Look, index_rows, room
from .maintenance_plan import Begun, Work, leftovers, removal
from .maintenance_queries import ALIVE, OPEN, SIZE
from .maintenance_shown import done_row
from .maintenance_work import Job, Outcome, Worker, run

Result = dict[str, t.Any]

_CLEAN_SECONDS = 15.0
_POLL_SECONDS = 0.5


@dataclasses.dataclass
class _Try:
    work: Work
    attempts: int = 0
    not_before: float = 0.0


class Crew:
    """The session that works, the one that watches it, and how far they are."""

    def __init__(self, worker: Worker, watch: Link, seen: Look, *, options: t.Mapping[str, t.Any],
                 result: Result) -> None:
        self.worker, self.watch, self.seen, self.options, self.result = worker, watch, seen, options, result
        self.began = time.monotonic()
        self.ends = self.began + options["time_budget_seconds"]
        self.begun = seen.begun
        self.left: list[Index] = []  # of ours that could not be removed yet
        self.rate = 0.0  # bytes a second, of the slowest index so far

    def work(self, todo: t.Sequence[Work]) -> None:
        """All of it, each object again when somebody was in the way, until the time is over."""
        self._take()
        if self.begun and self.options["work"] == "reindex" and not self._clean_up_before(self.begun):
            self._leave(todo, "what the run before left must go first")
            return
        queue = collections.deque(_Try(work) for work in todo if work.what != "remove")
        while queue:
            one = queue.popleft()
            if one.not_before > time.monotonic():
                time.sleep(min(one.not_before, self.ends) - time.monotonic() if self.ends > time.monotonic() else 0)
            one.attempts += 1
            outcome = self._one(one.work)
            if outcome.state == "later" and one.attempts <= self.options["retries"] and time.monotonic() < self.ends:
                one.not_before = time.monotonic() + self.options["retry_pause_seconds"]
                queue.append(one)
                continue
            self._tell(one.work, outcome, one.attempts)
            if outcome.state == "stopped":
                self._leave([rest.work for rest in queue], "somebody cancelled the maintenance")
                return

    def sum_up(self, plan: t.Sequence[Work]) -> None:
        """What of the plan was not come to."""
        told = {(row["what"], row["object"]) for row in self.result["done"]}
        for index in self.left:
            self._row(removal(index), "skipped", "somebody was in the way; the next run removes it")
        for work in plan:
            if (work.what, work.object) not in told and work.what != "remove":
                self._row(work, "skipped", work.skip or "not come to")
        rows = self.result["done"]
        self.result["changed"] = any(row["state"] == "done" for row in rows)
        self.result["complete"] = all(row["state"] == "done" for row in rows)
        self.result["seconds"] = round(time.monotonic() - self.began, 3)

    def _take(self) -> None:
        budget = int(self.options["time_budget_seconds"] + 2 * _CLEAN_SECONDS)
        settings = {
            "default_transaction_read_only": "off", "statement_timeout": f"'{budget}s'",
            "lock_timeout": f"'{int(self.options['lock_timeout_seconds'] * 1000)}ms'",
            "vacuum_cost_delay": f"'{self.options['cost_delay_ms']:g}ms'",
            "vacuum_cost_limit": self.options["cost_limit"],
            "max_parallel_maintenance_workers": self.options["parallel_workers"]}
        if self.worker.version >= 140000:
            settings["client_connection_check_interval"] = "'1s'"  # a session whose client was killed ends by itself
        self.worker.take(settings)

    def _one(self, work: Work) -> Outcome:
        now = time.monotonic()
        if now >= self.ends:
            return Outcome("time", "the time was over", 0.0)
        if work.what == "reindex":
            return self._reindex(work)
        return self._run(work)

    def _run(self, work: Work, extra: float = 0.0, made: t.Optional[t.Callable[[int], None]] = None) -> Outcome:
        job = Job(work.sql, self.ends + extra, work.table, work.oid, made)
        return run(self.worker, self.watch, job, self.options["yield_seconds"])

    def _not_now(self, work: Work) -> t.Optional[Outcome]:
        """Why an index is not begun, at this moment or at all."""
        why = room(self.watch.address, self.seen.server, work)
        if why:
            return Outcome("skipped", why, 0.0)
        if self.rate and work.bytes / self.rate > self.ends - time.monotonic():
            why = f"it would take about {duration(round(work.bytes / self.rate))}, longer than is left"
            return Outcome("time", why, 0.0)
        why = self._in_the_way()
        if not why and self.begun:  # one journal, one reindexing: the next must not hide what was begun before
            self._clean_up(self.begun, 1)
            why = f"what is left of reindexing {self.begun.object} must go first" if self.begun else ""
        return Outcome("later", why, 0.0) if why else None

    def _reindex(self, work: Work) -> Outcome:
        not_now = self._not_now(work)
        if not_now:
            return not_now
        invalid = [one.oid for one in index_rows(self.watch, int(self.seen.server["block"]))
                   if not one.valid and one.table == work.table]
        self.begun = Begun(self.seen.server["system"], int(self.seen.server["database"]), work.oid, work.table,
                           work.object, tuple(invalid), self.worker.pid, self.worker.started, utc(time.time()))
        journal.write(self.seen.journal, self.begun)
        outcome = self._run(work, made=self._made)
        if outcome.state == "done":
            self._ended()
            rate = work.bytes / max(outcome.seconds, 0.1)
            self.rate = min(self.rate, rate) if self.rate else rate
            return outcome
        self._adopt(self.begun)
        swapped = self._clean_up(self.begun, 1)
        if swapped:
            return Outcome("done", "the old copy went later", outcome.seconds)
        return outcome

    def _made(self, created: int) -> None:
        if self.begun:
            self.begun = dataclasses.replace(self.begun, created=created)
            journal.write(self.seen.journal, self.begun)

    def _adopt(self, begun: Begun) -> None:
        """A copy that came and failed between two looks: until just now our own lock kept others from making one."""
        if begun.created is None:
            new = [one for one in index_rows(self.watch, int(self.seen.server["block"]))
                   if one.table == begun.table and one.copy == "new" and not one.valid and not one.building
                   and one.oid not in begun.before]
            if len(new) == 1:
                self._made(new[0].oid)

    def _ended(self) -> None:
        self.begun = None
        journal.clear(self.seen.journal)

    def _in_the_way(self) -> str:
        """Who would keep us waiting; whoever is done within our patience is waited for."""
        ends = min(self.ends, time.monotonic() + self.options["patience_seconds"])
        while True:
            seen = self.watch.ask(OPEN, {"seconds": self.options["long_transaction_seconds"]})
            if not seen["open"] and not seen["dumps"]:
                return ""
            if time.monotonic() >= ends:
                break
            time.sleep(_POLL_SECONDS)
        if seen["dumps"]:
            return "a dump or restore runs in this database"
        first = seen["open"][0]
        pid = f" (pid {first['pid']})" if first["pid"] else ""
        open_for = duration(round(first["seconds"]))
        return f"it would wait for {first['who']}{pid}, whose transaction has been open for {open_for}"

    def _clean_up_before(self, begun: Begun) -> bool:
        """What the run before left; false when it has to stay for now."""
        if self.watch.ask(ALIVE, {"pid": begun.pid, "started": begun.started})["alive"]:
            self.result["notes"].append(f"the session of the run before (pid {begun.pid}) still works on "
                                        f"{begun.object}")
            return False
        self._clean_up(begun, self.options["retries"] + 1)
        return self.begun is None

    def _clean_up(self, begun: Begun, tries: int) -> bool:
        """Remove our own copies, and only them; whether the index was built anew all the same."""
        block = int(self.seen.server["block"])
        for number in range(tries):
            if number:
                time.sleep(self.options["retry_pause_seconds"])
            found = index_rows(self.watch, block)
            ours, others = leftovers(found, begun)
            for index in ours:
                work = removal(index)
                outcome = self._run(work, max(0.0, time.monotonic() - self.ends) + _CLEAN_SECONDS)
                if outcome.state == "done":
                    self._row(work, "done", outcome.why, outcome.seconds, after=0)
            found = index_rows(self.watch, block)
            ours, others = leftovers(found, begun)
            if not ours:
                break
        doubtful = [one.quoted for one in others if one.table == begun.table and one.oid not in begun.before]
        if doubtful:
            self.result["notes"].append(f"{', '.join(doubtful)} may be ours, but nothing proves it: when nobody else "
                                        "reindexes there, DROP INDEX CONCURRENTLY")
        self.left = ours
        if not ours:
            self._ended()
        return any(one.valid and one.oid == begun.created for one in found)

    def _leave(self, todo: t.Sequence[Work], why: str) -> None:
        for work in todo:
            if work.what != "remove":
                self._row(work, "skipped", why)

    def _tell(self, work: Work, outcome: Outcome, attempts: int) -> None:
        if outcome.state == "done" and not outcome.why.startswith("skipping"):
            after = self.watch.ask(SIZE, {"name": work.object})["bytes"]
            self._row(work, "done", outcome.why, outcome.seconds, after=after, attempts=attempts)
        else:
            state = "failed" if outcome.state == "failed" else "skipped"
            self._row(work, state, outcome.why, outcome.seconds, attempts=attempts)

    def _row(self, work: Work, state: str, why: str, seconds: float = 0.0, *, after: t.Optional[int] = None,
             attempts: int = 1) -> None:
        row = {**done_row(work, state, why), "seconds": round(seconds, 3), "attempts": attempts,
               "bytes_after": work.bytes if after is None else after}
        self.result["done"].append(row)
        if state == "done":
            line = {**row, "at": utc(time.time()), "target": self.result["target"]}
            journal.note(self.options["state_directory"], line)
