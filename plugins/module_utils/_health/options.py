# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Check a configuration file against the modules' own option specs where there is no Ansible to do it."""

from __future__ import annotations

import os
import typing as t

from .._core.errors import BadOption

Spec = t.Mapping[str, t.Mapping[str, t.Any]]

_NUMBERS = {"int": int, "float": float}


def filled(spec: Spec, given: t.Any, where: str = "the configuration") -> dict[str, t.Any]:
    """The given options with every default filled in; BadOption names the first that is unknown, missing or wrong."""
    if not isinstance(given, t.Mapping):
        raise BadOption(f"{where} must be a dictionary, not {type(given).__name__}")
    unknown = sorted(set(given) - set(spec))
    if unknown:
        raise BadOption(f"{where} has no option {unknown[0]!r}; it has {', '.join(sorted(spec))}")
    return {name: _value(option, given.get(name), f"{where}: {name}") for name, option in spec.items()}


def _value(option: t.Mapping[str, t.Any], value: t.Any, where: str) -> t.Any:
    if value is None:
        if option.get("required"):
            raise BadOption(f"{where} is required")
        value = option.get("default")
        if value is None:
            return None
    kind = option.get("type", "str")
    if kind == "list":
        values = value if isinstance(value, list) else [value]
        element = {"type": option.get("elements", "str"), "options": option.get("options")}
        return [_value(element, one, where) for one in values]
    if kind == "dict":
        return filled(option["options"], value, where) if option.get("options") else _mapping(value, where)
    value = _scalar(kind, value, where)
    if "choices" in option and value not in option["choices"]:
        raise BadOption(f"{where} must be one of {', '.join(map(str, option['choices']))}, not {value!r}")
    return value


def _mapping(value: t.Any, where: str) -> dict[str, t.Any]:
    if not isinstance(value, dict):
        raise BadOption(f"{where} must be a dictionary")
    return value


def _scalar(kind: str, value: t.Any, where: str) -> t.Any:
    if kind == "bool":
        if isinstance(value, bool):
            return value
        raise BadOption(f"{where} must be true or false")
    if kind in _NUMBERS:
        try:
            return _NUMBERS[kind](value)
        except (TypeError, ValueError):
            raise BadOption(f"{where} must be a number, not {value!r}") from None
    if kind == "path":
        return os.path.expanduser(os.path.expandvars(str(value)))
    return str(value)
