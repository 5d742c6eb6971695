# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What PM2, PostgreSQL, Redis and the app itself say, asked without changing anything."""

from __future__ import annotations

import dataclasses
import json
import os
import typing as t

from .._core.errors import OpsError
from .._core.web import Getter, address as web_address
from .._pm2 import client as pm2_client, home as pm2_home
from .._postgresql import client as postgresql_client, connection as postgresql_connection
from .._postgresql.statement import shown
from .._redis import client as redis_client, connection as redis_connection
from .gather import Sink
from .logs import Tails

Options = t.Mapping[str, t.Any]

BODY_BYTES = 256 * 1024

# the mark keeps them from being judged among the application's statements
_ACTIVITY = """/* vendhub-ops */
SELECT convert_to(json_build_object(
  'version', version(), 'now', clock_timestamp(), 'started', pg_postmaster_start_time(),
  'standby', pg_is_in_recovery(),
  'sessions', (SELECT count(*) FROM pg_stat_activity),
  'activity', (SELECT json_agg(a) FROM (
     SELECT pid, usename AS "user", datname AS database, application_name AS application,
            host(client_addr) AS client, backend_type, state, wait_event_type, wait_event,
            round(extract(epoch FROM clock_timestamp() - backend_start)::numeric, 1) AS session_seconds,
            round(extract(epoch FROM clock_timestamp() - xact_start)::numeric, 1) AS transaction_seconds,
            round(extract(epoch FROM clock_timestamp() - query_start)::numeric, 1) AS query_seconds,
            round(extract(epoch FROM clock_timestamp() - state_change)::numeric, 1) AS state_seconds,
            CASE WHEN wait_event_type = 'Lock' THEN pg_blocking_pids(pid) END AS blocked_by, left(query, 4000) AS query
     FROM pg_stat_activity WHERE pid <> pg_backend_pid()
     ORDER BY xact_start NULLS LAST, pid LIMIT 500) a),
  'databases', (SELECT json_agg(d) FROM (
     SELECT datname AS database, numbackends, xact_commit, xact_rollback, deadlocks, conflicts, temp_files, temp_bytes
     FROM pg_stat_database WHERE datname IS NOT NULL ORDER BY datname) d),
  'replication', (SELECT json_agg(r) FROM (
     SELECT application_name AS application, state, sync_state, sent_lsn, replay_lsn FROM pg_stat_replication) r),
  'slots', (SELECT json_agg(s) FROM (SELECT slot_name, slot_type, active, restart_lsn FROM pg_replication_slots) s)
)::text, 'UTF8')
"""
# left out are the settings that hold commands and connection strings: both can carry a password
_SETTINGS = """/* vendhub-ops */
SELECT convert_to(json_build_object('settings', (SELECT json_agg(s) FROM (
  SELECT name, setting, unit, source, pending_restart FROM pg_settings
  WHERE source NOT IN ('default', 'override') AND name NOT IN (
    'primary_conninfo', 'ssl_passphrase_command', 'archive_command', 'restore_command', 'archive_cleanup_command',
    'recovery_end_command') ORDER BY name) s))::text, 'UTF8')
"""


def pm2(options: Options, tails: Tails) -> t.Callable[[Sink, float], None]:
    """The process list by the daemon's own socket, reduced to what is no secret, and the logs of its apps."""
    def collect(sink: Sink, seconds: float) -> None:
        home = pm2_home.resolve(options["home"], options["owner"])
        listing = pm2_client.listing(home, seconds)
        sink.text("pm2.json", _json({
            "daemon": {"pid": listing.peer.pid, "uid": listing.peer.uid, "version": listing.version},
            "processes": [dataclasses.asdict(process) for process in listing.processes]}))
        for process in listing.processes:
            for path in (process.err_log, process.out_log, process.combined_log):
                if path:
                    tails.take(sink, path, os.lstat(home).st_uid)
    return collect


def pm2_logs(options: Options, tails: Tails) -> t.Callable[[Sink, float], None]:
    """The daemon's log and those in its home and its saved list, also when no daemon answers."""
    def collect(sink: Sink, _seconds: float) -> None:
        home = pm2_home.resolve(options["home"], options["owner"])
        if not os.path.isdir(home):
            raise OpsError(f"there is no folder {home}; is home or owner of pm2 wrong?")
        for path in (os.path.join(home, "pm2.log"), *_saved_logs(home, sink), os.path.join(home, "logs", "*.log")):
            tails.take(sink, path, os.lstat(home).st_uid)
        left = pm2_home.orphans(home)
        sink.text("pm2-pids.json", _json([{"app": name, "pid": pid} for name, pid in left]))
    return collect


def _saved_logs(home: str, sink: Sink) -> list[str]:
    try:
        rows = pm2_home.dump(home)
    except (OSError, ValueError) as exc:
        sink.fault(f"dump.pm2 cannot be read: {exc}")
        return []
    paths = [row.get(name) for row in rows or () if isinstance(row, dict)
             for name in ("pm_err_log_path", "pm_out_log_path")]
    return [path for path in paths if isinstance(path, str) and path.startswith("/") and path != "/dev/null"]


def postgresql(options: Options) -> t.Callable[[Sink, float], None]:
    """Sessions, waits and settings; statements without their literals."""
    def collect(sink: Sink, seconds: float) -> None:
        where = postgresql_connection.address({**options, "timeout_seconds": seconds})
        with postgresql_client.Client(where) as client:
            found = client.ask(_ACTIVITY)
            for session in found.get("activity") or ():
                session["query"] = shown(session.get("query") or "", 500)
            sink.text("postgresql.json", _json(found))
            sink.text("postgresql-settings.json", _json(client.ask(_SETTINGS)))
    return collect


def redis(options: Options) -> t.Callable[[Sink, float], None]:
    """INFO and the list of clients; no command's arguments and no key."""
    def collect(sink: Sink, seconds: float) -> None:
        where = redis_connection.address({**options, "timeout_seconds": seconds})
        with redis_client.Client(where) as client:
            info, commands, clients = client.send(("INFO",), ("INFO", "commandstats"), ("CLIENT", "LIST"))
        sink.text("redis-info.txt", client.text(info, "INFO"))
        for name, command, reply in (("redis-commands.txt", "INFO commandstats", commands),
                                     ("redis-clients.txt", "CLIENT LIST", clients)):
            if isinstance(reply, str):
                sink.text(name, reply)
            else:
                sink.fault(f"{command}: {reply}")
    return collect


def health(urls: t.Sequence[str]) -> t.Callable[[Sink, float], None]:
    """The answers of the health pages, whatever they are."""
    def collect(sink: Sink, seconds: float) -> None:
        answers: list[dict[str, t.Any]] = []
        for url in urls:
            where = web_address(url)
            try:
                reply = Getter(seconds / len(urls), validate_certs=False, body_bytes=BODY_BYTES).get(where)
            except OpsError as exc:
                sink.fault(str(exc))
                answers.append({"url": where.shown, "error": str(exc)})
                continue
            answers.append({"url": where.shown, "status": reply.status, "seconds": round(reply.seconds, 3),
                            "type": reply.headers.get("content-type", ""),
                            "body": _body(reply.body.decode("utf-8", "replace"))})
            sink.text("health.json", _json(answers))
        sink.text("health.json", _json(answers))
    return collect


def _body(text: str) -> t.Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _json(data: t.Any) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False, default=str) + "\n"
