# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Restore a dump into a new database beside the others, and prove that all of it arrived."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
import typing as t

from .._core.errors import CannotLook, OpsError, ServiceDown
from .._core.limits import counted, size
from .._postgresql.client import Missing
from .._postgresql.connection import Address, address
from .._postgresql.link import Link, linked
from . import place, queries
from .archive_parse import AGE, CUSTOM, GZIP, SQL, Rows, Table
from .compare_judge import differences, summary
from .manifest_facts import Manifest
from .options import check_restore
from .programs import Programs, environment, find
from .reading import Damaged, Opened, Unpacked, checksum, decrypting, examine
from .server import count, look, migration, reachable
from .stream import PIECE_BYTES, Pipeline, Program, Sink
from .trouble import explain

Options = t.Mapping[str, t.Any]

_DROP_SECONDS = 120
_DISCARD_TRIES = 5


@dataclasses.dataclass(frozen=True)
class Chosen:
    """A dump, and what must be in it as far as that is known."""

    path: str
    manifest: t.Optional[Manifest]


@dataclasses.dataclass(frozen=True)
class Restored:
    """What a restore brought, and how long it took."""

    tables: t.Mapping[Table, int]
    migration: str
    compared_with: str
    read_seconds: float
    restore_seconds: float
    compare_seconds: float

    @property
    def rows(self) -> int:
        return sum(self.tables.values())


def choose(options: Options, *, unproved_too: bool = False) -> Chosen:
    """The dump that is named, else the newest verified one of the folder, else (``unproved_too``) the newest one."""
    path = options["path"]
    if not path:
        found = place.known(options["directory"], options["patterns"])
        best = place.newest_verified(found)
        if best is None and unproved_too:
            best = max((dump for dump in found if not dump.fault), key=lambda dump: dump.modified, default=None)
        if best is None:
            raise OpsError(f"there is no {'usable' if unproved_too else 'verified'} dump in {options['directory']} "
                           f"({counted(len(found), 'other file')}); back up first, or name one with path")
        path = os.path.join(options["directory"], best.name)
    if not os.path.isfile(path):
        raise OpsError(f"there is no dump {path}")
    return Chosen(path, place.manifest_beside(path))


class Server:
    """A server on which databases are made and dropped; one session of ours stays open."""

    def __init__(self, link: Link, where: Address, programs: Programs, tablespace: str) -> None:
        self.link, self.where, self.programs, self.tablespace = link, where, programs, tablespace

    def __str__(self) -> str:
        return f"{self.where.host}:{self.where.port}"

    def address(self, database: str, seconds: float) -> Address:
        """How to reach one of its databases."""
        return dataclasses.replace(self.where, database=database, timeout_seconds=seconds)

    def about(self, database: str) -> t.Optional[dict[str, t.Any]]:
        """What the server knows of a database; None when there is none."""
        found: t.Optional[dict[str, t.Any]] = self.link.ask(queries.about(database, self.link.version))["database"]
        return found

    def locked(self, database: str) -> bool:
        """Whether this name is ours now; it stays so as long as our session."""
        return bool(self.link.ask(queries.locked(database))["taken"])

    def create(self, database: str, locale: t.Mapping[str, str], owner: str = "", tablespace: str = "") -> None:
        """Make an empty database; OpsError when the role may not."""
        try:
            self.link.tell(queries.create(database, locale, self.link.version, owner, tablespace or self.tablespace))
        except Missing as exc:
            raise OpsError(f"{self.where.user!r} may not make databases here (or not for {owner or 'others'}); log in "
                           "as a superuser, or ALTER ROLE <role> CREATEDB") from exc

    def drop(self, database: str) -> None:
        """Drop a database with everybody in it.

        It waits for every session of the server, and one whose client hangs in the middle of a COPY answers never.
        """
        self.link.tell(f"SET statement_timeout = {_DROP_SECONDS * 1000}")
        self.link.tell(f"DROP DATABASE IF EXISTS {queries.name(database)} WITH (FORCE)")
        self.link.tell("RESET statement_timeout")

    def discard(self, database: str) -> str:
        """Drop what came to nothing, also while the disk is full; what could not be done, as words to append.

        A drop makes a checkpoint, which fails as long as others have something to write that finds no room.
        """
        fault = ""
        for dummy in range(_DISCARD_TRIES):
            try:
                self.drop(database)
                return ""
            except OpsError as exc:
                fault = f"; the database {database} could not be dropped ({exc}): drop it by hand, or the next run does"
            time.sleep(1)
        return fault

    def folder(self, tablespace: str = "") -> str:
        """Where it keeps its data; empty when that cannot be seen from here."""
        if not self.where.local:
            return ""
        found = self.link.ask(queries.data_directory(tablespace or self.tablespace))["directory"] or ""
        return found if os.path.isdir(found) else ""


