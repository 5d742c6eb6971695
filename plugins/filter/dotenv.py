# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of an environment file that dotenv and Node.js read back as they were meant."""

from __future__ import annotations

import re
import typing as t

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: dotenv
short_description: Variables as the lines of an environment file
version_added: 0.1.0
description:
  - Writes each variable so that the dotenv library (16 and newer) and C(process.loadEnvFile) of Node.js both read back
    the very same value, with its spaces, quotes, C(#), C($), backslashes and line breaks.
  - A value that no quoting of theirs can carry is refused, and so is a name that is none. The value is never shown.
author:
  - VendHub DevOps Team (@vendhub)
options:
  _input:
    description: The variables; texts, numbers, and booleans, which become C(true) and C(false).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Write an environment file
  ansible.builtin.copy:
    content: "{{ {'PORT': 3000, 'GREETING': 'it is \"up\"'} | vendhub.ops.dotenv }}\n"
    dest: /opt/vendhub/shared/.env.production
    mode: '0600'
"""

RETURN = r"""
_value:
  description: One assignment per line, in the order given, without a line break at the end.
  type: str
"""

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
PLAIN = re.compile(r"[\w./:@%+,=&?~-]*", re.ASCII)
BARE = re.compile(r"""[^\s'"`#](?:[^#\r\n\0]*[^\s#\0])?""")  # neither parser looks for quotes inside


def dotenv(variables: t.Any) -> str:
    """The lines of an environment file; AnsibleFilterError for what cannot be written."""
    if not isinstance(variables, t.Mapping):
        raise AnsibleFilterError(f"dotenv wants a dictionary of variables, not {type(variables).__name__}")
    return "\n".join(f"{_name(name)}={_quoted(name, _text(name, value))}" for name, value in variables.items())


def _name(name: t.Any) -> str:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise AnsibleFilterError(f"dotenv: {name!r} is no name of a variable: letters, digits and _ only")
    return name


def _text(name: str, value: t.Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int, float)):
        return str(value)
    raise AnsibleFilterError(f"dotenv: {name} must be a text, a number or a boolean, not {type(value).__name__}")


def _quoted(name: str, value: str) -> str:
    if PLAIN.fullmatch(value):
        return value
    if not set(value) & {"\r", "\0"}:
        for quote in "'`":
            # dotenv takes a backslash before the closing quote for an escaped quote
            if quote not in value and not value.endswith("\\"):
                return f"{quote}{value}{quote}"
        if '"' not in value and "\\" not in value:  # both expand \n inside these
            return f'"{value}"'
        if BARE.fullmatch(value):
            return value
    raise AnsibleFilterError(f"dotenv: the value of {name} cannot be written so that dotenv reads it back: it holds"
                             " a carriage return, all kinds of quotes, or a backslash at its end among others")


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"dotenv": dotenv}
