# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From which release to which one every app host goes (pure): all of them to the same, or the reason why not."""

from __future__ import annotations

import dataclasses
import typing as t

DEPLOY, ROLLBACK = "deploy", "rollback"
PREVIOUS_GOOD = "previous_good"
KEEP, REVERT, REFUSE = "keep", "revert", "refuse"
Row = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Host:
    """One app host: what release_info says of it, and the plan that a killed run left in its lock."""

    name: str
    info: Row
    left: Row = dataclasses.field(default_factory=dict)

    def release(self, identity: str) -> t.Optional[Row]:
        """The release of that id, if it is on the host."""
        return next((row for row in self.info.get("releases", ()) if row["release"] == identity), None)

    @property
    def current(self) -> str:
        """The id of what is served; empty when nothing is, or nobody knows what."""
        return str(self.info.get("current", ""))


@dataclasses.dataclass(frozen=True)
class Move:
    """What one host serves before and after."""

    before: str
    after: str


@dataclasses.dataclass(frozen=True)
class Plan:
    """The moves of all hosts, what the operator should know, and why it must not be done (if so)."""

    kind: str
    moves: t.Mapping[str, Move] = dataclasses.field(default_factory=dict)
    resumed: bool = False
    unknown_migrations: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, t.Any]:
        """As plain data for playbooks and for the lock."""
        data = dataclasses.asdict(self)
        return {**data, **{key: list(data[key]) for key in ("unknown_migrations", "refusals", "steps")},
                "name": "" if not self.moves else label(next(iter(self.moves.values())).after)}


def rollback(hosts: t.Sequence[Host], wanted: str, migrations: str, outside: t.Sequence[str] = ()) -> Plan:
    """Back to ``wanted`` (previous_good, or an id, tag or sha) on all hosts; what a killed run began is finished."""
    left, torn = _left(hosts)
    if left and wanted == PREVIOUS_GOOD:
        # a killed rollback is finished, a killed deployment is taken back
        forth = {name: Move(move["before"], move["after"]) for name, move in left["moves"].items()}
        back = {name: Move(one.after, one.before) for name, one in forth.items()}
        found = forth if left["kind"] == ROLLBACK else back
        refusals: list[str] = []
    else:
        found, refusals = _chosen(hosts, wanted)
        refusals += torn if wanted == PREVIOUS_GOOD else []
    refusals = [*_outside(outside), *refusals, *_one_target(found), *_there(hosts, found, wanted)]
    unknown = _unknown_migrations(hosts, found)
    if unknown and migrations == REFUSE:
        refusals.append(f"the release to go back to does not know {_some(unknown)}, which the database has; say"
                        " deployment_migrations=keep when it can live with that, or =revert")
    return Plan(ROLLBACK, {} if refusals else found, bool(left) and wanted == PREVIOUS_GOOD, tuple(unknown),
                tuple(refusals), tuple(_steps(hosts, found, unknown, migrations)))


def deploy(hosts: t.Sequence[Host], staged: t.Mapping[str, str], outside: t.Sequence[str] = ()) -> Plan:
    """Forth to what is staged on each host; the way back is to what was served before a killed run began."""
    left = _left(hosts)[0]
    moves = {}
    for host in hosts:
        after = staged.get(host.name, "")
        before = _before(host, left)
        moves[host.name] = Move("" if before == after else before, after)
    refusals = [*_outside(outside), *_one_target(moves), *_there(hosts, moves, "")]
    return Plan(DEPLOY, {} if refusals else moves, bool(left), (), tuple(refusals),
                tuple(_steps(hosts, moves, (), KEEP)))


def label(identity: str) -> str:
    """What the same release is called on every host: the end of its id, which is its commit or its archive's sum."""
    return identity.rpartition("-")[2]


def _left(hosts: t.Sequence[Host]) -> tuple[Row, list[str]]:
    """The plan that a killed run left behind, if one did; two different ones are a refusal."""
    found = [host.left for host in hosts if host.left.get("moves") and not _finished(hosts, host.left)]
    if any(one != found[0] for one in found):
        return {}, ["two unfinished plans are left on these hosts; name the release to serve"
                    " (deployment_release), so that nobody guesses"]
    return (found[0] if found else {}), []


