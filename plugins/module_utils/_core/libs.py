# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Third-party libraries that a target may lack: the reason is kept and told when the library is needed."""

from __future__ import annotations

import importlib
import typing as t

from .errors import CannotLook

PACKAGES = {"psycopg2": "python3-psycopg2", "redis": "python3-redis", "jmespath": "python3-jmespath"}


def need(name: str) -> t.Any:
    """Import a library when it is needed and no sooner (start-up time); CannotLook says how to install it."""
    try:
        return importlib.import_module(name)
    except ImportError as exc:
        package = PACKAGES.get(name, name)
        raise CannotLook(
            f"the Python library {name} is missing on this host ({exc}); install the package {package}"
        ) from exc
