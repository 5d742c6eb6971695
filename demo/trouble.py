# SPDX-License-Identifier: GPL-3.0-or-later
"""Problems planted so that the report has something to say: each real, none dangerous, all inside the demo's folder."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import time
import typing as t
from pathlib import Path

import psycopg2

from . import background
from .certificates import Issued, issue
from .place import DATABASE, Place
from .stack import ports, process

DAY = 86400
DUMP_TIMEOUT_SECONDS = 60.0
REDIS_USED = 0.86
CRASHING_APP = "sales-import-worker"


def plant(place: Place) -> list[str]:
    """Plant every problem that is not there yet and say what each is."""
    return [what(place) for what in (crash_loop, invalid_index, forgotten_transaction, full_redis, logged_errors,
                                     stale_backups, forgotten_certificate)]


def crash_loop(place: Place) -> str:
    """An app that PM2 starts again and again."""
    pm2 = place.pm2()
    if CRASHING_APP not in {app["name"] for app in pm2.jlist()}:
        script = place.folder / "crash-loop.js"
        script.write_text("setTimeout(() => { throw new Error('the price list is empty'); }, 100);\n")
        ecosystem = place.folder / "crash-loop.json"
        ecosystem.write_text(json.dumps({"apps": [{
            "name": CRASHING_APP, "script": str(script), "cwd": str(place.folder), "max_restarts": 1_000_000,
            "exp_backoff_restart_delay": 100, "max_memory_restart": "200M", "merge_logs": True,
            "log_date_format": "YYYY-MM-DD HH:mm:ss Z", "out_file": str(place.logs / "import-out.log"),
            "error_file": str(place.logs / "import-error.log")}]}))
        pm2.start(ecosystem)
        pm2.run("save", "--silent")
        process.wait_until(lambda: any(app["name"] == CRASHING_APP and app["pm2_env"]["restart_time"] > 2
                                       for app in pm2.jlist()), "the crash loop", 30)
    return f"PM2: {CRASHING_APP} crashes at every start and is started again, ever more slowly"


def invalid_index(place: Place) -> str:
    """What a CREATE INDEX CONCURRENTLY leaves behind when it fails."""
    cluster = place.postgresql()
    broken = "SELECT 1 FROM pg_index WHERE NOT indisvalid"
    if not cluster.execute(broken, database=DATABASE):
        background.stop(place, "hold_transaction")  # an index is never finished while a transaction is open
        cluster.execute("CREATE TABLE IF NOT EXISTS demo_orders AS SELECT n % 900 AS number, now() AS at"
                        " FROM generate_series(1, 1000) AS n", database=DATABASE)
        with contextlib.suppress(psycopg2.errors.UniqueViolation):
            cluster.execute("CREATE UNIQUE INDEX CONCURRENTLY demo_orders_number ON demo_orders (number)",
                            database=DATABASE)
    return "PostgreSQL: the index demo_orders_number is invalid, its building failed on duplicates"


def forgotten_transaction(place: Place) -> str:
    """A session idle in a transaction, and another that waits for its lock."""
    cluster = place.postgresql()
    if not background.running(place, "hold_transaction"):
        cluster.execute("CREATE TABLE IF NOT EXISTS demo_reports (id int PRIMARY KEY, note text);"
                        "INSERT INTO demo_reports VALUES (1, '') ON CONFLICT DO NOTHING;"
                        "ALTER TABLE demo_reports OWNER TO vendhub", database=DATABASE)
        background.ensure(place, "hold_transaction")
    waiting = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'vendhub-export' AND wait_event_type = 'Lock'"
    process.wait_until(lambda: bool(cluster.execute(waiting)), "the planted transaction", 10,
                       log=place.helpers / "hold_transaction.log")
    return "PostgreSQL: nightly-report is idle in a transaction with a lock, vendhub-export waits for it"


def full_redis(place: Place) -> str:
    """A cache that nearly fills the memory Redis may use."""
    with contextlib.closing(place.redis().client()) as client:
        for batch in range(100):
            memory: dict[str, t.Any] = client.info("memory")
            if memory["used_memory"] >= REDIS_USED * memory["maxmemory"]:
                break
            pipeline = client.pipeline(transaction=False)
            for number in range(20):
                pipeline.set(f"cache:report:{batch * 20 + number}", os.urandom(2048).hex(), ex=DAY)
            pipeline.execute()
        memory = client.info("memory")
    percent = 100 * memory["used_memory"] / memory["maxmemory"]
    return f"Redis: {percent:.0f} % of its maxmemory is used"


# (seconds ago: from, to; how many; context; message)
ERRORS: tuple[tuple[int, int, int, str, str], ...] = (
    (DAY, 60, 41, "CommissionProcessor", "Job {n} failed: connect ETIMEDOUT 127.0.0.1:{port}"),
    (DAY, 60, 23, "PaymentGateway", "Payment {uuid} was declined by the gateway after {n} ms"),
    (20 * 3600, 3600, 9, "TypeOrmModule", "duplicate key value violates unique constraint \"uq_sales_{n}\""),
)
# one more of these with every report, each within the last twenty minutes
NEW_ERRORS = (
    "Cannot read properties of undefined (reading 'commissionRate')",
    "Unexpected token '<' in JSON at position 0",
    "read ECONNRESET while fetching the price list",
    "invalid input syntax for type uuid",
)


def logged_errors(place: Place, clock: t.Callable[[], float] = time.time) -> str:
    """A worker's log of the last day, half of it rotated and compressed, with a new kind of error at its end."""
    now = clock()
    reports = len({path.resolve() for path in place.reports.glob("*/report.json")})
    lines = worker_log(now, NEW_ERRORS[: 1 + reports])
    half = next(index for index, (moment, dummy) in enumerate(lines) if moment > now - DAY / 2)
    with gzip.open(place.logs / "commission-worker.log.1.gz", "wt") as rotated:
        rotated.writelines(line for dummy, line in lines[:half])
    (place.logs / "commission-worker.log").write_text("".join(line for dummy, line in lines[half:]))
    newest = NEW_ERRORS[min(reports, len(NEW_ERRORS) - 1)]
    return f"Logs: 24 h of a worker's errors in a few kinds, and as the newest: {newest}"