def _finished(hosts: t.Sequence[Host], left: Row) -> bool:
    """Whether a deployment did all but give the lock back.

    A killed rollback is never finished: nobody was told that it went well, so who asks again means the same one.
    """
    if left["kind"] == ROLLBACK:
        return False
    for host in hosts:
        move = left["moves"].get(host.name)
        row = host.release(move["after"]) if move else None
        if row is None or host.current != row["release"] or row["state"] != "good":
            return False
    return True


def _before(host: Host, left: Row) -> str:
    move = left.get("moves", {}).get(host.name)
    if not move:
        return host.current
    return str(move["before"] if left["kind"] == DEPLOY else move["after"])


def _chosen(hosts: t.Sequence[Host], wanted: str) -> tuple[dict[str, Move], list[str]]:
    moves, refusals = {}, []
    for host in hosts:
        identity, why = _identity(host, wanted)
        if why:
            refusals.append(f"{host.name}: {why}")
        else:
            moves[host.name] = Move(host.current, identity)
    return moves, refusals


def _identity(host: Host, wanted: str) -> tuple[str, str]:
    if wanted == PREVIOUS_GOOD:
        return str(host.info.get("previous_good", "")), str(host.info.get("previous_good_missing", ""))
    rows = [row for row in host.info.get("releases", ()) if wanted in (row["release"], row.get("ref"))
            or label(row["release"]) == wanted or (len(wanted) >= 4 and str(row.get("sha", "")).startswith(wanted))]
    good = [row for row in rows if row["state"] != "bad" or row["release"] == wanted]
    if not rows:
        return "", (f"no release {wanted} is on this host; build it with"
                    f" ansible-playbook vendhub.ops.deploy -e deployment_ref={wanted}")
    if not good:
        return "", (f"{rows[-1]['release']} was found bad ({rows[-1].get('bad_reason', 'no reason given')}); name it by"
                    " its whole id to serve it all the same")
    return str(good[-1]["release"]), ""


def _outside(names: t.Sequence[str]) -> list[str]:
    if not names:
        return []
    return [f"{', '.join(names)} would be left with another release; run it without --limit, so that all app hosts"
            " serve the same"]


def _one_target(moves: t.Mapping[str, Move]) -> list[str]:
    targets = {label(move.after) for move in moves.values()}
    if len(targets) < 2:
        return []
    each = ", ".join(f"{name} to {move.after}" for name, move in moves.items())
    return [f"the hosts would go to different releases ({each}); name one that all of them have (deployment_release)"]


def _there(hosts: t.Sequence[Host], moves: t.Mapping[str, Move], wanted: str) -> list[str]:
    """What is no longer there, or was found bad meanwhile, is not gone to."""
    refusals = []
    for host in hosts:
        move = moves.get(host.name)
        if move is None:
            continue
        row = host.release(move.after)
        if row is None:
            refusals.append(f"{host.name}: {move.after or 'the release'} is not there")
        elif row["state"] == "bad" and wanted != move.after:
            refusals.append(f"{host.name}: {move.after} was found bad ({row.get('bad_reason') or 'no reason given'})")
    return refusals


def _unknown_migrations(hosts: t.Sequence[Host], moves: t.Mapping[str, Move]) -> list[str]:
    for host in hosts:
        move = moves.get(host.name)
        old, new = (host.release(move.before), host.release(move.after)) if move else (None, None)
        if old and new:
            known = set(new.get("migrations", ()))
            return [name for name in old.get("migrations", ()) if name not in known]
    return []


def _steps(hosts: t.Sequence[Host], moves: t.Mapping[str, Move], unknown: t.Sequence[str], policy: str,
           ) -> t.Iterator[str]:
    for host in hosts:
        move = moves.get(host.name)
        if move is None:
            continue
        if host.current == move.after:
            yield f"{host.name}: {move.after} is served already"
        else:
            yield f"{host.name}: from {host.current or 'nothing'} to {move.after}"
    if unknown:
        does = {KEEP: "stays in the database", REVERT: "is reverted first", REFUSE: "is in the way"}[policy]
        yield f"{_some(unknown)} {does}: the release to go back to does not know it"


def _some(names: t.Sequence[str]) -> str:
    word = "migration" if len(names) == 1 else "migrations"
    return f"{len(names)} {word} ({', '.join(names[:5])}{', …' if len(names) > 5 else ''})"
