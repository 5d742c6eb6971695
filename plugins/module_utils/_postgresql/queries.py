# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The questions, in the dialect of each server version from 13 on; each is one statement that answers in JSON."""

from __future__ import annotations

MIN_VERSION = 130000

# stands before our own statements, so that they are not judged among the application's
MARK = "/* vendhub-ops */"

# how many sessions, indexes and statements are shown; counts are always of all
ROWS = 10

# maintenance and schema changes take long by nature and are no statements of the application
_NOT_OF_THE_APPLICATION = (
    "copy|vacuum|analyze|create|alter|drop|reindex|cluster|refresh|truncate|set|reset|show|begin|start|commit|rollback"
    "|checkpoint|comment|grant|revoke|discard|listen|unlisten|notify|lock|explain|savepoint|release|declare|fetch|close"
    "|deallocate|prepare|security"
)


def overview(version: int) -> str:
    """Everything but the statements, as one row with one JSON object."""
    reserved = "current_setting('reserved_connections')::int" if version >= 160000 else "0"
    waited = ("coalesce(max(extract(epoch FROM clock_timestamp() - l.waitstart)), 0)" if version >= 140000
              else "max(extract(epoch FROM clock_timestamp() - a.state_change))")
    return f"""{MARK}
WITH activity AS MATERIALIZED (
  SELECT pid, coalesce(application_name, '') AS application, usename AS "user", datname AS database,
         query = '<insufficient privilege>' AS hidden, state,
         backend_type = 'client backend' OR (backend_type IS NULL AND datid IS NOT NULL) AS client,
         extract(epoch FROM clock_timestamp() - xact_start) AS transaction_seconds,
         extract(epoch FROM clock_timestamp() - state_change) AS state_seconds, state_change
  FROM pg_stat_activity WHERE pid <> pg_backend_pid()
), wal AS (
  SELECT CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
              ELSE pg_current_wal_lsn() END AS at
), waiting AS (
  SELECT l.pid, {waited} AS waited_seconds
  FROM pg_locks l LEFT JOIN activity a USING (pid) WHERE NOT l.granted GROUP BY l.pid
)
SELECT convert_to(json_build_object(
  'version', current_setting('server_version'),
  'uptime_seconds', extract(epoch FROM now() - pg_postmaster_start_time()),
  'standby', pg_is_in_recovery(),
  'receiver', EXISTS (SELECT FROM pg_stat_wal_receiver WHERE pid IS NOT NULL),
  'replay_age_seconds', extract(epoch FROM now() - pg_last_xact_replay_timestamp()),
  'max_connections', current_setting('max_connections')::int,
  'reserved', current_setting('superuser_reserved_connections')::int + {reserved},
  'sessions', (SELECT json_agg(s) FROM (
     SELECT application, "user", database, CASE WHEN hidden THEN 'hidden' ELSE coalesce(state, 'unknown') END AS state,
            count(*) AS connections
     FROM activity WHERE client GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1, 2, 3, 4) s),
  'idle', (SELECT json_agg(s) FROM (
     SELECT pid, application, "user", database, state, state_seconds, transaction_seconds
     FROM activity WHERE client AND state LIKE 'idle in transaction%' ORDER BY state_seconds DESC LIMIT {ROWS}) s),
  'transactions', (SELECT json_agg(s) FROM (
     SELECT pid, application, "user", database, state, transaction_seconds
     FROM activity WHERE client AND transaction_seconds IS NOT NULL
     UNION ALL
     SELECT NULL, 'prepared transaction ' || gid, owner, database, 'prepared',
            extract(epoch FROM clock_timestamp() - prepared)
     FROM pg_prepared_xacts ORDER BY transaction_seconds DESC LIMIT {ROWS}) s),
  'waiting', (SELECT json_agg(s) FROM (
     SELECT w.pid, a.application, a."user", a.database, w.waited_seconds, pg_blocking_pids(w.pid) AS blockers
     FROM waiting w LEFT JOIN activity a USING (pid) ORDER BY w.waited_seconds DESC NULLS FIRST LIMIT 100) s),
  'names', (SELECT json_object_agg(pid, coalesce(nullif(application, ''), "user"::text, '')) FROM activity
            WHERE EXISTS (SELECT FROM waiting)),
  'xid', (SELECT json_build_object('database', datname, 'age', age(datfrozenxid))
          FROM pg_database ORDER BY age(datfrozenxid) DESC LIMIT 1),
  'multixact', (SELECT json_build_object('database', datname, 'age', mxid_age(datminmxid))
                FROM pg_database ORDER BY mxid_age(datminmxid) DESC LIMIT 1),
  'slots', (SELECT json_agg(s) FROM (
     SELECT slot_name AS name, slot_type AS type, active, wal_status,
            greatest(0, pg_wal_lsn_diff((SELECT at FROM wal), restart_lsn)) AS retained_bytes
     FROM pg_replication_slots WHERE NOT temporary ORDER BY slot_name) s),
  'replicas', (SELECT json_agg(s) FROM (
     SELECT coalesce(application_name, '') AS name, state, sync_state,
            greatest(0, pg_wal_lsn_diff((SELECT at FROM wal), replay_lsn)) AS lag_bytes
     FROM pg_stat_replication ORDER BY 1, pid) s),
  'invalid_indexes', (SELECT json_agg(name ORDER BY name) FROM (
     SELECT format('%I.%I', n.nspname, c.relname) AS name
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE NOT i.indisvalid AND c.relkind = 'i'
       AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)) s),
  'database_bytes', pg_database_size(current_database()),
  'statements', (SELECT json_build_object('version', e.extversion, 'schema', quote_ident(n.nspname))
                 FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                 WHERE e.extname = 'pg_stat_statements')
)::text, 'UTF8')
"""  # noqa: S608 - every part comes from this file


def statements(extension: str, schema: str) -> str:
    """The slowest statements of this database by mean time; ``schema`` is quoted already, ``%(calls)s`` is bound."""
    schema = schema.replace("%", "%%")
    part = "exec_time" if version_of(extension) >= (1, 8) else "time"
    return f"""{MARK}
WITH own AS MATERIALIZED (
  SELECT query, calls, mean_{part} / 1000 AS mean_seconds, total_{part} / 1000 AS total_seconds
  FROM {schema}.pg_stat_statements
  WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND calls >= %(calls)s
    AND NOT starts_with(query, '{MARK}')
    AND query !~* '^[[:space:]]*({_NOT_OF_THE_APPLICATION})[[:>:]]'
)
SELECT convert_to(json_build_object(
  'number', (SELECT count(*) FROM own),
  'hidden', (SELECT count(*) FROM own WHERE query = '<insufficient privilege>'),
  'slowest', (SELECT json_agg(s) FROM (
     SELECT left(query, 1000) AS query, calls, mean_seconds, total_seconds
     FROM own ORDER BY mean_seconds DESC LIMIT {ROWS}) s)
)::text, 'UTF8')
"""  # noqa: S608 - the schema comes from quote_ident of the server, everything else from this file


def stop_ages(version: int) -> tuple[int, int]:
    """At what age of the oldest transaction id, and multixact id, the server stops to accept writes."""
    wrap = 2**31 - 1
    if version >= 140000:
        return wrap - 3_000_000, wrap - 3_000_000
    return wrap - 1_000_000, wrap - 100


def version_of(text: str) -> tuple[int, int]:
    """The two numbers of a version like 1.10."""
    numbers = [int(part) if part.isdigit() else 0 for part in (text + ".0").split(".")[:2]]
    return numbers[0], numbers[1]
