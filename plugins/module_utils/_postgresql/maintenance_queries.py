# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The questions about tables and indexes and what maintenance they need; each is one statement that answers in JSON."""

from __future__ import annotations

from .queries import MARK, stop_ages

# one maintenance at a time in a database, whoever runs it: the two numbers of its advisory lock
LOCK = "1986359923, 22"

# who cannot be asked for its size now without waiting for its lock
_LOCKED = """
SELECT relation FROM pg_locks
WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock'
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

_SERVER_MAY = """
coalesce((SELECT rolsuper FROM pg_roles WHERE rolname = current_user), false)
"""


def server(version: int) -> str:
    """The server, its databases' ages, who keeps dead rows from going, and what works on tables now."""
    xid_stop, mxid_stop = stop_ages(version)
    return f"""{MARK}
SELECT convert_to(json_build_object(
  'version', current_setting('server_version'),
  'standby', pg_is_in_recovery(),
  'superuser', {_SERVER_MAY},
  'block', current_setting('block_size')::int,
  'system', (SELECT system_identifier::text FROM pg_control_system()),
  'database', (SELECT oid::bigint FROM pg_database WHERE datname = current_database()),
  'database_bytes', pg_database_size(current_database()),
  'freeze_max_age', current_setting('autovacuum_freeze_max_age')::bigint,
  'mxid_freeze_max_age', current_setting('autovacuum_multixact_freeze_max_age')::bigint,
  'autovacuum', current_setting('autovacuum')::bool,
  'statistics_seconds', (SELECT extract(epoch FROM now() - greatest(d.stats_reset, b.stats_reset))
     FROM pg_stat_database d, pg_stat_bgwriter b WHERE d.datname = current_database()),
  'replicas', (SELECT count(*) FROM pg_stat_replication WHERE state IS DISTINCT FROM 'backup')
            + (SELECT count(*) FROM pg_replication_slots WHERE slot_type = 'physical' AND NOT active),
  'dumps', (SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name IN ('pg_dump', 'pg_restore')),
  'data_directory', (SELECT setting FROM pg_settings WHERE name = 'data_directory'),
  'pgstattuple', (SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                  WHERE e.extname = 'pgstattuple'),
  'databases', (SELECT json_agg(d) FROM (
     SELECT datname AS database, age(datfrozenxid) AS xid_age, mxid_age(datminmxid) AS mxid_age,
            {xid_stop} AS xid_stop_age, {mxid_stop} AS mxid_stop_age
     FROM pg_database ORDER BY age(datfrozenxid) DESC, datname) d),
  'holding', (SELECT json_agg(h) FROM (
     SELECT what, pid, age, round(seconds::numeric, 1) AS seconds FROM (
       SELECT 'session ' || coalesce(nullif(application_name, ''), usename::text, '') AS what, pid,
              greatest(age(backend_xmin), age(backend_xid)) AS age,
              extract(epoch FROM clock_timestamp() - xact_start) AS seconds
       FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL)
         AND backend_type = 'client backend'
       UNION ALL
       SELECT 'prepared transaction ' || gid, NULL, age(transaction), extract(epoch FROM clock_timestamp() - prepared)
       FROM pg_prepared_xacts
       UNION ALL
       SELECT 'replication slot ' || slot_name, active_pid, greatest(age(xmin), age(catalog_xmin)), NULL
       FROM pg_replication_slots WHERE xmin IS NOT NULL OR catalog_xmin IS NOT NULL
       UNION ALL
       SELECT 'replica ' || coalesce(application_name, ''), pid, age(backend_xmin), NULL
       FROM pg_stat_replication WHERE backend_xmin IS NOT NULL) all_of_them
     ORDER BY age DESC NULLS LAST LIMIT 3) h),
  'progress', (SELECT json_agg(p) FROM (
     SELECT 'vacuum' AS what, pid, coalesce(relid::regclass::text, '') AS object, phase,
            CASE WHEN heap_blks_total > 0 THEN round(100.0 * heap_blks_scanned / heap_blks_total, 1) END AS percent
     FROM pg_stat_progress_vacuum WHERE datname = current_database()
     UNION ALL
     SELECT lower(command), pid, coalesce(nullif(index_relid, 0)::regclass::text, relid::regclass::text), phase,
            CASE WHEN blocks_total > 0 THEN round(100.0 * blocks_done / blocks_total, 1) END
     FROM pg_stat_progress_create_index WHERE datname = current_database()
     UNION ALL
     SELECT 'analyze', pid, relid::regclass::text, phase,
            CASE WHEN sample_blks_total > 0 THEN round(100.0 * sample_blks_scanned / sample_blks_total, 1) END
     FROM pg_stat_progress_analyze WHERE datname = current_database() ORDER BY 2) p)
)::text, 'UTF8')
"""  # noqa: S608 - every part comes from this file and numbers


