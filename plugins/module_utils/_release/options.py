# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The options of the modules that work on releases, and what they mean together."""

from __future__ import annotations

import dataclasses
import os
import typing as t

from .._core.errors import BadOption, OpsError
from . import account, canary, choice, ledger, place as places, serve, stage, tidy
from .build import Build
from .change import Answer, Change
from .place import Place
from .stage import Link, Recipe

Options = t.Mapping[str, t.Any]

PLACE: dict[str, t.Any] = {
    "root": {"type": "path", "default": "/opt/vendhub"},
    "state_directory": {"type": "path", "default": "/var/lib/vendhub-ops"},
    "subfolder": {"type": "str", "default": ""},
}
INFO: dict[str, t.Any] = {
    **PLACE,
    "sizes": {"type": "bool", "default": False},
    "timeout_seconds": {"type": "float", "default": 10.0},
}
ACTING: dict[str, t.Any] = {
    **PLACE,
    "owner": {"type": "str", "default": "vendhub"},
    "by": {"type": "str", "default": ""},
    "run": {"type": "str", "default": ""},
}
PROGRAMS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
RELEASE: dict[str, t.Any] = {
    **ACTING,
    "state": {"type": "str", "required": True,
              "choices": ["adopted", "staged", "packed", "active", "good", "bad", "pruned"]},
    "path": {"type": "path"},
    "repository": {"type": "str"},
    "ref": {"type": "str"},
    "archive": {"type": "path"},
    "sha256": {"type": "str"},
    "again": {"type": "bool", "default": False},
    "shared": {"type": "list", "elements": "dict", "default": [], "options": {
        "path": {"type": "str", "required": True}, "to": {"type": "str", "required": True}}},
    "build": {"type": "list", "elements": "list", "default": [
        ["npm", "ci", "--include=dev"], ["npm", "run", "build"], ["npm", "prune", "--omit=dev"]]},
    "build_environment": {"type": "dict", "default": {}},
    "build_timeout_seconds": {"type": "float", "default": 1800.0},
    "program_path": {"type": "str", "default": PROGRAMS},
    "migrations": {"type": "str", "default": "src/**/migrations/*.ts"},
    "space_bytes": {"type": "int"},
    "release": {"type": "str"},
    "reason": {"type": "str", "default": ""},
    "keep": {"type": "int", "default": 5},
    "timeout_seconds": {"type": "float", "default": 300.0},
}
CANARY: dict[str, t.Any] = {
    **ACTING,
    "release": {"type": "str", "default": choice.NEWEST_STAGED},
    "command": {"type": "list", "elements": "str", "default": ["node", "dist/main.js"]},
    "program_path": {"type": "str", "default": PROGRAMS},
    "environment": {"type": "dict", "default": {}},
    "env_file": {"type": "str"},
    "port": {"type": "int", "default": 0},
    "port_variable": {"type": "str", "default": "PORT"},
    "url_path": {"type": "str", "default": "/health"},
    "headers": {"type": "dict", "default": {}},
    "expect": {"type": "list", "elements": "str"},
    "release_expression": {"type": "str"},
    "release_expected": {"type": "str"},
    "good_answers": {"type": "int", "default": 3},
    "interval_seconds": {"type": "float", "default": 0.5},
    "timeout_seconds": {"type": "float", "default": 5.0},
    "deadline_seconds": {"type": "float", "default": 60.0},
    "grace_seconds": {"type": "float", "default": 5.0},
}
CONSTRAINTS: dict[str, t.Any] = {
    "required_if": [("state", "staged", ("repository", "archive"), True), ("state", "packed", ("release",)),
                    ("state", "active", ("release",)), ("state", "good", ("release",)),
                    ("state", "bad", ("release", "reason"))],
    "required_together": [("repository", "ref")],
    "mutually_exclusive": [("repository", "archive"), ("repository", "sha256")],
}


def place(options: Options) -> Place:
    """Where the releases live."""
    root, state_directory = os.path.normpath(options["root"]), os.path.normpath(options["state_directory"])
    for name, path in (("root", root), ("state_directory", state_directory)):
        if not os.path.isabs(path) or path == "/":
            raise BadOption(f"{name} must be an absolute path of a folder of its own, not {path}")
    for name in ("by", "run"):
        said = options.get(name, "")
        if not said.isprintable() or len(said) > 200:
            raise BadOption(f"{name} must be a short text for the ledger")
    found = Place(root, state_directory, _inside("subfolder", options["subfolder"]) if options["subfolder"] else "",
                  options.get("by", ""), options.get("run", ""))
    places.require(found)
    return found


