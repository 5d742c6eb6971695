# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Make a dump that counts: written aside, read back, compared with the server, renamed, and its manifest last."""

from __future__ import annotations

import contextlib
import errno
import os
import time
import typing as t

from .._backup.dumps import SIDECAR, Dump
from .._core.errors import OpsError
from .._core.files import atomic_write, sync_folder
from .._core.limits import counted, duration, size
from .._core.moment import utc
from .._postgresql.connection import Address, address
from . import place
from .archive_parse import Table
from .compare_judge import differences, summary
from .make_plan import PART, dump_name, is_ours, needed_bytes, no_room, shrunk
from .manifest_facts import table_rows, text
from .options import PATTERNS, check_backup
from .programs import Programs, environment, find, find_program
from .reading import Content, Examination, checksum, examine
from .retention_plan import surplus
from .server import Database, count, moment, reachable
from .stream import File, Hash, Pipeline, Sink
from .trouble import explain

Result = dict[str, t.Any]
Options = t.Mapping[str, t.Any]

MODE = 0o640


class CopyFailed(OpsError):
    """The backup is good, a copy of it is not; ``result`` tells of the backup."""

    def __init__(self, message: str, result: Result) -> None:
        super().__init__(message)
        self.result = result


def backup(options: Options, *, act: bool) -> Result:
    """Make a verified dump of the database, or with ``act`` false say what would be done."""
    check_backup(options)
    where = address(options)
    found: list[Dump] = []
    try:
        found = place.known(options["directory"], PATTERNS)
        database = reachable(where, options["migrations_table"])
        programs = find(database.major, options["binary_directory"])
        programs.path("pg_restore")
        if options["recipients"]:
            find_program("age", "age")
        if not act:
            return _plan(options, where, database, programs, found)
        with place.alone(options["directory"]):
            return _Backup(options, where, programs, found).make()
    except CopyFailed:
        raise
    except OpsError as exc:
        raise OpsError(f"no backup was made: {exc}; {place.last_words(found)}", exc.reason) from exc


def _plan(options: Options, where: Address, database: Database, programs: Programs, found: t.Sequence[Dump]) -> Result:
    folder, now = options["directory"], time.time()
    name = dump_name(where.database, now, bool(options["recipients"]))
    _want_room(options, database, _last(found, where.database))
    removed = [dump.name for dump in surplus([*found, _future(name, now)], where.database, options["keep"],
                                             options["keep_days"], now)]
    old = f", and {counted(len(removed), 'old dump')} would be removed" if removed else ""
    return {"changed": True, "path": os.path.join(folder, name), "removed": removed, "target": str(where),
            "program_version": programs.version, "leftovers": place.leftovers(folder, where.database),
            "diff": {"before": _listing(dump.name for dump in found),
                     "after": _listing([name, *(dump.name for dump in found if dump.name not in removed)])},
            "msg": f"{where}: {size(database.size)} in {counted(len(database.estimates), 'table')} would be backed up "
                   f"to {os.path.join(folder, name)}{old}"}


def _future(name: str, now: float) -> Dump:
    return Dump(name, now, 0, MODE, "", True)


def _listing(names: t.Iterable[str]) -> str:
    return "".join(f"{name}\n" for name in sorted(names))


def _last(found: t.Sequence[Dump], database: str) -> t.Optional[Dump]:
    """The newest verified one of this database that we made; others may be packed in another way."""
    return place.newest_verified([dump for dump in found if is_ours(dump.name, database)])


def _want_room(options: Options, database: Database, last: t.Optional[Dump]) -> None:
    free = place.free_bytes(options["directory"])
    fault = no_room(free, needed_bytes(last.size if last else None, database.size, options["reserve_bytes"]),
                    options["directory"])
    if fault:
        raise OpsError(fault)


