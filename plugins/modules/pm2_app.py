# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pm2_app
short_description: Bring apps under PM2 into a state and prove that it holds
version_added: 0.2.0
description:
  - Starts, stops, restarts, reloads, deletes and saves apps under PM2, by name or by their ecosystem file. It compares
    what runs with what is defined and does only what is needed.
  - It runs PM2 as the owner of the daemon with that user's login environment; nothing of the environment of Ansible or
    of root reaches PM2 or the apps. The daemon's state is read by its socket first; a daemon is started only for
    O(state=started), V(restarted) and V(reloaded), and RV(daemon_started) says so.
  - An app whose mode, script or working folder is not as defined is deleted and started, for PM2 would keep the old
    values. A number of processes is scaled. Other settings and variables are taken over by a reload, which in cluster
    mode drops no request when O(listen_timeout_seconds) is long enough. Variables that are no longer defined stay until
    the app is deleted and started.
  - A process that runs in another folder than its definition means now (the link of the release was switched, or the
    folder was deleted) is reloaded, also with O(state=started).
  - After a change the apps are watched by the stability gate (see M(vendhub.ops.stability_gate)).
  - It never returns an app's environment; only names of variables that are not as defined.
  - Reading an ecosystem file means running it, as PM2 does; that happens in check mode as well, as the owner.
author:
  - VendHub DevOps Team (@vendhub)
extends_documentation_fragment:
  - vendhub.ops.pm2
  - vendhub.ops.gate.app
options:
  state:
    description:
      - V(started) makes the apps run as defined. V(restarted) and V(reloaded) always change something; an app
        that is not there is started.
      - V(stopped) keeps the app in PM2's list, V(absent) deletes it. Both are content with a daemon that does not run.
      - V(saved) saves the running list, so that it comes back with C(pm2 resurrect); it refuses to save an empty one.
    type: str
    choices: [started, stopped, restarted, reloaded, absent, saved]
    default: started
  name:
    description: The app. With O(ecosystem) it is the only app of that file that is touched.
    type: str
  ecosystem:
    description:
      - The ecosystem file with the definitions. Its name ends in C(.config.js), C(.config.cjs), C(.config.mjs),
        C(.json), C(.yml) or C(.yaml). Relative paths in it count from its own folder.
      - The file itself is never changed.
    type: path
  only:
    description: Of the apps in O(ecosystem) only these. Without it, and without O(name), all.
    type: list
    elements: str
  environment:
    description: Which C(env_…) of the ecosystem file to use, as C(--env) does; for example V(production).
    type: str
  max_memory_restart:
    description:
      - Lay this memory limit over the definition, such as V(600M) or V(1G). Everything else of the definition stays.
      - Needs O(ecosystem).
    type: str
  memory_share_percent:
    description: How much of the host's RAM O(max_memory_restart) times the processes of all the apps may take.
    type: float
    default: 80.0
  wait_ready:
    description: Lay this over the definition; whether PM2 waits for the app's own C(process.send('ready')).
    type: bool
  listen_timeout_seconds:
    description:
      - Lay this over the definition; how long a reload waits for a new process to listen (or to be ready) before the
        old one is ended. PM2's own 3 seconds make a gap for an app that needs longer.
    type: float
  kill_timeout_seconds:
    description: Lay this over the definition; how long a process may take to finish its requests before it is killed.
    type: float
  save:
    description:
      - Save the running list as well when it is not the saved one. C(dump.pm2) is closed to other users.
      - When O(state=absent) empties the list nothing is saved, and the message says so.
    type: bool
    default: false
  start_daemon:
    description: Whether a daemon may be started when none runs; V(false) where a service does that.
    type: bool
    default: true
  hung_daemon:
    description:
      - What to do with a daemon that lives and does not answer within O(timeout_seconds), asked twice.
      - V(fail) touches nothing; RV(daemon) says which process it is, and which unit owns it.
      - V(replace) ends it and starts a new one with the apps of O(ecosystem), for O(state=started), V(restarted) and
        V(reloaded). Its processes are ended as O(end_orphans) allows. It is refused when a unit of the system owns the
        daemon (restart that unit), or when an app runs under it that is not among those to start.
    type: str
    choices: [fail, replace]
    default: fail
  end_orphans:
    description:
      - Whether to end processes of the apps that a dead daemon left behind. Otherwise the task fails and names them.
      - A process is taken for one only when it runs as the owner, was started for this PM2 home, and runs the script
        and the folder of the definition.
    type: bool
    default: false
  same_version:
    description: Whether to refuse when the installed PM2 is not of the version of the running daemon.
    type: bool
    default: true
  program:
    description: The C(pm2) program. Without it the search path and the usual global folders are looked at.
    type: path
  node:
    description: The C(node) program. Without it, the one beside C(pm2), on the search path or in the usual folders.
    type: path
  command_timeout_seconds:
    description:
      - How long one command of PM2 may take. A reload takes one start of the app for every two processes.
    type: float
    default: 180.0
  gate:
    description:
      - What the stability gate asks for after a change into V(started), V(restarted) or V(reloaded).
      - Without anything in it, all processes must stay online with the same pids for the time of the watch.
    type: dict
    default: {}
