# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What a backup and a restore ask the server; each statement answers in JSON."""

from __future__ import annotations

import typing as t

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


def create(database_name: str, locale: t.Mapping[str, str], version: int, owner: str = "", tablespace: str = "") -> str:
    """Make an empty database with this locale, as far as the server knows it."""
    words = [f"CREATE DATABASE {name(database_name)} TEMPLATE template0"]
    if owner:
        words.append(f"OWNER {name(owner)}")
    if tablespace:
        words.append(f"TABLESPACE {name(tablespace)}")
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


def about(database_name: str, version: int) -> str:
    """Owner, comment, locale and sessions of a database, or null; and what was set and granted for it."""
    return f"""{MARK} SELECT convert_to(json_build_object('database', (SELECT json_build_object(
  'owner', pg_get_userbyid(d.datdba), 'comment', coalesce(shobj_description(d.oid, 'pg_database'), ''),
  'locale', {_locale(version)},
  'tablespace', (SELECT spcname FROM pg_tablespace s WHERE s.oid = d.dattablespace),
  'sessions', (SELECT count(*) FROM pg_stat_activity a WHERE a.datid = d.oid AND a.pid <> pg_backend_pid()),
  'limit', d.datconnlimit,
  'prepared', (SELECT count(*) FROM pg_prepared_xacts x WHERE x.database = d.datname),
  'settings', (SELECT json_agg(json_build_array(coalesce(pg_get_userbyid(nullif(s.setrole, 0)), ''), c))
     FROM pg_db_role_setting s, LATERAL unnest(s.setconfig) c WHERE s.setdatabase = d.oid),
  'grants', (SELECT json_agg(json_build_array(CASE WHEN a.grantee = 0 THEN '' ELSE pg_get_userbyid(a.grantee) END,
                                              a.privilege_type, a.is_grantable))
     FROM aclexplode(d.datacl) a)
) FROM pg_database d WHERE d.datname = {literal(database_name)}))::text, 'UTF8')"""  # noqa: S608 - quoted


def rights(database_name: str, like: t.Mapping[str, t.Any]) -> list[str]:
    """Give a database the settings, grants and limit of another one."""
    quoted = name(database_name)
    statements = [f"ALTER DATABASE {quoted} CONNECTION LIMIT {int(like['limit'])}"] if like["limit"] >= 0 else []
    for role, setting in like["settings"] or []:
        key, dummy, value = setting.partition("=")
        # a list of names is stored as it is written; quoted as one it would be one name
        shown = value if key in _LISTS and value else literal(value)
        who = f"ROLE {name(role)} IN DATABASE {quoted}" if role else f"DATABASE {quoted}"
        statements.append(f"ALTER {who} SET {name(key) if '.' not in key else key} TO {shown}")
    if like["grants"] is not None:
        statements.append(f"REVOKE ALL ON DATABASE {quoted} FROM PUBLIC")
        for role, privilege, grantable in like["grants"]:
            to = name(role) if role else "PUBLIC"
            option = " WITH GRANT OPTION" if grantable else ""
            statements.append(f"GRANT {privilege} ON DATABASE {quoted} TO {to}{option}")
    return statements


_LISTS = ("search_path", "temp_tablespaces", "session_preload_libraries", "local_preload_libraries", "DateStyle")


def end_sessions(database_name: str) -> str:
    """End every session of a database."""
    return f"""{MARK} SELECT convert_to(json_build_object('ended', (
  SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
  WHERE datname = {literal(database_name)} AND pid <> pg_backend_pid()))::text, 'UTF8')"""  # noqa: S608 - quoted


def data_directory(tablespace: str) -> str:
    """Where the server keeps the data of this tablespace, empty for the usual one; null for those who may not know."""
    return f"""{MARK} SELECT convert_to(json_build_object('directory', coalesce(
  (SELECT nullif(pg_tablespace_location(oid), '') FROM pg_tablespace WHERE spcname = {literal(tablespace)}),
  (SELECT setting FROM pg_settings WHERE name = 'data_directory')))::text, 'UTF8')"""  # noqa: S608 - quoted


def begun(mark: str) -> str:
    """The databases whose comment begins with this mark."""
    return f"""{MARK} SELECT convert_to(json_build_object('databases', (
  SELECT json_agg(datname ORDER BY datname) FROM pg_database
  WHERE starts_with(shobj_description(oid, 'pg_database'), {literal(mark)})
))::text, 'UTF8')"""  # noqa: S608 - quoted


def comment(database_name: str, text: str) -> str:
    """Write a comment on a database, an empty one takes it away."""
    return f"COMMENT ON DATABASE {name(database_name)} IS {literal(text) if text else 'NULL'}"


def relation(schema: str, table: str) -> str:
    """Whether there is a table of this name."""
    quoted = literal(f"{name(schema)}.{name(table)}")
    return f"{MARK} SELECT convert_to(json_build_object('there', to_regclass({quoted}) IS NOT NULL)::text, 'UTF8')"
