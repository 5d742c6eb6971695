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


def _build(name: str, one: Options, options: Options, thresholds: Thresholds) -> Subject:  # noqa: PLR0911
    """Load and wire one subject; one import statement each, because Ansible packs a module by reading them."""
    if name == "api":
        from .._http import subject as http
        return http.subject(one, thresholds)
    if name == "pm2":
        from .._pm2 import subject as pm2
        return pm2.subject(one, thresholds)
    if name == "postgresql":
        from .._postgresql import subject as postgresql
        return postgresql.subject(one, thresholds)
    if name == "redis":
        from .._redis import subject as redis
        return redis.subject(one, thresholds)
    if name == "system":
        from .._system import subject as system
        return system.subject(one, thresholds)
    if name == "logs":
        from .._log import subject as log
        return log.subject(one, thresholds, discover=_app_logs(options["pm2"]))
    if name == "certificates":
        from .._certificate import subject as certificate
        return certificate.subject(one, thresholds)
    if name == "prometheus":
        from .._prometheus import subject as prometheus
        return prometheus.subject(one, thresholds)
    from .._backup import subject as backup
    return backup.subject(one, thresholds)


def _app_logs(options: t.Optional[Options]) -> t.Optional[t.Callable[[], list[Source]]]:
    """How to find the files into which PM2 writes what its apps say; None where there is no PM2 to ask."""
    if options is None:
        return None
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