attributes:
  check_mode:
    description: Returns exactly the steps it would take, and changes nothing.
    support: full
  diff_mode:
    description: Shows the apps before and after, never their environment.
    support: full
  idempotent:
    description: All states but V(restarted) and V(reloaded), which always do what they say.
    support: partial
"""

EXAMPLES = r"""
- name: Run the API as its ecosystem file says, in every reboot to come
  vendhub.ops.pm2_app:
    owner: vendhub
    ecosystem: /opt/vendhub/shared/ecosystem.config.js
    only: [vendhub-api]
    environment: production
    save: true
    gate:
      port: 3000
      url: http://127.0.0.1:3000/health

- name: Serve the new release without a gap, for an app that needs 14 seconds to listen
  vendhub.ops.pm2_app:
    owner: vendhub
    state: reloaded
    ecosystem: /opt/vendhub/shared/ecosystem.config.js
    name: vendhub-api
    environment: production
    listen_timeout_seconds: 40
    kill_timeout_seconds: 8
    gate:
      url: http://127.0.0.1:3000/health
      release_folder: /opt/vendhub/current

- name: Stop a worker
  vendhub.ops.pm2_app:
    owner: vendhub
    state: stopped
    name: commission-worker
"""

RETURN = r"""
msg:
  description: What was done or would be done, or what went wrong, in one sentence.
  returned: always
  type: str
  sample: "PM2 of /home/vendhub/.pm2: reload vendhub-api: asked for; stable for 30 s"
steps:
  description: What was done, in check mode what would be done.
  returned: when the plan could be made
  type: list
  elements: str
  sample: ["delete vendhub-api: exec_mode is fork, not cluster", "start vendhub-api: by its definition"]
daemon_started:
  description: Whether a daemon was started because none ran.
  returned: when the plan could be made
  type: bool
daemon:
  description:
    - The C(pid) of PM2's daemon, its C(state) V(running), V(hung), V(dead) or V(absent), and the system's C(unit) whose
      main process it is (empty when there is none).
  returned: failure, except for a wrong option
  type: dict
  sample: {"pid": 811, "state": "hung", "unit": "pm2-vendhub.service"}
apps:
  description: The apps afterwards (in check mode as predicted), by name.
  returned: success
  type: dict
  sample: {"vendhub-api": {"status": "online", "instances": 2, "exec_mode": "cluster"}}
gate:
  description: The verdict of the stability gate.
  returned: after a change into a running state
  type: dict
  contains:
    msg:
      description: The decision in one sentence, with the reason.
      returned: always
      type: str
    check:
      description: What kind of verdict this is.
      returned: always
      type: str
      sample: stability
    target:
      description: What was watched.
      returned: always
      type: str
      sample: vendhub-api under PM2 of /home/vendhub/.pm2
    state:
      description: The worst state of all proofs; V(ok), V(warning), V(unknown), V(critical) in order of severity.
      returned: always
      type: str
      sample: ok
    findings:
      description: The proofs one by one (C(gate_processes), C(gate_health), C(gate_port), C(gate_folder)), worst first.
      returned: always
      type: list
      elements: dict
    stable:
      description: Whether all of it was proven.
      returned: always
      type: bool
    seconds:
      description: How long the watch took.
      returned: always
      type: float
      sample: 31.2
    samples:
      description: How often was looked.
      returned: always
      type: int
      sample: 31
    metrics:
      description: Flat numbers for trends and export.
      returned: always
      type: dict
      sample: {"gate_seconds": 31.2, "gate_samples": 31}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import OpsError
from ansible_collections.vendhub.ops.plugins.module_utils._core.redact import secrets_in
from ansible_collections.vendhub.ops.plugins.module_utils._gate.app import Failed, bring
from ansible_collections.vendhub.ops.plugins.module_utils._gate.options import APP


def main() -> None:
    module = AnsibleModule(
        argument_spec=APP,
        supports_check_mode=True,
        mutually_exclusive=[["name", "only"]],
        required_if=[[
            "state", state, ["name", "ecosystem"], True,
        ] for state in ("started", "stopped", "restarted", "reloaded", "absent")],
        required_by={"only": ["ecosystem"]},
    )
    module.no_log_values.update(secrets_in(module.params))
    try:
        result = bring(module.params, check_mode=module.check_mode)
    except Failed as exc:
        module.fail_json(msg=str(exc), **exc.result)
    except OpsError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
