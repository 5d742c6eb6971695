# SPDX-License-Identifier: GPL-3.0-or-later
"""The wires of a lab: one bridge and one /24 for the lab, one network namespace and cable for each host."""

from __future__ import annotations

import json
from pathlib import Path

from tests.lab.machine import LabError, lock, run

NUMBERS = range(1, 250)
LOCK = Path("/run/lock/vendhub-lab.lock")


def subnet(number: int) -> str:
    """The addresses of the lab with this number."""
    return f"10.213.{number}.0/24"


def gateway(number: int) -> str:
    """The address at which a lab's hosts see the machine."""
    return f"10.213.{number}.1"


def bridge(number: int) -> str:
    """The bridge's name; the table of nftables, the control groups and namespaces begin with it too."""
    return f"vhlab{number}"


def make() -> int:
    """Make the bridge of a new lab, with a number that no other lab on this machine has, and return the number."""
    with lock(LOCK, timeout=30, waiting_for="another lab that comes up"):
        taken = {link["ifname"] for link in json.loads(run(["ip", "-json", "link"]).stdout)}
        routes = run(["ip", "-4", "route", "show", "table", "all"]).stdout
        free = [n for n in NUMBERS if bridge(n) not in taken and f"10.213.{n}." not in routes]
        if not free:
            raise LabError("No free network of 10.213.0.0/16 is left for another lab: take one down.")
        number = free[0]
        run(["ip", "link", "add", bridge(number), "type", "bridge"])
    run(["ip", "link", "set", bridge(number), "mtu", str(_mtu())])
    run(["ip", "address", "add", f"{gateway(number)}/24", "dev", bridge(number)])
    run(["ip", "link", "set", bridge(number), "up"])
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1\n")
    # hosts reach what the machine reaches, but no host of another lab
    run(["nft", "--file", "-"], input=f"""
table ip {bridge(number)} {{
  chain out {{
    type nat hook postrouting priority srcnat;
    ip saddr {subnet(number)} ip daddr != {subnet(number)} masquerade
  }}
  chain apart {{
    type filter hook forward priority filter;
    ip saddr {subnet(number)} ip daddr != {subnet(number)} ip daddr 10.213.0.0/16 drop
  }}
}}
""")
    return number


def unmake(number: int) -> None:
    """Take away the bridge and the table; what is not there any more is fine."""
    run(["nft", "delete", "table", "ip", bridge(number)], check=False)
    run(["ip", "link", "delete", bridge(number)], check=False)


def connect(number: int, place: int, namespace: str, address: str) -> None:
    """A namespace for a host, its eth0 and the cable to the lab's bridge."""
    outside, mtu = cable(number, place), str(_mtu())
    run(["ip", "netns", "add", namespace])
    inside = ["name", "eth0", "netns", namespace, "mtu", mtu]
    run(["ip", "link", "add", outside, "mtu", mtu, "type", "veth", "peer", *inside])
    run(["ip", "link", "set", outside, "master", bridge(number), "up"])
    run(["ip", "-n", namespace, "address", "add", f"{address}/24", "dev", "eth0"])
    run(["ip", "-n", namespace, "link", "set", "lo", "up"])
    run(["ip", "-n", namespace, "link", "set", "eth0", "up"])
    run(["ip", "-n", namespace, "route", "add", "default", "via", gateway(number)])


def disconnect(number: int, place: int, namespace: str) -> None:
    """Take the namespace and the cable away; what is not there any more is fine."""
    run(["ip", "link", "delete", cable(number, place)], check=False)
    run(["ip", "netns", "delete", namespace], check=False)


def cable(number: int, place: int) -> str:
    """The machine's end of a host's cable."""
    return f"{bridge(number)}-{place}"


def _mtu() -> int:
    """The packet size of the machine's way out, so that nothing depends on messages about packets that are too big."""
    for route in json.loads(run(["ip", "-json", "-4", "route", "show", "default"]).stdout):
        for link in json.loads(run(["ip", "-json", "link", "show", "dev", route["dev"]]).stdout):
            return min(1500, int(link["mtu"]))
    return 1500