class _Backup:
    """One backup on its way; the folder is ours alone."""

    def __init__(self, options: Options, where: Address, programs: Programs, found: t.Sequence[Dump]) -> None:
        self._options, self._where, self._programs, self._found = options, where, programs, found
        self._folder: str = options["directory"]
        self._began, self._name = _unused_name(where.database, self._folder, bool(options["recipients"]))
        self._clock = time.monotonic()
        self._path = os.path.join(self._folder, self._name)
        self._part = os.path.join(self._folder, f".{self._name}{PART}")

    def make(self) -> Result:
        """The whole way."""
        swept = place.leftovers(self._folder, self._where.database)
        place.remove(self._folder, swept)
        seconds = self._options["max_seconds"]
        with _removed_on_failure(self._part), moment(self._where, seconds, self._options["migrations_table"]) as then:
            last = _last(self._found, self._where.database)
            _want_room(self._options, then.database, last)
            sha256, seen = self._dump(then.snapshot, seconds)
            dumped = time.monotonic()
            content = self._read_back(sha256, seen)
            tables = self._compared(content, then.database, lambda tables: count(then.link, tables))
            manifest = self._manifest(then.database, content, tables, dumped)
            suspicion = "" if self._options["accept_shrink"] else shrunk(
                content.size, last.size if last else None, self._options["shrink_percent"])
            self._settle(manifest if not suspicion else None)
        if suspicion:
            raise OpsError(f"{self._name} does not count: {suspicion}")
        return self._tell(manifest, swept)

    def _dump(self, snapshot: str, seconds: float) -> tuple[str, t.Optional[Content]]:
        """Write the dump aside; its check sum as it was sent to the disk, and its content when seen on the way."""
        handle = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            with Pipeline(seconds, f"the dump of {self._where.database}") as pipeline:
                dump = pipeline.start(self._arguments(snapshot), environment(self._where))
                total, file = Hash(), File(handle)
                examination = None
                if self._options["recipients"]:
                    age = pipeline.start([find_program("age", "age"), "--encrypt", *self._recipients()],
                                         environment(None), feed=True)
                    sinks: list[Sink] = [age]
                    if not self._options["identity_file"]:  # nobody here can open it later: look now
                        examination = Examination(pipeline, self._programs, None)
                        sinks.append(examination.sink())
                    pipeline.pump(age.read, [total, file])
                    pipeline.pump(dump.read, sinks)
                else:
                    pipeline.pump(dump.read, [total, file])
                pipeline.finish()
                failed = pipeline.failed()
                if failed:
                    raise OpsError(f"{failed.name} failed: {explain(failed.said)}")
                seen = examination.result() if examination else None
            os.fsync(handle)
            return total.hex, seen
        except OSError as exc:
            raise _not_written(exc, self._folder) from exc
        finally:
            os.close(handle)

    def _arguments(self, snapshot: str) -> list[str]:
        return [self._programs.path("pg_dump"), "--format=custom", "--no-password", f"--snapshot={snapshot}",
                f"--compress={self._options['compress_level']}",
                f"--lock-wait-timeout={round(self._options['lock_wait_seconds'] * 1000)}"]

    def _recipients(self) -> list[str]:
        return [word for recipient in self._options["recipients"] for word in ("--recipient", recipient)]

    def _read_back(self, sha256: str, seen: t.Optional[Content]) -> Content:
        """Read from the disk what was written; OpsError when it is not the same or not whole."""
        if seen is not None:
            content = seen
            content.sha256, content.size = checksum(self._part)
        else:
            content = examine(self._part, self._programs, self._options["max_seconds"], self._options["identity_file"])
        if content.sha256 != sha256:
            raise OpsError("what the disk gives back is not what was written: the disk or the memory is faulty")
        return content

    def _compared(self, content: Content, database: Database,
                  ask: t.Callable[[t.Iterable[Table]], dict[Table, int]]) -> dict[Table, int]:
        """The rows of each table in the dump; OpsError when the server has others at the same moment."""
        there = {table: content.tables[table] for table in database.estimates if table in content.tables}
        expected = ask(database.estimates) if self._options["count_rows"] else {
            table: there.get(table, 0) for table in database.estimates}
        wrong = differences(expected, there)
        if wrong:
            raise OpsError(f"the dump is not what the server has: {summary(wrong)}")
        return there

    def _manifest(self, database: Database, content: Content, tables: t.Mapping[Table, int], dumped: float) \
            -> dict[str, t.Any]:
        estimates = database.estimates
        done = time.monotonic()
        return {
            "size": content.size, "sha256": content.sha256, "verified_at": utc(time.time()),
            "method": "read in full on its way, its check sum read back from the disk" if self._options["recipients"]
                      and not self._options["identity_file"] else "read back in full from the disk",
            "rows_compared_with_server": self._options["count_rows"],
            "database": self._where.database, "host": self._where.host, "port": self._where.port,
            "server_version": database.version_text, "server_version_num": database.version,
            "program_version": self._programs.version, "format": content.kinds,
            "encrypted_for": list(self._options["recipients"]),
            "migration_head": database.migration, "database_bytes": database.size, "locale": dict(database.locale),
            "started_at": utc(self._began), "duration_seconds": round(done - self._clock, 3),
            "dump_seconds": round(dumped - self._clock, 3), "verify_seconds": round(done - dumped, 3),
            "rows": sum(tables.values()),
            "tables": [{**row, "estimate": estimates.get((row["schema"], row["table"]), 0)}
                       for row in table_rows(tables)],
        }

    def _settle(self, manifest: t.Optional[dict[str, t.Any]]) -> None:
        """Give the dump its name, and then, when it counts, its manifest."""
        owner = place.owner_for(self._folder)
        try:
            if owner:
                os.chown(self._part, *owner)
            os.chmod(self._part, MODE)
            # its age is that of what is in it
            os.utime(self._part, (self._began, self._began))
            os.rename(self._part, self._path)
            sync_folder(self._folder)
        except OSError as exc:
            raise _not_written(exc, self._folder) from exc
        if manifest is not None:
            atomic_write(self._path + SIDECAR, text(manifest), MODE, owner)

    def _tell(self, manifest: dict[str, t.Any], swept: t.Sequence[str]) -> Result:
        copies = [os.path.join(folder, self._name) for folder in self._options["copies"]]
        removed = _retain(self._folder, self._where.database, self._options)
        result: Result = {"changed": True, "path": self._path, "target": str(self._where), "manifest": manifest,
                          "removed": removed, "leftovers": list(swept), "copies": [],
                          "program_version": self._programs.version,
                          "diff": {"before": _listing(dump.name for dump in self._found),
                                   "after": _listing(dump.name for dump in place.known(self._folder, PATTERNS))}}
        old = f"; removed {counted(len(removed), 'old dump')}" if removed else ""
        migration = f", migration {manifest['migration_head']}" if manifest["migration_head"] else ""
        result["msg"] = (
            f"{self._where}: backed up to {self._path}, {size(manifest['size'])}, "
            f"{counted(len(manifest['tables']), 'table')}, {counted(manifest['rows'], 'row')}{migration}, verified, in "
            f"{duration(manifest['duration_seconds'])}{old}")
        faults = []
        for folder, target in zip(self._options["copies"], copies):
            try:
                copy(self._path, folder, manifest)
                _retain(folder, self._where.database, self._options)
                result["copies"].append(target)
            except OpsError as exc:
                faults.append(f"{folder}: {exc}")
        if faults:
            raise CopyFailed(f"{result['msg']}; BUT A COPY FAILED: {'; '.join(faults)}", result)
        if copies:
            result["msg"] += f"; copied to {', '.join(copies)}"
        return result


