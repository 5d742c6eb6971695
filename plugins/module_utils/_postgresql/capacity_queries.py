# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What decides how many connections a server can have."""

from __future__ import annotations

from .queries import MARK


def capacity(version: int) -> str:
    """The settings in bytes, as they are in force, and where max_connections comes from."""
    reserved = "current_setting('reserved_connections')::int" if version >= 160000 else "0"
    multiplier = "current_setting('hash_mem_multiplier')::float" if version >= 130000 else "1.0"
    return f"""{MARK}
SELECT convert_to(json_build_object(
  'running', current_setting('max_connections')::int,
  'reserved', current_setting('superuser_reserved_connections')::int + {reserved},
  'used', (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()),
  'standby', pg_is_in_recovery(),
  'standbys', (SELECT count(*) FROM pg_stat_replication),
  'shared_buffers', pg_size_bytes(current_setting('shared_buffers')),
  'work_mem', pg_size_bytes(current_setting('work_mem')),
  'hash_mem_multiplier', {multiplier},
  'autovacuum_work_mem', CASE WHEN current_setting('autovacuum_work_mem') = '-1'
      THEN pg_size_bytes(current_setting('maintenance_work_mem'))
      ELSE pg_size_bytes(current_setting('autovacuum_work_mem')) END,
  'autovacuum_workers', current_setting('autovacuum_max_workers')::int
)::text, 'UTF8')
"""  # noqa: S608 - every part comes from this file


# what the next start would take; only a superuser may read the files
FILES = f"""{MARK}
SELECT convert_to(json_build_object(
  'data', current_setting('data_directory'),
  'config', current_setting('config_file'),
  'source', (SELECT source FROM pg_settings WHERE name = 'max_connections'),
  'in_file', (SELECT setting FROM pg_file_settings WHERE name = 'max_connections' ORDER BY seqno DESC LIMIT 1),
  'by_alter_system', (SELECT setting FROM pg_file_settings WHERE name = 'max_connections'
                      AND sourcefile LIKE '%/postgresql.auto.conf' ORDER BY seqno DESC LIMIT 1),
  'broken', (SELECT json_agg(sourcefile || ':' || sourceline || ' ' || error) FROM pg_file_settings
             WHERE error IS NOT NULL AND name IS NULL)
)::text, 'UTF8')
"""  # noqa: S608 - every part comes from this file