@contextlib.contextmanager
def undone(there: Server, database: str) -> t.Iterator[None]:
    """Whatever goes wrong within, the new database is dropped."""
    try:
        yield
    except OpsError as exc:
        raise OpsError(f"{exc}{there.discard(database)}", exc.reason) from exc
    except BaseException:
        there.discard(database)
        raise


def swept(there: Server, database: str, *, act: bool) -> bool:
    """Whether this database was left by one who was killed, and with ``act`` drop it; who runs has its name locked."""
    if not there.locked(database):
        return False
    if act:
        there.drop(database)
    return True


def want_room(folder: str, manifest: t.Optional[Manifest], reserve: int) -> None:
    """Refuse when the disk of the server is too small for one more database; nothing when that cannot be known."""
    if folder and place.free_bytes(folder) < reserve + (manifest.database_bytes if manifest else 0):
        raise OpsError(f"{folder} has {size(place.free_bytes(folder))} free, and "
                       f"{size(reserve + (manifest.database_bytes if manifest else 0))} are needed (the database and "
                       "reserve_bytes); free some space, or name another tablespace")


@contextlib.contextmanager
def server(options: Options) -> t.Iterator[Server]:
    """The server of these options, through its maintenance database."""
    check_restore(options)
    where = dataclasses.replace(address(options), database=options["maintenance_database"])
    major = reachable(where, "").major  # quickly, or not at all
    programs = find(major, options["binary_directory"])
    programs.path("pg_restore")
    with linked(dataclasses.replace(where, timeout_seconds=options["max_seconds"]), 0) as link:
        link.tell("SET default_transaction_read_only = off")
        yield Server(link, where, programs, options["tablespace"] or "")


@dataclasses.dataclass(frozen=True)
class Into:
    """Where a dump is restored to, and how."""

    database: str
    owners: bool  # as in the dump; else everything belongs to who restores
    folder: str  # of the server's data, watched while it grows; empty when it cannot be seen
    floor_bytes: int


def fill(there: Server, chosen: Chosen, into: Into, options: Options) -> Restored:
    """Restore into an empty database, and compare; OpsError says what is wrong with it."""
    began = time.monotonic()
    expected, against = _expected(there, chosen, options)
    read = time.monotonic()
    pour(there, chosen.path, into, options)
    poured = time.monotonic()
    try:
        with linked(there.address(into.database, options["max_seconds"]), 0) as link:
            found = count(link, look(link, "").estimates)
            head = migration(link, options["migrations_table"])
            if chosen.manifest is None:  # tables of extensions are in a dump in part
                expected = {table: rows for table, rows in expected.items()
                            if table in found or not link.ask(queries.relation(*table))["there"]}
    except ServiceDown as exc:
        raise OpsError(f"what was restored cannot be looked at: {exc}", exc.reason) from exc
    wrong = differences(expected, found) if expected or chosen.manifest else []
    if chosen.manifest and chosen.manifest.migration and options["migrations_table"] \
            and chosen.manifest.migration != head:
        wrong.append(f"its newest migration is {head or 'missing'} instead of {chosen.manifest.migration}")
    if wrong:
        raise OpsError(f"what was restored is not what {against} says: {summary(wrong)}")
    if not found:
        raise OpsError("there is no table in what was restored")
    return Restored(found, head, against if expected else "nothing, for it has no rows that can be counted",
                    read - began, poured - read, time.monotonic() - poured)


