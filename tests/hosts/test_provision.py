# SPDX-License-Identifier: GPL-3.0-or-later
"""From bare servers to a site that a daily check finds green, and that comes back by itself."""

from __future__ import annotations

import time
import typing as t

import pytest

from tests.hosts.site import SPLIT, Site, hosts_of
from tests.lab import Lab

HOSTS = hosts_of(SPLIT)
BACK_SECONDS = 180.0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Site]:
    """Five hosts with the servers that are not the collection's job."""
    with Lab("provision", HOSTS) as lab:
        made = Site(lab, tmp_path_factory.mktemp("site"))
        made.prepare()
        yield made


def green(site: Site) -> str:
    """The daily check over SSH: empty when everything is ok, else what is not."""
    done = site.play("vendhub.ops.daily_check")
    bad = [f"{host['name']}: {finding['message']}" for host in site.report()["hosts"]
           for finding in host["findings"] if finding["state"] != "ok"]
    return "\n".join(bad) or ("" if done.code == 0 else done.screen)


def wait_green(site: Site, seconds: float = BACK_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while words := green(site):
        assert time.monotonic() < deadline, words
        time.sleep(2)


def test_one_run_makes_a_site_that_answers(site: Site) -> None:
    dry = site.play("vendhub.ops.provision", "--check", "--diff")
    assert dry.code == 0, dry.screen[-4000:]
    assert site.lab["app1"].run(["ls", "/opt"]).stdout.split() == []
    done = site.play("vendhub.ops.provision")
    assert done.code == 0, done.screen[-4000:]
    site.migrate()
    wait_green(site)


def test_a_second_run_changes_nothing(site: Site) -> None:
    done = site.play("vendhub.ops.provision")
    assert done.code == 0, done.screen[-4000:]
    assert done.recap("changed") == dict.fromkeys(HOSTS, 0), done.screen


def test_a_tag_hears_the_refusals_of_its_role_and_of_no_other(site: Site) -> None:
    site.lab["app1"].run(["ln", "-sfn", "/opt/other/pm2", "/usr/local/bin/pm2"])
    try:
        refused = site.play("vendhub.ops.provision", "--tags", "pm2", "--limit", "app1")
        assert "app1: /usr/local/bin/pm2 belongs to another PM2" in refused.refusal
        assert refused.recap("changed") == {"app1": 0}
        assert site.play("vendhub.ops.provision", "--tags", "nodejs", "--limit", "app1").code == 0
    finally:
        site.lab["app1"].run(["rm", "/usr/local/bin/pm2"])
    back = site.play("vendhub.ops.provision", "--tags", "pm2", "--limit", "app1")
    assert (back.code, back.recap("changed")) == (0, {"app1": 1}), back.screen[-4000:]


def test_the_inventory_wins_over_the_playbook_or_is_refused(site: Site) -> None:
    look = ("--check", "--diff", "--limit", "app1", "--tags")
    done = site.play("vendhub.ops.provision", *look, "logrotate", logrotate_group="adm")
    assert (done.code, done.recap("changed")) == (0, {"app1": 1}), done.screen[-4000:]
    assert "su vendhub adm" in done.words
    done = site.play("vendhub.ops.provision", *look, "daily_check_script", daily_check_script_timer_user="www-data")
    assert (done.code, "User=www-data" in done.words) == (0, True), done.screen[-4000:]
    refused = site.play("vendhub.ops.provision", *look, "app_host", pm2_owner="deploy")
    assert "app1: pm2_owner is set, but provisioning takes it from vendhub_pm2.owner" in refused.refusal


@pytest.mark.parametrize("host", HOSTS)
def test_after_a_reboot_everything_is_back_by_itself(site: Site, host: str) -> None:
    site.lab[host].reboot()
    wait_green(site)
