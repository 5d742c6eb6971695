# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The questions about sessions and what ends one; each is one statement that answers in JSON."""

from __future__ import annotations

from .queries import MARK

# exact, and the same for the same moment; the text of a time depends on settings
_MICROSECONDS = "(extract(epoch FROM {}) * 1000000)::bigint"


def sessions(version: int) -> str:
    """All sessions of clients but our own, those that replicate, and the room for more."""
    reserved = "current_setting('reserved_connections')::int" if version >= 160000 else "0"
    return f"""{MARK}
WITH activity AS MATERIALIZED (
  SELECT *, backend_type IS NOT DISTINCT FROM 'walsender' AS replication,
         query = '<insufficient privilege>' AS hidden
  FROM pg_stat_activity
  WHERE pid <> pg_backend_pid()
    AND (backend_type IN ('client backend', 'walsender') OR (backend_type IS NULL AND datid IS NOT NULL))
), blocking AS MATERIALIZED (
  SELECT blocker AS pid, count(*) AS blocks
  FROM activity, LATERAL unnest(pg_blocking_pids(pid)) AS blocker WHERE wait_event_type = 'Lock' GROUP BY 1
), mine AS (
  SELECT coalesce((SELECT rolsuper FROM pg_roles WHERE rolname = current_user), false)
      OR pg_has_role('pg_signal_backend', 'USAGE') AS everybody
), client AS (
  SELECT * FROM activity WHERE NOT replication
)
SELECT convert_to(json_build_object(
  'max_connections', current_setting('max_connections')::int,
  'usable', current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
            - {reserved},
  'used', (SELECT count(*) FROM client),
  'own_pid', pg_backend_pid(),
  'superuser', (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
  'limits', (SELECT json_agg(l) FROM (
     SELECT 'database' AS kind, datname AS name, datconnlimit AS usable,
            (SELECT count(*) FROM client c WHERE c.datid = d.oid) AS used
     FROM pg_database d WHERE datconnlimit >= 0
     UNION ALL
     SELECT 'user', rolname, rolconnlimit, (SELECT count(*) FROM client c WHERE c.usesysid = r.oid)
     FROM pg_roles r WHERE rolconnlimit >= 0 AND NOT rolsuper ORDER BY 1, 2) l),
  'sessions', (SELECT json_agg(s) FROM (
     SELECT a.pid, coalesce(datname, '') AS database, coalesce(usename, '') AS "user",
            coalesce(application_name, '') AS application,
            coalesce(host(client_addr), CASE WHEN hidden THEN '' ELSE 'local' END) AS client,
            CASE WHEN hidden THEN 'hidden' ELSE coalesce(state, 'unknown') END AS state,
            coalesce({_MICROSECONDS.format('backend_start')}, 0) AS started,
            coalesce({_MICROSECONDS.format('state_change')}, 0) AS since,
            coalesce(round(extract(epoch FROM clock_timestamp() - state_change)::numeric, 3), 0) AS age_seconds,
            coalesce(round(extract(epoch FROM clock_timestamp() - backend_start)::numeric, 3), 0) AS session_seconds,
            round(extract(epoch FROM clock_timestamp() - xact_start)::numeric, 3) AS transaction_seconds,
            coalesce(query, '') AS query,
            coalesce(b.blocks, 0) AS blocks, replication, hidden,
            coalesce(r.rolsuper, true) AS superuser,
            (SELECT everybody FROM mine) OR (usesysid IS NOT NULL AND pg_has_role(usesysid, 'USAGE')) AS mine_to_end
     FROM activity a LEFT JOIN pg_roles r ON r.oid = a.usesysid LEFT JOIN blocking b ON b.pid = a.pid
     ORDER BY a.pid) s)
)::text, 'UTF8')
"""  # noqa: S608 - every part comes from this file


def end(function: str) -> str:
    """Signal one session, if it is still the one that was planned, in the state it was in, since the same moment."""
    return f"""{MARK}
SELECT convert_to(json_build_object('signalled', (
  SELECT {function}(pid) FROM pg_stat_activity
  WHERE pid = %(pid)s AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND state = %(state)s
    AND {_MICROSECONDS.format('backend_start')} = %(started)s AND {_MICROSECONDS.format('state_change')} = %(since)s
))::text, 'UTF8')
"""  # noqa: S608 - one of two names, and parts of this file


# which sessions there are, told apart from others that got the same process id later, and what they are at
PRESENT = f"""{MARK}
SELECT convert_to(json_build_object('present', (
  SELECT json_agg(json_build_array(pid, {_MICROSECONDS.format('backend_start')},
                                   {_MICROSECONDS.format('state_change')}))
  FROM pg_stat_activity WHERE pid = ANY(%(pids)s)
))::text, 'UTF8')
"""  # noqa: S608 - every part comes from this file