def worker_log(now: float, new_errors: t.Sequence[str]) -> list[tuple[float, str]]:
    """Time and JSON line of every record, oldest first; the same shape for the same moment."""
    records = [(now - first + (first - last) * turn / count, "error", context,
                message.format(n=1000 + 37 * turn, port=40000 + turn, uuid=f"00000000-0000-4000-8000-{turn:012d}"))
               for first, last, count, context, message in ERRORS for turn in range(count)]
    records += [(now - 1200 + 60 * turn + number, "error", "CommissionProcessor", message)
                for number, message in enumerate(new_errors) for turn in range(7)]
    records += [(now - DAY + 120 * turn, "info", "CommissionProcessor", f"Job {turn} done")
                for turn in range(DAY // 120)]
    return [(record[0], _json_line(*record)) for record in sorted(records)]


def stale_backups(place: Place) -> str:
    """A good dump that is nine days old, and the empty file that last night's backup left."""
    stamp = time.strftime("%Y%m%d", time.gmtime(time.time() - 9 * DAY))
    for name in place.backups.glob("*"):
        name.unlink()
    dump = place.backups / f"vendhub_prod_{stamp}.dump"
    cluster = place.postgresql()
    process.run([str(cluster.binaries / "pg_dump"), "--format=custom", "--no-password", "--lock-wait-timeout=5000",
                 f"--host={cluster.host}", f"--port={cluster.port}", "--username=vendhub", f"--file={dump}",
                 "--exclude-table=demo_*", DATABASE],
                process.clean_environment(PGPASSWORD=place.secret["vendhub"]), DUMP_TIMEOUT_SECONDS, cwd=place.backups)
    dump.chmod(0o600)
    _age(dump, 9 * DAY)
    empty = place.backups / time.strftime("vendhub_prod_%Y%m%d.dump", time.gmtime())
    empty.touch(mode=0o600)
    _age(empty, 6 * 3600)
    return "Backups: the newest good dump is nine days old and was never verified, last night's file is empty"


def forgotten_certificate(place: Place) -> str:
    """A web front that still serves the old certificate after the file was renewed."""
    folder = place.folder / "front"
    if not background.running(place, "front"):
        if ports.listens(place.port["front"]):
            place.move("front")
        folder.mkdir(exist_ok=True)
        issue(Issued(folder / "served.pem", folder / "served.key", folder / "ca.pem"), days=9)
        front = background.ensure(place, "front")
        process.wait_until(lambda: ports.listens(place.port["front"]), "the web front", 10, process=front,
                           log=place.helpers / "front.log")
    issue(Issued(folder / "fullchain.pem", folder / "privkey.pem", folder / "renewed-ca.pem"), days=89)
    return "Certificate: renewed on disk (89 days), but the web front still serves the old one (9 days left)"


def _json_line(moment: float, level: str, context: str, message: str) -> str:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment % 1 * 1000):03d}Z"
    return json.dumps({"context": context, "level": level, "message": message, "timestamp": stamp}) + "\n"


def _age(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds,) * 2)
