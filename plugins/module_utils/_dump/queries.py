# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What a backup and a restore ask the server; each statement answers in JSON."""

from __future__ import annotations

MARK = "/* vendhub-ops */"
SNAPSHOT = f"{MARK} SELECT convert_to(json_build_object('snapshot', pg_export_snapshot())::text, 'UTF8')"


def name(text: str) -> str:
    """An identifier, quoted."""
    return '"' + text.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string, quoted, whatever standard_conforming_strings says."""
    if "\\" in text:
        return " E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
    return "'" + text.replace("'", "''") + "'"


def database(version: int) -> str:
    """This database: size, locale, owner, and the tables with data that pg_dump writes, with the server's estimates."""
    return f"""{MARK} SELECT convert_to(json_build_object(
  'version', current_setting('server_version'),
  'bytes', pg_database_size(current_database()),
  'standby', pg_is_in_recovery(),
  'locale', {_locale(version)},
  'tables', (SELECT json_agg(json_build_array(n.nspname, c.relname, greatest(c.reltuples, 0)::bigint))
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                       AND d.deptype = 'e')
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid
                       AND d.deptype = 'e'))
)::text, 'UTF8') FROM pg_database d WHERE d.datname = current_database()"""  # noqa: S608 - every part comes from this file


def _locale(version: int) -> str:
    provider = "d.datlocprovider" if version >= 150000 else "'c'"
    icu = "d.datlocale" if version >= 170000 else "d.daticulocale" if version >= 150000 else "NULL"
    return (f"json_strip_nulls(json_build_object('encoding', pg_encoding_to_char(d.encoding), 'collate', d.datcollate, "
            f"'ctype', d.datctype, 'provider', {provider}, 'locale', {icu}))")


def count(schema: str, table: str) -> str:
    """How many rows a table has, without those of its children."""
    return f"""{MARK} SELECT convert_to(json_build_object('rows', count(*))::text, 'UTF8')
FROM ONLY {name(schema)}.{name(table)}"""  # noqa: S608 - quoted


def has_table(table: str) -> str:
    """Whether a table of this name can be seen, by the search path or with its schema."""
    quoted = ".".join(name(part) for part in table.split(".", 1))
    return (f"{MARK} SELECT convert_to(json_build_object('there', to_regclass({literal(quoted)}) IS NOT NULL)::text, "
            "'UTF8')")


def last_migration(table: str) -> str:
    """The newest row of a table of migrations, whatever its columns are called."""
    quoted = ".".join(name(part) for part in table.split(".", 1))
    return f"""{MARK} SELECT convert_to(json_build_object('row', (
  SELECT row FROM (SELECT to_jsonb(m) AS row FROM {quoted} m) rows,
    LATERAL coalesce(row->>'timestamp', row->>'finished_at', row->>'id') AS at
  ORDER BY length(at) DESC, at COLLATE "C" DESC LIMIT 1))::text, 'UTF8')"""  # noqa: S608 - quoted


def create(database_name: str, locale: dict[str, str], version: int) -> str:
    """Make an empty database with this locale, as far as the server knows it."""
    words = [f"CREATE DATABASE {name(database_name)} TEMPLATE template0"]
    for key, option in (("encoding", "ENCODING"), ("collate", "LC_COLLATE"), ("ctype", "LC_CTYPE")):
        if locale.get(key):
            words.append(f"{option} {literal(locale[key])}")
    if version >= 150000 and locale.get("provider") == "i" and locale.get("locale"):
        words.append(f"LOCALE_PROVIDER icu ICU_LOCALE {literal(locale['locale'])}")
    if version >= 170000 and locale.get("provider") == "b" and locale.get("locale"):
        words.append(f"LOCALE_PROVIDER builtin BUILTIN_LOCALE {literal(locale['locale'])}")
    return " ".join(words)


def databases(pattern: str) -> str:
    """The databases of this server whose names match a regular expression."""
    return f"""{MARK} SELECT convert_to(json_build_object('databases', (
  SELECT json_agg(datname ORDER BY datname) FROM pg_database WHERE datname ~ {literal(pattern)}
))::text, 'UTF8')"""  # noqa: S608 - quoted


def locked(database_name: str) -> str:
    """Whether the lock of this name could be taken; it lasts as long as the session."""
    return (f"{MARK} SELECT convert_to(json_build_object('taken', pg_try_advisory_lock(hashtext('vendhub-ops'), "
            f"hashtext({literal(database_name)})))::text, 'UTF8')")