def _expected(there: Server, chosen: Chosen, options: Options) -> tuple[t.Mapping[Table, int], str]:
    """How many rows each table must have, and who says so; Damaged when the file is not as it was."""
    if chosen.manifest is None:
        content = examine(chosen.path, there.programs, options["max_seconds"], options["identity_file"])
        return content.tables, "the dump itself"
    if chosen.manifest.server_version // 10000 > there.link.version // 10000:
        raise OpsError(f"the dump is of PostgreSQL {chosen.manifest.server_version // 10000}, the server is "
                       f"{there.link.version // 10000}; restore it on a server of that version")
    sha256, found = checksum(chosen.path)
    if (sha256, found) != (chosen.manifest.sha256, chosen.manifest.size):
        raise Damaged(f"{os.path.basename(chosen.path)} is damaged: its check sum is not that of its manifest")
    return chosen.manifest.tables, "its manifest"


def pour(there: Server, path: str, into: Into, options: Options) -> None:
    """Bring a dump, whatever it is packed in, into a database."""
    login = environment(there.address(into.database, there.where.timeout_seconds))
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as exc:
        raise CannotLook(f"{path} cannot be read: {exc.strerror}") from exc
    try:
        with Pipeline(options["max_seconds"], f"the restore of {os.path.basename(path)}") as pipeline:

            def inside(kind: str) -> list[Sink]:
                if kind == GZIP:
                    return [Unpacked(Opened(inside))]
                if kind == AGE:
                    age = decrypting(pipeline, options["identity_file"])
                    pipeline.pump(age.read, [Opened(inside)])
                    return [age]
                if kind == CUSTOM:
                    return [pipeline.start(_pg_restore(there, into), login, feed=True, reads=False)]
                if kind == SQL:
                    return [_Harmless(pipeline.start(_psql(there), login, feed=True, reads=False))]
                raise Damaged("it is neither a PostgreSQL dump nor SQL")

            pipeline.pump(lambda: _next(handle, into), [Opened(inside)])
            pipeline.finish()
            failed = pipeline.failed()
            if failed:
                raise OpsError(f"{failed.name} failed: {explain(failed.said)}")
    finally:
        os.close(handle)


def _next(handle: int, into: Into) -> bytes:
    """The next piece, as long as the disk of the server has room: a full one would stop all its databases."""
    if into.folder and place.free_bytes(into.folder) < into.floor_bytes:
        raise OpsError(f"it was ended before {into.folder} became full: less than {size(into.floor_bytes)} are free "
                       "(half of reserve_bytes)")
    return os.read(handle, PIECE_BYTES)


def _pg_restore(there: Server, into: Into) -> list[str]:
    without = [f"--no-{what}" for what in ("owner", "privileges", "publications", "subscriptions", "security-labels")
               if not into.owners]
    return [there.programs.path("pg_restore"), f"--dbname={into.database}", "--exit-on-error", "--no-password",
            *without]


def _psql(there: Server) -> list[str]:
    return [there.programs.path("psql"), "--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1",
            "--single-transaction", "--file=-"]


class _Harmless:
    """psql, fed with SQL only: a command of psql could connect to another database, or run a program."""

    def __init__(self, psql: Program) -> None:
        self._psql = psql
        self._rows = Rows(strict=False)

    def write(self, piece: bytes) -> None:
        self._rows.feed(piece)
        if self._rows.commands:
            raise OpsError(f"the dump has a command of psql in it, which is not carried out: {self._rows.commands[0]}; "
                           "such a dump (pg_dump --create) may write into another database")
        self._psql.write(piece)

    def close(self) -> None:
        self._psql.close()