def tables(version: int) -> str:
    """Every table of this database: its sizes, what the statistics say of it, and its columns as they are stored."""
    maintain = "OR has_table_privilege(c.oid, 'MAINTAIN')" if version >= 170000 else ""
    return f"""{MARK}
WITH locked AS MATERIALIZED ({_LOCKED}), own AS (
  SELECT {_SERVER_MAY} OR pg_has_role(datdba, 'USAGE') AS database_is_ours
  FROM pg_database WHERE datname = current_database()
), found AS (
  SELECT c.*, n.nspname, n.nspname IN ('pg_catalog', 'information_schema') AS system,
         EXISTS (SELECT FROM locked WHERE relation IN (c.oid, c.reltoastrelid)) AS locked
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'm', 'p') AND c.relpersistence <> 't' AND (n.nspname <> 'pg_catalog' OR NOT c.relisshared)
)
SELECT convert_to(json_build_object('tables', (SELECT json_agg(t) FROM (
  SELECT c.oid::bigint AS oid, c.nspname AS schema, c.relname AS name,
         format('%%I.%%I', c.nspname, c.relname) AS quoted,
         c.relkind = 'p' AS partitioned, c.system, c.locked,
         c.reltuples::float8 AS rows, coalesce(s.n_live_tup, 0) AS live, coalesce(s.n_dead_tup, 0) AS dead,
         coalesce(ts.n_dead_tup, 0) AS toast_dead,
         coalesce(s.n_mod_since_analyze, 0) AS modified, coalesce(s.n_ins_since_vacuum, 0) AS inserted,
         extract(epoch FROM now() - greatest(s.last_vacuum, s.last_autovacuum))::float8 AS vacuumed_seconds,
         extract(epoch FROM now() - greatest(s.last_analyze, s.last_autoanalyze))::float8 AS analyzed_seconds,
         CASE WHEN c.relkind <> 'p' THEN greatest(age(c.relfrozenxid), age(nullif(t.relfrozenxid, '0'))) END
           AS xid_age,
         CASE WHEN c.relkind <> 'p' THEN greatest(mxid_age(c.relminmxid), mxid_age(nullif(t.relminmxid, '0'))) END
           AS mxid_age,
         coalesce(CASE WHEN c.locked THEN c.relpages::bigint * current_setting('block_size')::int
              ELSE pg_relation_size(c.oid) END, 0) AS heap_bytes,
         coalesce(CASE WHEN c.locked THEN c.relpages::bigint * current_setting('block_size')::int
              ELSE pg_table_size(c.oid) END, 0) AS table_bytes,
         coalesce(CASE WHEN c.locked THEN 0 ELSE pg_indexes_size(c.oid) END, 0) AS index_bytes,
         coalesce((SELECT split_part(o, '=', 2)::int FROM unnest(c.reloptions) o WHERE o LIKE 'fillfactor=%%'), 100)
           AS fillfactor,
         (SELECT database_is_ours FROM own) OR pg_has_role(c.relowner, 'USAGE') {maintain} AS ours,
         EXISTS (SELECT FROM pg_stat_progress_vacuum p WHERE p.relid IN (c.oid, c.reltoastrelid)
                   AND p.datname = current_database()) AS vacuuming,
         (SELECT json_agg(json_build_array(a.attlen, a.attalign, st.avg_width, st.null_frac, st.n_distinct)
                          ORDER BY a.attnum)
          FROM pg_attribute a LEFT JOIN pg_stats st ON st.schemaname = c.nspname AND st.tablename = c.relname
            AND st.attname = a.attname AND NOT st.inherited
          WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND NOT c.system) AS columns
  FROM found c LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
    LEFT JOIN pg_class t ON t.oid = c.reltoastrelid LEFT JOIN pg_stat_all_tables ts ON ts.relid = c.reltoastrelid
  ORDER BY c.nspname, c.relname) t)
)::text, 'UTF8')
"""  # noqa: S608 - every part comes from this file


