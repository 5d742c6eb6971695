# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.hosts.site [split|single]``: boot a whole site with its servers, and print its inventory."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.hosts.site import SINGLE, SPLIT, Site, hosts_of
from tests.lab import Lab


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("layout", nargs="?", choices=("split", "single"), default="split")
    layout = SPLIT if parser.parse_args().layout == "split" else SINGLE
    lab = Lab("site", hosts_of(layout))
    lab.up()
    site = Site(lab, Path.cwd() / "vendhub-reports", layout)
    site.prepare()
    print(f"Now: ansible-playbook -i {site.inventory()} vendhub.ops.provision")
    print("Take it away again: python -m tests.lab down site")


if __name__ == "__main__":
    main()
