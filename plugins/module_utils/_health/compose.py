# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Compose the subjects of one host; the only place, with the module above it, that knows them all."""

from __future__ import annotations

import functools
import typing as t

from .._backup import subject as backup
from .._certificate import subject as certificate
from .._core.errors import BadOption, CannotLook
from .._core.subject import Subject
from .._core.thresholds import Thresholds
from .._core.verdict import Inspection
from .._http import subject as http
from .._log import subject as log
from .._pm2 import client as pm2_client, home as pm2_home, subject as pm2
from .._postgresql import subject as postgresql
from .._prometheus import subject as prometheus
from .._redis import subject as redis
from .._system import subject as system

Options = t.Mapping[str, t.Any]
Build = t.Callable[[Options, Thresholds], Subject]

ONE: dict[str, t.Any] = {
    "pm2": pm2,
    "postgresql": postgresql,
    "redis": redis,
    "system": system,
    "logs": log,
    "prometheus": prometheus,
}
SEVERAL: dict[str, t.Any] = {"api": http, "certificates": certificate, "backups": backup}
ORDER = ("api", "pm2", "postgresql", "redis", "system", "logs", "certificates", "prometheus", "backups")

OPTIONS: dict[str, t.Any] = {
    **{name: {"type": "dict", "options": subject.OPTIONS} for name, subject in ONE.items()},
    **{name: {"type": "list", "elements": "dict", "options": subject.OPTIONS} for name, subject in SEVERAL.items()},
}


def compose(options: Options, thresholds: Thresholds) -> list[Subject]:
    """The subjects that have options, in the order in which people read them."""
    composed = []
    for name in ORDER:
        given = options[name]
        if given is None:
            continue
        for one in given if name in SEVERAL else [given]:
            composed.append(_built(name, _builder(name, options), one, thresholds))
    return composed


def _builder(name: str, options: Options) -> Build:
    if name == "logs" and options["pm2"] is not None:
        return functools.partial(log.subject, discover=functools.partial(_app_logs, options["pm2"]))
    build: Build = (ONE.get(name) or SEVERAL[name]).subject
    return build


def _built(name: str, build: Build, options: Options, thresholds: Thresholds) -> Subject:
    """Wire one subject; an option that makes no sense on this host blinds this subject only."""
    try:
        return build(options, thresholds)
    except BadOption as exc:
        reason = str(exc)

        def refuse() -> Inspection:
            raise CannotLook(reason)

        return Subject(name, f"options of {name}", refuse, 1.0, service=False)


def _app_logs(options: Options) -> list[log.Source]:
    """The files into which PM2 writes what its apps say."""
    home = pm2_home.resolve(options["home"], options["owner"])
    found = []
    for process in pm2_client.listing(home, options["timeout_seconds"]).processes:
        if not process.is_module:
            paths = {process.out_log, process.err_log, process.combined_log} - {""}
            found += [log.Source(path, process.name) for path in sorted(paths)]
    return list(dict.fromkeys(found))