def indexes(version: int) -> str:
    """Every index of this database outside the catalogs, what it is for, and its columns as they are stored."""
    maintain = "OR has_table_privilege(i.indrelid, 'MAINTAIN')" if version >= 170000 else ""
    last = "extract(epoch FROM now() - s.last_idx_scan)::float8" if version >= 160000 else "NULL::float8"
    return f"""{MARK}
WITH locked AS MATERIALIZED ({_LOCKED})
SELECT convert_to(json_build_object('indexes', (SELECT json_agg(x) FROM (
  SELECT c.oid::bigint AS oid, i.indrelid::bigint AS table, n.nspname AS schema, c.relname AS name,
         format('%%I.%%I', n.nspname, c.relname) AS quoted,
         format('%%I.%%I', tn.nspname, coalesce(m.relname, t.relname)) AS of, m.oid IS NOT NULL AS toast,
         am.amname AS method, c.reltuples::float8 AS rows,
         i.indrelid IN (SELECT relation FROM locked) OR c.oid IN (SELECT relation FROM locked) AS locked,
         coalesce(CASE WHEN i.indrelid IN (SELECT relation FROM locked) OR c.oid IN (SELECT relation FROM locked)
              THEN c.relpages::bigint * current_setting('block_size')::int ELSE pg_relation_size(c.oid) END, 0)
           AS bytes,
         i.indisunique AS unique, i.indisprimary AS primary, i.indisexclusion AS exclusion, i.indisvalid AS valid,
         i.indisreplident AS identity, i.indisclustered AS clustered, c.relispartition AS attached,
         coalesce((SELECT min(conname) FROM pg_constraint k WHERE k.conindid = c.oid), '') AS constraint,
         EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = i.indrelid AND k.contype = 'f'
                   AND k.conkey[1] = i.indkey[0]) AS foreign_key,
         coalesce(s.idx_scan, 0) AS scans, {last} AS scanned_seconds,
         json_build_array(i.indkey::text, i.indclass::text, i.indcollation::text, i.indoption::text,
                          coalesce(pg_get_expr(i.indexprs, i.indrelid), ''),
                          coalesce(pg_get_expr(i.indpred, i.indrelid), ''), i.indnkeyatts) AS shape,
         coalesce((SELECT split_part(o, '=', 2)::int FROM unnest(c.reloptions) o WHERE o LIKE 'fillfactor=%%'), 90)
           AS fillfactor,
         NOT i.indisunique AND i.indnatts = i.indnkeyatts
           AND NOT coalesce(c.reloptions && ARRAY['deduplicate_items=off', 'deduplicate_items=false'], false)
           AND NOT EXISTS (
             SELECT FROM unnest(i.indclass::oid[]) k JOIN pg_opclass o ON o.oid = k
             WHERE NOT EXISTS (SELECT FROM pg_amproc p WHERE p.amprocfamily = o.opcfamily
                                 AND p.amproclefttype = o.opcintype AND p.amprocnum = 4)) AS deduplicates,
         pg_has_role(c.relowner, 'USAGE') {maintain} AS ours, pg_has_role(c.relowner, 'USAGE') AS owned,
         EXISTS (SELECT FROM pg_stat_progress_create_index p
                 WHERE p.index_relid = c.oid AND p.datname = current_database())
           OR EXISTS (SELECT FROM pg_locks l WHERE l.relation = c.oid AND l.locktype = 'relation'
                        AND l.mode = 'ShareUpdateExclusiveLock' AND l.database =
                            (SELECT oid FROM pg_database WHERE datname = current_database())) AS building,
         coalesce((SELECT pg_tablespace_location(ts.oid) FROM pg_tablespace ts WHERE ts.oid = c.reltablespace), '')
           AS tablespace,
         (SELECT json_agg(json_build_array(a.attlen, a.attalign, st.avg_width, st.null_frac, st.n_distinct)
                          ORDER BY a.attnum)
          FROM pg_attribute a LEFT JOIN pg_attribute b ON b.attrelid = i.indrelid AND b.attnum = i.indkey[a.attnum - 1]
            AND b.attnum <> 0
          LEFT JOIN pg_stats st ON st.schemaname = n.nspname AND NOT st.inherited
            AND st.tablename = CASE WHEN i.indkey[a.attnum - 1] = 0 THEN c.relname ELSE t.relname END
            AND st.attname = coalesce(b.attname, a.attname)
          WHERE a.attrelid = c.oid AND a.attnum > 0) AS columns
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class t ON t.oid = i.indrelid LEFT JOIN pg_class m ON m.reltoastrelid = t.oid
    JOIN pg_namespace tn ON tn.oid = coalesce(m.relnamespace, t.relnamespace)
    JOIN pg_am am ON am.oid = c.relam LEFT JOIN pg_stat_all_indexes s ON s.indexrelid = c.oid
  WHERE c.relkind = 'i' AND c.relpersistence <> 't'
    AND tn.nspname NOT IN ('pg_catalog', 'information_schema')
  ORDER BY n.nspname, c.relname) x)
)::text, 'UTF8')
"""  # noqa: S608 - every part comes from this file