def plan(options: Options) -> Change:
    """What the options ask for, as a change that is not yet made."""
    where = place(options)
    state, wanted = options["state"], options["release"] or ""
    seconds = options["timeout_seconds"]
    within("timeout_seconds", seconds, 1, 86400)
    within("keep", options["keep"], 0, 1000)
    plans: dict[str, t.Callable[[], Change]] = {
        "adopted": lambda: serve.adopt(where, options["path"] or where.root, options["migrations"]),
        "staged": lambda: _stage(where, options),
        "packed": lambda: tidy.pack(where, account.named(options["owner"]), wanted, options["archive"] or "", seconds),
        "active": lambda: serve.activate(where, wanted),
        "good": lambda: serve.mark_good(where, wanted),
        "bad": lambda: serve.mark_bad(where, wanted, options["reason"]),
        "pruned": lambda: tidy.prune(where, options["keep"], seconds),
    }
    return plans[state]()


def trial(options: Options, ask: canary.Ask) -> Change:
    """The proof of a release, as a change that is not yet made; it is run even when the release is proven already."""
    where = place(options)
    for name, low, high in (("port", 0, 65535), ("good_answers", 1, 1000), ("interval_seconds", 0, 60),
                            ("timeout_seconds", 0.1, 600), ("deadline_seconds", 0.1, 3600), ("grace_seconds", 0, 600)):
        within(name, options[name], low, high)
    if not options["url_path"].startswith("/"):
        raise BadOption("url_path must begin with /, such as /health")
    known = where.read()
    release = choice.choose(known, where.current_id(known), options["release"])
    why = places.missing(where, release)
    if why:
        raise OpsError(f"{release.id} cannot be started: {why}")
    env_file = os.path.join(where.root, options["env_file"]) if options["env_file"] else ""
    asked = canary.Trial(
        words("command", options["command"]), where.app(release.path), options["program_path"],
        texts("environment", options["environment"]), env_file, options["port"],
        next(iter(texts("port_variable", {options["port_variable"]: ""}))), options["good_answers"],
        options["interval_seconds"], options["deadline_seconds"], options["grace_seconds"])
    owner = account.named(options["owner"])

    def act() -> Answer:
        try:
            proof = canary.prove(asked, owner, ask)
        except OpsError as exc:
            raise type(exc)(f"{release.id} did not prove itself: {exc}") from exc
        if not release.proven_at:
            where.write(ledger.PROVEN, release.id)
        return {**dataclasses.asdict(proof),
                "msg": f"{release.id} gave {proof.answers} good answers in a row on port {proof.port}, the first after"
                       f" {proof.ready_seconds:.1f} s"}

    steps = () if release.proven_at else (
        f"start {release.id} on {f'port {asked.port}' if asked.port else 'a free port'} and write it down as proven",)
    return Change(f"{release.id} is to prove itself", {"release": release.id}, act, steps,
                  f"{release.id}: {release.state}\n", f"{release.id}: proven\n")


def guard(options: Options) -> str:
    """What nobody else may do meanwhile: a long build must not keep anybody from going back."""
    return "staging" if options["state"] in ("staged", "packed", "pruned") else "releases"


def within(name: str, value: float, low: float, high: float) -> None:
    """BadOption unless the number is one that makes sense."""
    if not low <= value <= high:
        raise BadOption(f"{name} must be between {low:g} and {high:g}, not {value:g}")


def words(name: str, arguments: t.Any) -> tuple[str, ...]:
    """One program with its arguments; BadOption when it is none."""
    if not isinstance(arguments, list) or not arguments or not all(isinstance(one, (str, int, float))
                                                                   for one in arguments):
        raise BadOption(f"{name} must be a program with its arguments, such as [npm, run, build]")
    return tuple(map(str, arguments))


def texts(name: str, values: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Environment variables as texts; a boolean is true or false, as in an environment file."""
    for key, value in values.items():
        if not key or "=" in key or "\0" in f"{key}{value}":
            raise BadOption(f"{name}: {key!r} cannot be an environment variable")
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in values.items()}


def _stage(where: Place, options: Options) -> Change:
    recipe = _recipe(where, options)
    if options["archive"]:
        return stage.from_archive(where, recipe, options["archive"], options["sha256"] or "")
    return stage.from_repository(where, recipe, _build(options), options["repository"], options["ref"])


def _recipe(where: Place, options: Options) -> Recipe:
    shared = tuple(Link(_inside("path in shared", link["path"]), os.path.normpath(os.path.join(where.root, link["to"])))
                   for link in options["shared"])
    _inside("migrations", options["migrations"])
    if options["space_bytes"] is not None:
        within("space_bytes", options["space_bytes"], 0, 2**60)
    return Recipe(account.named(options["owner"]), shared, options["migrations"], options["space_bytes"],
                  options["again"], options["timeout_seconds"])


def _build(options: Options) -> Build:
    within("build_timeout_seconds", options["build_timeout_seconds"], 1, 86400)
    return Build(tuple(words("each step in build", step) for step in options["build"]), options["program_path"],
                 texts("build_environment", options["build_environment"]), options["build_timeout_seconds"])


def _inside(name: str, path: str) -> str:
    """A path that stays inside of what it is laid upon."""
    tidy_path = os.path.normpath(path)
    if os.path.isabs(path) or tidy_path.split(os.sep)[0] in ("..", ".", "") or "\0" in path:
        raise BadOption(f"{name} must be a relative path inside of the release, not {path!r}")
    return tidy_path
