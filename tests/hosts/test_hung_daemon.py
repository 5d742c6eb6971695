# SPDX-License-Identifier: GPL-3.0-or-later
"""A PM2 daemon that hangs under its unit: it is named with its unit, never replaced beside it, and comes back by it."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml

from tests.hosts.play import Run, play
from tests.hosts.test_app_host import LAYER, PASSWORD, SERVICES, Site
from tests.lab import Lab
from tests.lab.image import image
from tests.lab.layers import exists

UNIT = "pm2-vendhub.service"
APP = {"owner": "vendhub", "ecosystem": "/opt/vendhub/shared/ecosystem.config.js", "timeout_seconds": 1,
       "program": "/usr/local/bin/pm2", "gate": {"watch_seconds": 0, "deadline_seconds": 60}}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Site]:
    """A provisioned host."""
    if not exists(LAYER, image().name):
        with Lab("hung-services", ["app1"]) as making:
            making["app1"].run(["sh", "-c", SERVICES], timeout=300)
            making.save("app1", LAYER)
    with Lab("hung-daemon", ["app1"], layer=LAYER) as lab:
        site = Site(lab, tmp_path_factory.mktemp("site"))
        first = site.run()
        assert first.code == 0, first.screen[-4000:]
        yield site


def ask(site: Site, folder: Path, module: str, **options: t.Any) -> Run:
    """Run one module on the host."""
    playbook = folder / "ask.yml"
    playbook.write_text(yaml.safe_dump([{"hosts": "api", "gather_facts": False, "tasks": [
        {f"vendhub.ops.{module}": options, "register": "said", "ignore_errors": True},
        {"ansible.builtin.debug": {"var": "said.daemon"}},
        {"ansible.builtin.assert": {"that": "said is not failed", "fail_msg": "{{ said.msg }}"}}]}]))
    return play(playbook, site.lab.inventory({"api": ["app1"]}, site.variables), secret=PASSWORD)


def test_the_unit_of_a_hung_daemon_is_named_and_the_daemon_left_to_it(site: Site, tmp_path: Path) -> None:
    pid = site.script(f"systemctl show --property=MainPID --value {UNIT}").strip()
    site.script(f"kill -STOP {pid}")
    facts = ask(site, tmp_path, "pm2_info", owner="vendhub", timeout_seconds=1)
    assert re.search(rf"\bpid\W+{pid}\W+state\W+hung\W+unit\W+{UNIT}", facts.words), facts.screen
    refused = ask(site, tmp_path, "pm2_app", hung_daemon="replace", end_orphans=True, **APP)
    assert f"the unit {UNIT} owns it: restart that unit" in refused.refusal
    assert site.script(f"systemctl show --property=MainPID --value {UNIT}").strip() == pid

    # what a playbook does with this answer; the unit's own stop would ask the frozen daemon first
    site.script(f"systemctl kill --signal=KILL {UNIT}; systemctl restart {UNIT}")
    site.wait_until_healthy()
    again = ask(site, tmp_path, "pm2_app", start_daemon=False, **APP)
    assert (again.code, again.changed) == (0, 0), again.screen[-3000:]
    assert len(site.daemons()) == 1