def measured(schema: str) -> str:
    """What pgstattuple finds in one B-tree, which it reads as a whole; ``schema`` is quoted already."""
    schema = schema.replace("%", "%%")
    return f"""{MARK}
SELECT convert_to(row_to_json(p)::text, 'UTF8')
FROM (SELECT index_size, leaf_pages, internal_pages, avg_leaf_density
      FROM {schema}.pgstatindex(%(index)s::oid::regclass)) p
"""  # noqa: S608 - the schema comes from quote_ident of the server, everything else from this file


TAKE = f"""{MARK}
SELECT convert_to(json_build_object(
  'taken', pg_try_advisory_lock({LOCK}), 'pid', pg_backend_pid(),
  'started', (SELECT (extract(epoch FROM backend_start) * 1000000)::bigint FROM pg_stat_activity
              WHERE pid = pg_backend_pid()),
  'holder', (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND (classid, objid) = ({LOCK}) AND granted
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) LIMIT 1)
)::text, 'UTF8')
"""  # noqa: S608 - every part comes from this file

# whether REINDEX CONCURRENTLY would have to wait: it waits for every transaction that is older than its steps
OPEN = f"""{MARK}
SELECT convert_to(json_build_object(
  'open', (SELECT json_agg(o) FROM (
     SELECT pid, coalesce(nullif(application_name, ''), usename::text, '') AS who,
            extract(epoch FROM clock_timestamp() - xact_start)::float8 AS seconds
     FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
       AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL OR state LIKE 'idle in transaction%%')
       AND clock_timestamp() - xact_start > make_interval(secs => %(seconds)s)
     UNION ALL
     SELECT NULL, 'prepared transaction ' || gid, extract(epoch FROM clock_timestamp() - prepared)::float8
     FROM pg_prepared_xacts WHERE database = current_database()
       AND clock_timestamp() - prepared > make_interval(secs => %(seconds)s)
     ORDER BY 3 DESC) o),
  'dumps', (SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name IN ('pg_dump', 'pg_restore'))
)::text, 'UTF8')
"""  # noqa: S608 - every part comes from this file

# how our own statement comes along: its phase, the index it has made, and which sessions of clients wait for it
WATCH = f"""{MARK}
SELECT convert_to(json_build_object(
  'phase', (SELECT phase FROM (SELECT phase FROM pg_stat_progress_create_index WHERE pid = %(pid)s
              UNION ALL SELECT phase FROM pg_stat_progress_vacuum WHERE pid = %(pid)s
              UNION ALL SELECT phase FROM pg_stat_progress_analyze WHERE pid = %(pid)s) p LIMIT 1),
  'created', (SELECT i.indexrelid::bigint FROM pg_index i WHERE i.indrelid = %(table)s AND NOT i.indisvalid
                AND i.indexrelid <> %(index)s
                AND EXISTS (SELECT FROM pg_locks l WHERE l.pid = %(pid)s AND l.granted AND l.locktype = 'relation'
                              AND l.relation = i.indexrelid) LIMIT 1),
  'waiting', (SELECT json_agg(w) FROM (
     SELECT pid, coalesce(nullif(application_name, ''), usename::text, '') AS who
     FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND backend_type = 'client backend' AND pid <> %(pid)s
       AND %(pid)s = ANY(pg_blocking_pids(pid))) w)
)::text, 'UTF8')
"""  # noqa: S608 - every part comes from this file

CANCEL = f"""{MARK}
SELECT convert_to(json_build_object('cancelled', (
  SELECT pg_cancel_backend(pid) FROM pg_stat_activity
  WHERE pid = %(pid)s AND (extract(epoch FROM backend_start) * 1000000)::bigint = %(started)s))::text, 'UTF8')
"""  # noqa: S608 - every part comes from this file

# whether the session of an earlier run still works
ALIVE = f"""{MARK}
SELECT convert_to(json_build_object('alive', EXISTS (
  SELECT FROM pg_stat_activity
  WHERE pid = %(pid)s AND (extract(epoch FROM backend_start) * 1000000)::bigint = %(started)s))::text, 'UTF8')
"""  # noqa: S608 - every part comes from this file

SIZE = f"""{MARK}
SELECT convert_to(json_build_object(
  'bytes', (SELECT CASE WHEN relkind IN ('r', 'm', 'p') THEN pg_table_size(oid) ELSE pg_relation_size(oid) END
            FROM pg_class WHERE oid = to_regclass(%(name)s)))::text, 'UTF8')
"""  # noqa: S608 - every part comes from this file
