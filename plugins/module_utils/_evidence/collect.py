# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Collect, hide, pack and keep: the whole life of one bundle, within its time and size."""

from __future__ import annotations

import datetime
import os
import socket
import threading
import time
import typing as t

from .._core.redact import HIDDEN, redact, secrets_in
from . import bundle, host, parse, places, services
from .gather import Item, Outcome, gather
from .logs import Tails, given
from .options import check

Options = t.Mapping[str, t.Any]
Row = dict[str, t.Any]

# Of the whole time: what collecting, hiding and packing, and each place to write to, may take.
_COLLECT, _WRITE, _LEARN = 0.6, 0.1, 0.1
SECRETS = "secrets"
_PIECES = 8  # no single file of the bundle takes more than this part of its size


def planned(options: Options) -> list[str]:
    """The names of the items that would be collected."""
    check(options)
    return [SECRETS, *(item.name for item in _items(options))]


def collect(options: Options, clock: t.Callable[[], float] = time.monotonic) -> Row:
    """Make one bundle and return what is to be told about it; OpsError when no place takes it."""
    check(options)
    started, whole = clock(), options["timeout_seconds"]
    now = datetime.datetime.now(datetime.timezone.utc)
    secrets = _Secrets(_given_secrets(options))
    learning = [Item(SECRETS, lambda sink, _seconds: secrets.learn(places.env_secrets(options["env_files"], sink))),
                Item(SECRETS, lambda _sink, seconds: host.environments(secrets.learn, seconds))]
    gather(learning, whole * _LEARN)
    outcomes = gather(_items(options), min(options["item_seconds"], whole * (_COLLECT - _LEARN) - (clock() - started)))
    # once more: what was started meanwhile may have written what it keeps secret into any log
    outcomes = [_joined(gather(learning, whole * _LEARN)), *outcomes]
    hidden = sorted({one for secret in secrets.known() for one in parse.spellings(secret)}, key=len, reverse=True)
    contents, rows = _contents(outcomes, hidden, options["max_bytes"],
                               lambda: clock() - started > whole * (1 - 2 * _WRITE))
    name = f"{now:%Y%m%dT%H%M%SZ}-{options['name']}"
    manifest: Row = {"format": 1, "name": options["name"], "host": socket.gethostname(),
                     "collected_at": f"{now:%Y-%m-%dT%H:%M:%SZ}", "seconds": round(clock() - started, 3),
                     "bytes": sum(map(len, contents.values())), "items": rows}
    inside = {**contents, bundle.MANIFEST: bundle.as_json(manifest)}
    archive = bundle.packed(name, inside, now.timestamp())
    manifest["archive"] = {"name": bundle.ARCHIVE, "bytes": len(archive), "sha256": bundle.sha256(archive)}
    place = bundle.save(options["directory"], name, archive, manifest, max(0.2, whole * _WRITE))
    removed = bundle.prune(os.path.dirname(place.folder), options["keep"]) if not place.why else []
    return {"manifest": manifest, "folder": place.folder, "path": os.path.join(place.folder, bundle.ARCHIVE),
            "fallback": place.why, "removed": removed, "seconds": round(clock() - started, 3)}


class _Secrets:
    """What must be seen nowhere, as far as it is known; several threads tell it."""

    def __init__(self, known: set[str]) -> None:
        self._known, self._guard = known, threading.Lock()

    def learn(self, found: set[str]) -> None:
        with self._guard:
            self._known |= found

    def known(self) -> set[str]:
        with self._guard:
            return set(self._known)


def _joined(parts: t.Sequence[Outcome]) -> Outcome:
    """The outcome of several items of one name, which give no files."""
    return Outcome(parts[0].name, {}, "; ".join(part.error for part in parts if part.error),
                   max(part.seconds for part in parts))


def _items(options: Options) -> list[Item]:
    """What is collected, the small and telling first: when the size is used up, the last ones are cut."""
    tails = Tails(options["log_bytes"])
    items = [
        Item("host", host.about), Item("disks", host.disks), Item("memory", host.memory),
        Item("processes", host.processes), Item("ports", host.ports),
        Item("release", places.release(options["app_root"], options["state_directory"])),
        Item("sites", places.sites(options["nginx_root"], options["certificate_paths"])),
    ]
    if options["health_urls"]:
        items.append(Item("health", services.health(options["health_urls"])))
    if options["postgresql"] is not None:
        items.append(Item("postgresql", services.postgresql(options["postgresql"])))
    if options["redis"] is not None:
        items.append(Item("redis", services.redis(options["redis"])))
    if options["pm2"] is not None:
        items += [Item("pm2", services.pm2(options["pm2"], tails)),
                  Item("pm2_logs", services.pm2_logs(options["pm2"], tails))]
    return [*items, Item("logs", given(tails, options["log_paths"])), Item("kernel", host.kernel),
            Item("journal", host.journal(options["units"], options["journal_lines"]))]


def _given_secrets(options: Options) -> set[str]:
    found = secrets_in(options)
    for name in ("postgresql", "redis"):
        if options[name] is not None and options[name]["password"]:
            found.add(options[name]["password"])
    return {secret for secret in found if len(secret) >= 4}


def _contents(outcomes: t.Sequence[Outcome], secrets: t.Sequence[str], most_bytes: int,
              late: t.Callable[[], bool]) -> tuple[dict[str, bytes], list[Row]]:
    """The files of the bundle without secrets, and one row about each item."""
    contents: dict[str, bytes] = {}
    rows: list[Row] = []
    room = most_bytes
    for outcome in outcomes:
        rows.append({"name": outcome.name, "seconds": round(outcome.seconds, 3),
                     "error": _clean(outcome.error, secrets), "files": []})
        for name, text in outcome.texts.items():
            if late() or room <= 0:
                why = "there was no time left to hide its secrets" if late() else "the limit of size is reached"
                rows[-1]["error"] = "; ".join(filter(None, (rows[-1]["error"], f"{name} is left out: {why}")))
                continue
            most = min(room, most_bytes // _PIECES)
            # the limit first, so that hiding cannot take long
            clean = _clean(_short(text, most * 2), secrets)
            data, cut = parse.cut(parse.quoted(clean) if name.endswith(".json") else clean, most)
            contents[name] = data
            room -= len(data)
            rows[-1]["files"].append({"name": name, "bytes": len(data), "sha256": bundle.sha256(data),
                                      "cut": cut or len(text) > most * 2})
    return contents, rows


def _short(text: str, most: int) -> str:
    """Whole lines from the start: a secret that is torn would not be known again."""
    return text if len(text) <= most else text[:text.rfind("\n", 0, most) + 1]


def _clean(text: str, secrets: t.Sequence[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return redact(parse.without_keys(text))
