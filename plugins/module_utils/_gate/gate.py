# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Wire the stability gate: PM2 by its socket, the health page by HTTP, port and folders by the kernel's word."""

from __future__ import annotations

import dataclasses
import os
import time
import typing as t

from .._core.errors import BadOption, ServiceDown
from .._core.verdict import Verdict
from .._core.web import Address, Getter, address, checked_headers
from .._http.client import ask, searcher
from .._http.judge import Expectation, Search, fault, served
from .._pm2 import client, home as pm2_home, proc
from .._pm2.apps import Process
from .._pm2.place import inside
from .judge import STABLE, Health, Sample, Wanted
from .watch import Clock, Sleep, watch

Options = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Gate:
    """Everything that one look needs."""

    home: str
    timeout_seconds: float
    wanted: Wanted
    interval_seconds: float
    page: t.Optional[Address]
    getter: Getter
    expectation: Expectation
    search: Search
    clock: Clock = time.monotonic

    def look(self) -> Sample:
        """One sample; a PM2 that does not answer is part of it, not an error."""
        health = self._health()
        try:
            answer = client.listing(self.home, self.timeout_seconds)
        except ServiceDown as exc:
            return Sample(self.clock(), silence=str(exc), health=health)
        mine = tuple(process for process in answer.processes if process.name in self.wanted.apps)
        owners, unseen = self._owners([answer.peer.pid, *(one.pid for one in mine if one.pid)])
        return Sample(self.clock(), mine, daemon_pid=answer.peer.pid, health=health, owners=owners,
                      owners_unseen=unseen, strangers=self._strangers(mine))

    def pass_through(self, sleep: Sleep = time.sleep) -> dict[str, t.Any]:
        """Watch until there is a decision; the verdict, whether it is stable, and how long it took."""
        started = self.clock()
        decision, samples = watch(self.look, self.wanted, self.interval_seconds, self.clock, sleep)
        target = f"{', '.join(self.wanted.apps)} under PM2 of {self.home}"
        verdict = Verdict("stability", target, decision.findings).as_dict()
        seconds = round(self.clock() - started, 2)
        return {**verdict, "msg": f"{target}: {decision.state}: {decision.reason}",
                "stable": decision.state == STABLE, "seconds": seconds, "samples": len(samples),
                "metrics": {"gate_seconds": seconds, "gate_samples": len(samples)}}

    def _health(self) -> t.Optional[Health]:
        if self.page is None:
            return None
        answer = ask(self.getter, self.page)
        expression = self.expectation.release_expression
        return Health(answer, fault(answer, self.expectation, self.search),
                      served(answer, expression, self.search) if expression else "")

    def _owners(self, pids: t.Sequence[int]) -> tuple[t.Optional[frozenset[int]], str]:
        if self.wanted.port is None:
            return None, ""
        try:
            return pm2_home.port_owners(self.wanted.port, pids), ""
        except PermissionError as exc:
            return None, exc.strerror or "no permission"

    def _strangers(self, processes: t.Sequence[Process]) -> tuple[str, ...]:
        if not self.wanted.folder:
            return ()
        folder = os.path.realpath(self.wanted.folder)
        found = []
        for process in processes:
            place = _place(process, folder)
            if process.pid and (proc.gone(place) or not inside(place, folder)):
                found.append(f"{process.name} (pid {process.pid}) runs in {place}")
        return tuple(found)


def build(options: Options, apps: t.Mapping[str, t.Optional[int]], home: str, timeout_seconds: float) -> Gate:
    """Check the options and wire them; BadOption, or CannotLook when a library is missing."""
    for name, low, high in (("watch_seconds", 0, 3600), ("deadline_seconds", 1, 7200), ("interval_seconds", 0.1, 60),
                            ("good_answers", 1, 1000), ("restarts_allowed", 0, 1000),
                            ("answer_timeout_seconds", 0.1, 60)):
        if not low <= options[name] <= high:
            raise BadOption(f"{name} must be between {low:g} and {high:g}, not {options[name]:g}")
    if options["deadline_seconds"] <= options["watch_seconds"]:
        raise BadOption(f"deadline_seconds ({options['deadline_seconds']:g}) must be longer than watch_seconds"
                        f" ({options['watch_seconds']:g}), or nothing could ever be proven")
    if not apps:
        raise BadOption("apps: name at least one app to watch")
    if options["url"] is None and (options["expect"] or options["release_expression"]):
        raise BadOption("expect and release_expression need url: the health page in which they look")
    if options["release_expected"] and not options["release_expression"]:
        raise BadOption("release_expected needs release_expression: where in the health page the release stands")
    expressions = options["expect"]
    release = options["release_expression"] or ""
    wanted = Wanted(apps, options["watch_seconds"], options["deadline_seconds"], options["good_answers"],
                    options["restarts_allowed"], bool(options["url"]), options["port"],
                    options["release_expected"] or "", options["release_folder"] or "")
    getter = Getter(options["answer_timeout_seconds"], checked_headers(options["headers"]),
                    options["validate_certs"], options["ca_path"])
    return Gate(home, timeout_seconds, wanted, options["interval_seconds"],
                address(options["url"]) if options["url"] else None, getter,
                Expectation(None if expressions is None else tuple(expressions), release),
                searcher([*(expressions or ()), *filter(None, [release])]))


def _place(process: Process, folder: str) -> str:
    """Where the process really runs: the kernel keeps the folder it had when it started, also after a link moved.

    An app whose working folder is elsewhere by definition is judged by its script.
    """
    if process.cwd and not inside(os.path.realpath(process.cwd), folder):
        return os.path.realpath(process.script or process.cwd)
    return proc.folder(process.pid) or os.path.realpath(process.cwd)
