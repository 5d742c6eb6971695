# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What recovery does about a cause by itself, and what it leaves to people, with the reason (pure)."""

from __future__ import annotations

import dataclasses

from . import crash
from .signs import Cause


@dataclasses.dataclass(frozen=True)
class Action:
    """Either something that is done (``name``; the first ``limit`` times in an hour), or advice to a person."""

    name: str = ""
    does: str = ""
    limit: int = 3
    advice: str = ""


START_APP, START_PM2, START_SERVICES, RESTART_APP = "start_app", "start_pm2", "start_services", "restart_app"
RENEW, GO_BACK = "renew_certificates", "go_back"

ACTIONS: dict[str, Action] = {
    "host_unreachable": Action(advice="look at its power, network and SSH; nothing could be asked or done there"),
    "disk_full": Action(advice="make room with vendhub.ops.free_disk, which shows its plan first; no log or release is"
                               " removed without somebody who says so"),
    "postgresql_starting": Action(advice="PostgreSQL is recovering; let it finish, and run recover again"),
    "postgresql_down": Action(START_SERVICES, "start PostgreSQL"),
    "postgresql_silent": Action(advice="PostgreSQL accepts and does not answer; look at its disk, locks and memory"
                                       " before it is restarted, a restart throws away what it is doing"),
    "postgresql_exhausted": Action(advice="end the sessions that hold the connections (the bundle lists them), or raise"
                                          " max_connections; restarting the app would only bring them back"),
    "redis_starting": Action(advice="Redis is loading its data; let it finish, and run recover again"),
    "redis_down": Action(START_SERVICES, "start Redis"),
    "redis_silent": Action(advice="Redis accepts and does not answer; look at slow commands and its disk before"
                                  " it is restarted"),
    "redis_full": Action(advice="free memory in Redis or raise maxmemory; sessions, queues and revoked tokens"
                                " must stay, so nothing is removed by itself"),
    "out_of_memory": Action(START_SERVICES, "start what the kernel ended"),
    "pm2_daemon_dead": Action(START_PM2, "start PM2 and the apps"),
    "pm2_daemon_hung": Action(START_PM2, "replace the PM2 daemon that does not answer", limit=2),
    "port_stolen": Action(advice="end that program or give it another port; recover ends nothing that is not"
                                 " the app's"),
    "app_absent": Action(START_APP, "start the app from its ecosystem file"),
    "app_stopped": Action(START_APP, "start the app"),
    "bad_release": Action(GO_BACK, "go back to the last good release", limit=2),
    "proxy_down": Action(START_SERVICES, "start nginx, if its configuration is valid"),
    "clock_off": Action(advice="set the clock and look why time synchronisation does not work (timedatectl)"),
    "certificate_expired": Action(RENEW, "renew the certificate", limit=2),
    "unknown": Action(RESTART_APP, "restart the app, once", limit=1),
}
CRASHES: dict[str, Action] = {
    crash.MISSING_VARIABLE: Action(
        advice="put the variable into the environment file, then start the app; only a person knows its value"),
    crash.PORT_IN_USE: Action(advice="another process has the port; end it or move it, then start the app"),
    crash.OUT_OF_MEMORY: Action(
        advice="the app needs more heap than Node.js gives it; set --max-old-space-size in node_args of its ecosystem"
               " file"),
    crash.MEMORY_LIMIT: Action(
        advice="PM2 ends the app at its memory limit; vendhub.ops.fix_crash_loop raises the limit when the host has the"
               " memory"),
    crash.DEPENDENCY_DOWN: Action(
        advice="the app cannot reach something that runs nowhere here; look at what it names"),
    crash.BROKEN_CODE: Action(
        advice="the code does not load; deploy a corrected release, or go back with vendhub.ops.rollback"),
    crash.DISK_FULL: Action(advice="make room with vendhub.ops.free_disk, then start the app"),
    crash.UNKNOWN: Action(advice="its last lines stand in the bundle; nothing in them is known to recover"),
}


def action(cause: Cause) -> Action:
    """What is done about this cause; an app's crash is dealt with by its reason."""
    if cause.kind == "crash_loop":
        return CRASHES[cause.why or crash.UNKNOWN]
    return ACTIONS[cause.kind]
