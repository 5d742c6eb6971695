# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Compose the subjects of one host; the only place, with the module above it, that knows them all.

Only their options are loaded here. The rest of a subject is imported when, and only if, this host has it: each in its
own thread, while others wait for an answer.
"""

from __future__ import annotations

import functools
import threading
import typing as t

from .._backup.options import OPTIONS as BACKUP
from .._certificate.options import OPTIONS as CERTIFICATE
from .._core.subject import Plan, Subject
from .._core.thresholds import Thresholds
from .._http.options import OPTIONS as HTTP
from .._log.options import OPTIONS as LOG
from .._pm2.options import OPTIONS as PM2
from .._postgresql.options import OPTIONS as POSTGRESQL
from .._prometheus.options import OPTIONS as PROMETHEUS
from .._redis.options import OPTIONS as REDIS
from .._system.options import OPTIONS as SYSTEM

if t.TYPE_CHECKING:
    from .._log.subject import Source

Options = t.Mapping[str, t.Any]

# in the order in which people read them
ONE: dict[str, t.Any] = {
    "pm2": PM2,
    "postgresql": POSTGRESQL,
    "redis": REDIS,
    "system": SYSTEM,
    "logs": LOG,
    "prometheus": PROMETHEUS,
}
SEVERAL: dict[str, t.Any] = {"api": HTTP, "certificates": CERTIFICATE, "backups": BACKUP}
ORDER = ("api", "pm2", "postgresql", "redis", "system", "logs", "certificates", "prometheus", "backups")

# Before Python 3.10 a module that one thread loads from a zip file is already visible, half made, to the others.
LOADING = threading.Lock()

OPTIONS: dict[str, t.Any] = {
    **{name: {"type": "dict", "options": options} for name, options in ONE.items()},
    **{name: {"type": "list", "elements": "dict", "options": options} for name, options in SEVERAL.items()},
}


def compose(options: Options, thresholds: Thresholds) -> list[Plan]:
    """Plan to look at every subject that has options."""
    plans = []
    for name in ORDER:
        given = options[name]
        if given is None:
            continue
        for one in given if name in SEVERAL else [given]:
            plans.append(Plan(name, functools.partial(_build, name, one, options, thresholds)))
    return plans


def _build(name: str, one: Options, options: Options, thresholds: Thresholds) -> Subject:
    """Load and wire one subject."""
    with LOADING:
        subject = _load(name)
    if name == "logs":
        return t.cast(Subject, subject(one, thresholds, discover=_app_logs(options["pm2"])))
    return t.cast(Subject, subject(one, thresholds))


def _load(name: str) -> t.Callable[..., t.Any]:  # noqa: PLR0911
    """One import statement for each subject, because Ansible packs a module by reading them."""
    if name == "api":
        from .._http.subject import subject as http
        return http
    if name == "pm2":
        from .._pm2.subject import subject as pm2
        return pm2
    if name == "postgresql":
        from .._postgresql.subject import subject as postgresql
        return postgresql
    if name == "redis":
        from .._redis.subject import subject as redis
        return redis
    if name == "system":
        from .._system.subject import subject as system
        return system
    if name == "logs":
        from .._log.subject import subject as log
        return log
    if name == "certificates":
        from .._certificate.subject import subject as certificate
        return certificate
    if name == "prometheus":
        from .._prometheus.subject import subject as prometheus
        return prometheus
    from .._backup.subject import subject as backup
    return backup


def _app_logs(options: t.Optional[Options]) -> t.Optional[t.Callable[[], list[Source]]]:
    """How to find the files into which PM2 writes what its apps say; None where there is no PM2 to ask."""
    if options is None:
        return None
    with LOADING:
        from .._log.subject import Source
        from .._pm2 import client, home as pm2_home

    def discover() -> list[Source]:
        home = pm2_home.resolve(options["home"], options["owner"])
        found = []
        for process in client.listing(home, options["timeout_seconds"]).processes:
            if not process.is_module:
                paths = {process.out_log, process.err_log, process.combined_log} - {""}
                found += [Source(path, process.name) for path in sorted(paths)]
        return list(dict.fromkeys(found))

    return discover
