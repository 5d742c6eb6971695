# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The questions of postgresql_activity_info; each is one statement that answers in JSON."""

from __future__ import annotations

from .queries import MARK, version_of

# what a statement of many megabytes is cut to before it travels; a literal that is cut is masked all the same
_TEXT = 4000


def activity(version: int) -> str:
    """Who waits for whom, what else every running statement waits for, and whether statements can be looked at."""
    waited = ("coalesce(max(extract(epoch FROM clock_timestamp() - l.waitstart)), 0)" if version >= 140000
              else "coalesce(max(extract(epoch FROM clock_timestamp() - a.state_change)), 0)")
    return f"""{MARK}
WITH waiting AS MATERIALIZED (
  SELECT l.pid, {waited} AS waited_seconds,
         min(l.mode || ' on ' ||
             coalesce(CASE WHEN l.database = d.oid THEN l.relation::regclass::text END, l.locktype)) AS lock
  FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid), pg_database d
  WHERE NOT l.granted AND d.datname = current_database() GROUP BY l.pid
)
SELECT convert_to(json_build_object(
  'version', current_setting('server_version'),
  'standby', pg_is_in_recovery(),
  'uptime_seconds', extract(epoch FROM now() - pg_postmaster_start_time()),
  'waiting', (SELECT json_agg(json_build_object(
     'pid', pid, 'seconds', round(waited_seconds::numeric, 3), 'lock', lock, 'blockers', pg_blocking_pids(pid)))
     FROM waiting),
  'waits', (SELECT json_object_agg(pid, wait_event_type || ': ' || wait_event) FROM pg_stat_activity
            WHERE state = 'active' AND wait_event IS NOT NULL),
  'others', (SELECT json_object_agg(pid, backend_type) FROM pg_stat_activity
             WHERE backend_type NOT IN ('client backend', 'walsender') AND EXISTS (SELECT FROM waiting)),
  'prepared', (SELECT json_agg(p) FROM (
     SELECT gid AS name, owner, database, round(extract(epoch FROM clock_timestamp() - prepared)::numeric, 3) AS seconds
     FROM pg_prepared_xacts ORDER BY prepared) p),
  'statements', (SELECT json_build_object('version', e.extversion, 'schema', quote_ident(n.nspname))
                 FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                 WHERE e.extname = 'pg_stat_statements')
)::text, 'UTF8')
"""  # noqa: S608 - every part comes from this file


def counters(extension: str, schema: str) -> str:
    """What every statement of this database has cost so far, without its text; ``schema`` is quoted already."""
    version = version_of(extension)
    part = "exec_time" if version >= (1, 8) else "time"
    toplevel = "toplevel" if version >= (1, 9) else "true"
    reset = f"(SELECT stats_reset::text FROM {schema}.pg_stat_statements_info)"  # noqa: S608 - as below
    if version < (1, 9):
        reset = "NULL"
    return f"""{MARK}
WITH own AS MATERIALIZED (
  SELECT queryid, userid, {toplevel} AS toplevel, calls, total_{part} / 1000 AS seconds, rows
  FROM {schema}.pg_stat_statements(false)
  WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
)
SELECT convert_to(json_build_object(
  'reset', {reset},
  'hidden', (SELECT count(*) FROM own WHERE queryid IS NULL),
  'rows', (SELECT json_agg(json_build_array(queryid::text || '/' || userid || '/' || toplevel, calls, seconds, rows))
           FROM own WHERE queryid IS NOT NULL)
)::text, 'UTF8')
"""  # noqa: S608 - the schema comes from quote_ident of the server, everything else from this file


def texts(schema: str) -> str:
    """The text of some statements, and whose they are."""
    schema = schema.replace("%", "%%")
    return f"""{MARK}
SELECT convert_to(json_build_object('texts', (
  SELECT json_object_agg(s.queryid::text || '/' || s.userid, json_build_array(left(s.query, {_TEXT}), r.rolname))
  FROM {schema}.pg_stat_statements(true) s LEFT JOIN pg_roles r ON r.oid = s.userid
  WHERE s.queryid = ANY(%(ids)s) AND s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
))::text, 'UTF8')
"""  # noqa: S608 - the schema comes from quote_ident of the server, everything else from this file


# what runs at this moment in this database: for servers that keep no counters
SAMPLE = f"""{MARK}
SELECT convert_to(json_build_object('rows', (
  SELECT json_agg(json_build_array(pid, extract(epoch FROM query_start), left(query, {_TEXT}), usename))
  FROM pg_stat_activity
  WHERE state = 'active' AND backend_type = 'client backend' AND datname = current_database()
    AND pid <> pg_backend_pid()
))::text, 'UTF8')
"""  # noqa: S608 - every part comes from this file
