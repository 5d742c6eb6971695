# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Put a database that was restored and proved beside the live one into its place, in one short step."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
import typing as t

from .._core.errors import OpsError
from .._core.limits import counted, duration
from .._core.moment import utc
from .._postgresql.link import Link, linked
from . import place, queries
from .options import check_swap
from .restore import Chosen, Into, Options, Restored, Server, choose, fill, server, swept, undone, want_room
from .swap_plan import BEGUN, PROVED, REPLACED, is_ours, is_ready, stale, stamped

Result = dict[str, t.Any]

_USHER_SECONDS = 0.02


def restore(options: Options, *, act: bool) -> Result:
    """Bring it into the state that is asked for, or with ``act`` false say what would be done."""
    check_swap(options)
    with server(options) as there:
        if options["state"] == "beside":
            return _beside(there, options, act=act)
        if options["state"] == "swapped":
            return _swapped(there, options, act=act)
        return _absent(there, options["beside"], act=act)


def _beside(there: Server, options: Options, *, act: bool) -> Result:
    chosen = choose(options)
    live = there.about(options["database"])
    name = options["beside"] or _unused(there, options["database"], "restored")
    begun = [left for left in there.link.ask(queries.begun(BEGUN))["databases"] or [] if swept(there, left, act=act)]
    if there.about(name) is not None and name not in begun:
        raise OpsError(f"there is a database {name} already; name another one, or drop it with state=absent")
    result: Result = {"changed": True, "target": str(there), "path": chosen.path, "beside": name, "leftovers": begun}
    tablespace = options["tablespace"] or (live["tablespace"] if live else "")
    folder = there.folder(tablespace)
    want_room(folder, chosen.manifest, options["reserve_bytes"])
    if not act:
        return {**result, "msg": f"{there}: {chosen.path} would be restored into the new database {name}, beside "
                                 f"{options['database']}, and compared; nobody would notice"}
    if not there.locked(name):
        raise OpsError(f"another restore into {name} is running")
    began = time.monotonic()
    into = Into(name, True, folder, options["reserve_bytes"] // 2)
    owner = options["owner"] or (live["owner"] if live else "")
    there.create(name, _locale(chosen, live), owner, tablespace)
    with undone(there, name):
        there.link.tell(queries.comment(name, BEGUN))
        restored = _filled(there, chosen, into, options, live)
        there.link.tell(queries.comment(name, f"{PROVED} {utc(time.time())} from {chosen.path}"))
    seconds = time.monotonic() - began
    return {**result, "rows": restored.rows, "tables": len(restored.tables), "migration_head": restored.migration,
            "compared_with": restored.compared_with, "seconds": round(seconds, 3),
            "msg": f"{there}: {chosen.path} is restored into {name}: {counted(len(restored.tables), 'table')}, "
                   f"{counted(restored.rows, 'row')}, compared with {restored.compared_with}, in "
                   f"{duration(round(seconds, 1))}; {options['database']} is untouched"}


def _unused(there: Server, live: str, word: str) -> str:
    """A name of now; two within one second would have the same."""
    now = time.time()
    while there.about(stamped(live, word, now)) is not None:
        now += 1
    return stamped(live, word, now)


def _locale(chosen: Chosen, live: t.Optional[Result]) -> t.Mapping[str, str]:
    if chosen.manifest and chosen.manifest.locale:
        return chosen.manifest.locale
    return live["locale"] if live else {}


def _filled(there: Server, chosen: Chosen, into: Into, options: Options, live: t.Optional[Result]) -> Restored:
    """Restore, give it the rights and settings of the live one, which no dump holds, and its statistics."""
    try:
        restored = fill(there, chosen, into, options)
    except OpsError as exc:
        raise OpsError(f"nothing was restored, and {options['database']} is untouched: {exc}", exc.reason) from exc
    for statement in queries.rights(into.database, live) if live else []:
        there.link.tell(statement)
    with linked(there.address(into.database, options["max_seconds"]), 0) as link:
        link.tell("SET default_transaction_read_only = off")
        link.tell("ANALYZE")
    return restored


def _swapped(there: Server, options: Options, *, act: bool) -> Result:
    live, beside = options["database"], options["beside"]
    standing, coming = there.about(live), there.about(beside)
    if coming is None:
        raise OpsError(f"there is no database {beside}; was it swapped already? Restore it first (state=beside)")
    if not is_ready(coming["comment"]):
        raise OpsError(f"{beside} was not restored and proved by this module (its comment does not say so); nothing "
                       "was changed")
    previous = _unused(there, live, "before") if standing else ""
    sessions = standing["sessions"] if standing else 0
    kept = f"; what was there stays as {previous}" if previous else ""
    result: Result = {"changed": True, "target": str(there), "beside": beside, "previous": previous, "ended": sessions}
    if not act:
        return {**result, "msg": f"{there}: {beside} would take the place of {live}{kept}; "
                                 f"{counted(sessions, 'session')} would end, and a fresh backup is needed before"}
    if any(one and one["prepared"] for one in (standing, coming)):
        raise OpsError("nothing was changed: a prepared transaction holds a database for ever; commit it or roll it "
                       "back (pg_prepared_xacts)")
    if standing and not options["without_backup"]:
        _want_backup(options)
    seconds = _rename(there, _Swap(live, standing, beside, previous), options["swap_seconds"])
    back = f", and a swap with beside={previous} brings it back" if previous else ""
    return {**result, "seconds": round(seconds, 3),
            "msg": f"{there}: {live} is now what was {beside}; the step took {duration(round(seconds, 3))}{kept}{back}"}


def _want_backup(options: Options) -> None:
    """Refuse when there is no fresh backup of the database that is to be replaced."""
    found = [(dump, place.manifest_beside(f"{options['directory']}/{dump.name}"))
             for dump in place.known(options["directory"], options["patterns"]) if dump.verified]
    last = max((dump.modified for dump, manifest in found if manifest and manifest.database == options["database"]),
               default=None)
    fault = stale(last, time.time(), options["fresh_seconds"], options["database"])
    if fault:
        raise OpsError(f"nothing was changed: {fault}; make one with vendhub.ops.postgresql_backup into "
                       f"{options['directory']}, or, when it cannot be read any more, set without_backup")


@dataclasses.dataclass(frozen=True)
class _Swap:
    live: str
    standing: t.Optional[Result]  # what is known of it; None when there is none
    beside: str
    previous: str

    def statements(self) -> list[str]:
        """Both names and both comments: who is killed in the middle has changed nothing."""
        found = []
        if self.standing:
            found = [f"ALTER DATABASE {queries.name(self.live)} RENAME TO {queries.name(self.previous)}",
                     queries.comment(self.previous, f"{REPLACED} {utc(time.time())} by {self.beside}")]
        said = self.standing["comment"] if self.standing else ""
        return [*found, f"ALTER DATABASE {queries.name(self.beside)} RENAME TO {queries.name(self.live)}",
                queries.comment(self.live, "" if is_ours(said) else said)]


def _rename(there: Server, swap: _Swap, seconds: float) -> float:
    """Do it in one transaction, and tell how long it took.

    A rename waits until nobody is connected, and from its beginning nobody can connect; those who are there are ended
    by a second session.
    """
    guests = [name for name in (swap.live if swap.standing else "", swap.beside) if name]
    done = threading.Event()
    with contextlib.ExitStack() as stack:
        quick = there.address(there.where.database, seconds)
        link = stack.enter_context(linked(quick, 0))
        link.tell("SET default_transaction_read_only = off")
        usher = stack.enter_context(linked(quick, 0))
        thread = threading.Thread(target=_empty, args=(usher, guests, done), daemon=True)
        began = time.monotonic()
        thread.start()
        try:
            link.tell("BEGIN")
            for statement in swap.statements():
                link.tell(statement)
            link.tell("COMMIT")
        except OpsError as exc:
            raise OpsError(f"the swap was not done, and nothing was changed: {_reason(str(exc))}", exc.reason) from exc
        finally:
            done.set()
            thread.join(seconds)
        return time.monotonic() - began


def _empty(link: Link, databases: t.Sequence[str], done: threading.Event) -> None:
    while not done.is_set():
        for database in databases:
            with contextlib.suppress(OpsError):
                link.ask(queries.end_sessions(database))
        done.wait(_USHER_SECONDS)


def _reason(text: str) -> str:
    if "being accessed by other users" in text:
        return ("somebody stays connected who cannot be ended (a prepared transaction, or a session of a superuser); "
                "see pg_prepared_xacts and pg_stat_activity")
    return text


def _absent(there: Server, name: str, *, act: bool) -> Result:
    found = there.about(name)
    result: Result = {"changed": found is not None, "target": str(there), "beside": name}
    if found is None:
        return {**result, "msg": f"{there}: there is no database {name}"}
    if not is_ours(found["comment"]):
        raise OpsError(f"{name} is no database that this module restored or replaced (its comment does not say so); "
                       "drop it yourself")
    if act:
        there.drop(name)
    return {**result, "msg": f"{there}: {name} {'was' if act else 'would be'} dropped"}
