# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.lab``: the lab on the command line."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys

from tests.lab.lab import Lab
from tests.lab.machine import LabError


def main() -> int:
    """Do what the words say; what went wrong is one sentence on stderr and exit code 1."""
    words = _parser().parse_args()
    try:
        return int(words.act(words) or 0)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description="Real hosts on this machine, for tests.")
    acts = parser.add_subparsers(required=True, metavar="COMMAND")

    up = acts.add_parser("up", help="boot hosts and print the path of their inventory")
    up.add_argument("name")
    up.add_argument("--hosts", default="host1", help="names, or how many: app1,web1 or 3")
    up.add_argument("--from", dest="layer", default="", help="LAYER for all, or HOST=LAYER,HOST=LAYER")
    up.set_defaults(act=_up)

    ssh = acts.add_parser("ssh", help="a shell on a host, or one command")
    ssh.add_argument("name")
    ssh.add_argument("host")
    ssh.add_argument("command", nargs=argparse.REMAINDER)
    ssh.set_defaults(act=_ssh)

    for command, tells in (
        ("reset", "back to the state the host (all hosts) started from"),
        ("reboot", "reboot the host (all hosts) in order"),
        ("power-failure", "everything on the host (all hosts) dies at once, then it boots"),
    ):
        one = acts.add_parser(command, help=tells)
        one.add_argument("name")
        one.add_argument("host", nargs="?")
        one.set_defaults(act=_whole_hosts, what=command)

    acme = acts.add_parser("acme", help="start an ACME server, print its directory and authority")
    acme.add_argument("name")
    acme.add_argument("--names", default="", help="NAME=HOST,NAME=HOST: what names mean, e.g. api.vendhub.test=web1")
    acme.add_argument("--validity-seconds", type=int, default=90 * 86400, help="how long its certificates live")
    acme.set_defaults(act=_acme)

    save = acts.add_parser("save", help="shut a host down and keep its disk as a layer")
    save.add_argument("name")
    save.add_argument("host")
    save.add_argument("layer")
    save.set_defaults(act=lambda words: print(Lab.of(words.name).save(words.host, words.layer)))

    down = acts.add_parser("down", help="take a lab away, also after a crash")
    down.add_argument("name")
    down.set_defaults(act=lambda words: Lab(words.name).down())

    labs = acts.add_parser("list", help="the labs that are up")
    labs.set_defaults(act=_list)
    return parser


def _up(words: argparse.Namespace) -> None:
    count = words.hosts.isdigit()
    hosts = [f"host{n + 1}" for n in range(int(words.hosts))] if count else words.hosts.split(",")
    pairs = [word.partition("=") for word in words.layer.split(",") if word]
    each = {host: layer for host, equals, layer in pairs if equals}
    alone = [host for host, equals, dummy in pairs if not equals]
    if len(alone) > 1 or (alone and each):
        raise LabError("--from is one layer for all hosts, or HOST=LAYER,HOST=LAYER.")
    print(Lab(words.name, hosts, layer=alone[0] if alone else each).up())


def _ssh(words: argparse.Namespace) -> None:
    argv = Lab.of(words.name)[words.host].ssh()
    sys.stdout.flush()
    os.execvp(argv[0], [*argv, shlex.join(words.command)] if words.command else argv)


def _whole_hosts(words: argparse.Namespace) -> None:
    lab = Lab.of(words.name)
    if words.what == "reset":
        lab.reset(words.host)
        return
    for host in [lab[words.host]] if words.host else lab:
        host.reboot() if words.what == "reboot" else host.power_failure()


def _acme(words: argparse.Namespace) -> None:
    lab = Lab.of(words.name)
    pairs = [pair.partition("=") for pair in words.names.split(",") if pair]
    lab.alias({name: host for name, dummy, host in pairs})
    server = lab.acme(validity_seconds=words.validity_seconds)
    print(json.dumps({"directory": server.directory, "ca": str(server.ca), "issuer": str(server.issuer)}))


def _list(dummy: argparse.Namespace) -> None:
    for name in Lab.names():
        try:
            print(name, *(f"{host.name}={host.address}" for host in Lab.of(name)))
        except LabError:
            print(name, "(left by a crash: take it down)")


sys.exit(main())
