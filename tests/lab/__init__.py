# SPDX-License-Identifier: GPL-3.0-or-later
"""Real Debian hosts on this machine, for tests: see docs/lab.md.

    from tests.lab import Lab

    with Lab("mine", ["app1", "web1"]) as lab:
        lab["app1"].run(["systemctl", "is-active", "cron"])
        inventory = lab.inventory({"api": ["app1"], "web": ["web1"]}, {"vendhub_domain": "api.vendhub.test"})
        lab["app1"].reboot()
"""

from tests.lab.able import why_not
from tests.lab.acme import Acme
from tests.lab.host import Host
from tests.lab.lab import Lab
from tests.lab.machine import LabError

__all__ = ["Acme", "Host", "Lab", "LabError", "why_not"]