def _unused_name(database: str, folder: str, encrypted: bool) -> tuple[float, str]:
    """Now, and the name of a dump of now; two within one second would have the same."""
    for dummy in range(20):
        now = time.time()
        name = dump_name(database, now, encrypted)
        if not os.path.lexists(os.path.join(folder, name)):
            return now, name
        time.sleep(0.1)
    raise OpsError(f"{os.path.join(folder, name)} is there already; is the clock right?")


def _retain(folder: str, database: str, options: Options) -> list[str]:
    now = time.time()
    names = [dump.name for dump in surplus(place.known(folder, PATTERNS), database, options["keep"],
                                           options["keep_days"], now)]
    place.remove(folder, names)
    return names


def copy(path: str, folder: str, manifest: t.Mapping[str, t.Any]) -> None:
    """Bring a verified dump to another folder, prove the copy by its check sum, and write its manifest last."""
    name = os.path.basename(path)
    if not os.path.isdir(folder):
        raise OpsError("there is no such folder; is it mounted?")
    needed = int(manifest["size"])
    fault = no_room(place.free_bytes(folder), needed, folder)
    if fault:
        raise OpsError(fault)
    part = os.path.join(folder, f".{name}{PART}")
    owner = place.owner_for(folder)
    with place.alone(folder), _removed_on_failure(part):
        place.remove(folder, place.leftovers(folder, str(manifest["database"])))
        try:
            with open(path, "rb") as source, open(part, "xb") as target:
                while True:
                    piece = source.read(1024 * 1024)
                    if not piece:
                        break
                    target.write(piece)
                target.flush()
                os.fsync(target.fileno())
                os.fchmod(target.fileno(), MODE)
                if owner:
                    with contextlib.suppress(PermissionError):  # a mount that maps all users to one
                        os.fchown(target.fileno(), *owner)
            if checksum(part)[0] != manifest["sha256"]:
                raise OpsError("the copy differs from the dump and was removed")
            status = os.stat(path)
            os.utime(part, (status.st_mtime, status.st_mtime))
            os.rename(part, os.path.join(folder, name))
            sync_folder(folder)
        except OSError as exc:
            raise _not_written(exc, folder) from exc
        atomic_write(os.path.join(folder, name + SIDECAR), text(manifest), MODE, owner)


@contextlib.contextmanager
def _removed_on_failure(part: str) -> t.Iterator[None]:
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise


def _not_written(exc: OSError, folder: str) -> OpsError:
    words = {errno.ENOSPC: f"the disk of {folder} became full", errno.EDQUOT: f"the quota on {folder} is used up",
             errno.EFBIG: f"a limit for the size of files is reached in {folder} (ulimit -f)",
             errno.EROFS: f"the file system of {folder} is read-only",
             errno.EACCES: f"this user may not write into {folder}",
             errno.EPERM: f"this user may not write into {folder}"}
    return OpsError(words.get(exc.errno or 0, f"writing into {folder} failed: {exc.strerror or exc}"))
