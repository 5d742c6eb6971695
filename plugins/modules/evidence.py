# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is like, before anybody touches it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: evidence
short_description: Save what a host is like before it is touched
version_added: 1.0.0
description:
  - Collects, within seconds and all at once, the list of processes under PM2, the ends of the logs, the journal, the
    kernel's log, the sessions of PostgreSQL, the state of Redis, disks, memory, processes, ports, the release, the
    sites with their certificates and the answers of the health pages, into one C(tar.gz) on the host.
  - Asks only what changes nothing, and starts nothing. It writes into its own folder alone.
  - Works when services are down or frozen. Each item has its own time; what is missing is named with the reason.
  - 'Credentials are taken out before anything is written: those in the options, in O(env_files) and in the environments
    of all processes wherever they appear, and whatever looks like one.'
  - What the user of PM2 names, or a link of somebody leads to, is taken only when that user owns it or everybody may
    read it.
  - When O(directory) cannot be written to (full disk, read-only file system), the bundle goes to a private folder below
    C(/run) or the folder of temporary files, and RV(fallback) says why.
author:
  - VendHub DevOps Team (@vendhub)
requirements:
  - psycopg2 (Python library), for O(postgresql)
  - redis (Python library) >= 4.3, for O(redis)
options:
  name:
    description: What the bundle is for; part of the name of its folder.
    type: str
    default: manual
  directory:
    description: The folder of the bundles on the host, made with mode C(0700) when it is not there.
    type: path
    default: /var/lib/vendhub-ops/evidence
  fetch_to:
    description:
      - A folder on the controller into which the bundle is fetched, below the name of the host.
      - The page C(index.html) there lists the bundles of all hosts.
    type: path
  keep:
    description: How many bundles stay on the host. Only folders that hold a bundle and nothing else are removed.
    type: int
    default: 20
  timeout_seconds:
    description: How long everything together may take.
    type: float
    default: 15
  item_seconds:
    description: How long each item may take; at most half of O(timeout_seconds).
    type: float
    default: 5
  max_bytes:
    description: How large the bundle may be before it is packed. No file takes more than an eighth of it.
    type: int
    default: 20971520
  log_bytes:
    description: How much of the end of each log is taken.
    type: int
    default: 262144
  log_paths:
    description: Logs besides those of PM2 and its apps; patterns such as C(/srv/app/logs/*.log) are allowed.
    type: list
    elements: path
    default: [/var/log/nginx/error.log]
  journal_lines:
    description: How many lines of the last hour of the journal are taken, of the units and of the kernel each.
    type: int
    default: 2000
  units:
    description: Patterns of the units whose journal is taken.
    type: list
    elements: str
    default: ['postgresql*', 'redis*', 'nginx*', 'pm2-*']
  app_root:
    description: Where the releases of the app are.
    type: path
    default: /opt/vendhub
  state_directory:
    description: The folder of the collection's state on the host, whose records are taken.
    type: path
    default: /var/lib/vendhub-ops
  nginx_root:
    description: The folder of nginx' configuration; only server names, addresses and certificates are taken from it.
    type: path
    default: /etc/nginx
  certificate_paths:
    description: Certificates besides those that nginx names and those of certbot; only names and dates are taken.
    type: list
    elements: path
    default: []
  health_urls:
    description: Health pages to ask once each.
    type: list
    elements: str
    default: []
  env_files:
    description: Environment files of the apps. They are not in the bundle; what they keep secret is hidden in it.
    type: list
    elements: path
    default: [/opt/vendhub/shared/.env.production]
  pm2:
    description:
      - The PM2 whose processes and logs are taken. Without it PM2 is not looked at.
      - The options are those of M(vendhub.ops.pm2_check); its limits of time give way to
        O(item_seconds).
    type: dict
    suboptions:
      home:
        description:
          - The PM2 home, as in the environment variable E(PM2_HOME).
          - Without it C(.pm2) in the home of O(pm2.owner) is used.
        type: path
      owner:
        description:
          - The user whose PM2 is looked at. Without it, and without O(pm2.home), the user
            who runs the module.
          - The module must run as this user or as root.
        type: str
      apps:
        description:
          - The apps that must be there. Without any, every app in PM2's list must be online.
          - Other apps in the list give a warning when they are broken, never more.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: The name of the app in PM2.
            type: str
            required: true
          instances:
            description: How many processes must be online; without it, as many as PM2 lists.
            type: int
          port:
            description:
              - The port that the app (in cluster mode PM2's daemon) must own.
              - Seeing the owner needs the rights of the app's user or of root.
            type: int
      program:
        description:
          - The C(pm2) program, for its version and as a second way to read a daemon of an
            unknown dialect.
          - Without it the search path and the usual global folders are looked at.
        type: path
      timeout_seconds:
        description: How long the daemon may take to answer.
        type: float
        default: 5.0
  postgresql:
    description:
      - The PostgreSQL server whose sessions and settings are taken. Without it none is asked.
      - The options are those of M(vendhub.ops.postgresql_check); its limits of time give
        way to O(item_seconds).
    type: dict
    suboptions:
      host:
        description: Name or address of the server, or the folder of its socket.
        type: str
        default: 127.0.0.1
      port:
        description: Port of the server.
        type: int
        default: 5432
      user:
        description: The role to log in as. A role with C(pg_monitor) is enough for all checks.
        type: str
        default: vendhub
      password:
        description:
          - Password of the role.
          - Without it, C(PGPASSWORD) and C(~/.pgpass) of the managed host are used, as C(psql)
            does.
        type: str
      database:
        description: The database to log in to.
        type: str
        default: vendhub_prod
      sslmode:
        description: Whether TLS is used and how much the server's certificate must prove,
          as libpq defines it.
        type: str
        choices:
          - disable
          - allow
          - prefer
          - require
          - verify-ca
          - verify-full
        default: prefer
      ca_path:
        description: File of trusted certificates, instead of C(~/.postgresql/root.crt).
        type: path
      timeout_seconds:
        description: How long everything together may take.
        type: float
        default: 5
      statements:
        description:
          - Whether slow statements are looked for with the extension C(pg_stat_statements)
            in O(postgresql.database).
          - V(auto) looks when the extension works; V(required) makes it state V(unknown)
            when it does not; V(off) never looks.
        type: str
        choices:
          - auto
          - required
          - 'off'
        default: auto
      statement_min_calls:
        description: A statement called less often than this since the statistics were reset
          is not judged.
        type: int
        default: 20
      lock_wait_seconds:
        description: A session that has waited for a lock for no longer than this is not counted
          as blocked.
        type: float
        default: 1
  redis:
    description:
      - The Redis server whose state is taken. Without it none is asked.
      - The options are those of M(vendhub.ops.redis_check); its limits of time give way to
        O(item_seconds).
    type: dict
    suboptions:
      host:
        description: Name or address of the server.
        type: str
        default: 127.0.0.1
      port:
        description: Port of the server.
        type: int
        default: 6379
      unix_socket:
        description: Path of the server's socket, instead of O(redis.host) and O(redis.port).
        type: path
      username:
        description: User of the access control list (Redis 6 or newer).
        type: str
      password:
        description:
          - Password of the user, or of the server.
          - Without it, the environment variable E(REDISCLI_AUTH) of the managed host is used,
            as C(redis-cli) does.
        type: str
      database:
        description: Number of the logical database.
        type: int
        default: 0
      tls:
        description: Speak TLS.
        type: bool
        default: false
      validate_certs:
        description: Refuse a certificate that is not trusted or has another name.
        type: bool
        default: true
      ca_path:
        description: File of trusted certificates, instead of the system's.
        type: path
      client_cert_path:
        description: File of the client's certificate.
        type: path
      client_key_path:
        description: File of the client's private key.
        type: path
      timeout_seconds:
        description: How long everything together may take.
        type: float
        default: 5
      latency_samples:
        description: How many C(PING)s are timed.
        type: int
        default: 10
      protect_queues:
        description: Warn about an eviction policy that may throw away jobs of queues (V(allkeys-*)).
        type: bool
        default: true
      config_file:
        description:
          - Whether the running configuration is compared with the file the server was started
            with.
          - V(auto) compares when the server is on this host and has such a file; V(required)
            makes it state V(unknown) when that is not possible; V(off) never compares.
        type: str
        choices:
          - auto
          - required
          - 'off'
        default: auto
attributes:
  check_mode:
    description: Says what would be collected and where to, collects and writes nothing.
    support: full
  diff_mode:
    description: A bundle is new each time, there is nothing to compare.
    support: none
  idempotent:
    description: Each run adds a bundle, and is therefore changed.
    support: none
seealso:
  - module: vendhub.ops.health_check
"""

EXAMPLES = r"""
- name: Save the evidence before anything is repaired
  vendhub.ops.evidence:
    name: recover
    fetch_to: "{{ playbook_dir }}/evidence"
    health_urls: [http://127.0.0.1:3000/health]
    pm2:
      owner: vendhub
    postgresql:
      user: vendhub_monitor
      password: "{{ vault_postgresql_password }}"
    redis:
      password: "{{ vault_redis_password }}"
"""

RETURN = r"""
msg:
  description: What was collected, what could not be, and where it is.
  returned: always
  type: str
  sample: "16 items in 1.2 s, 1 not complete (redis):
    /var/lib/vendhub-ops/evidence/20260102T030405Z-recover/evidence.tar.gz"
items:
  description: The names of what is, or in check mode would be, collected.
  returned: when the options are valid
  type: list
  elements: str
  sample: [secrets, host, disks]
incomplete:
  description: The items that could not be collected whole, each with the reason.
  returned: when a bundle was made
  type: dict
  sample: {"redis": "connection refused, nothing listens there; start Redis or correct the address"}
archive:
  description: The bundle on the host.
  returned: when a bundle was made
  type: str
  sample: /var/lib/vendhub-ops/evidence/20260102T030405Z-recover/evidence.tar.gz
folder:
  description: The folder of the bundle and its manifest on the host.
  returned: when a bundle was made
  type: str
  sample: /var/lib/vendhub-ops/evidence/20260102T030405Z-recover
sha256:
  description: The SHA-256 of the bundle.
  returned: when a bundle was made
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
bytes:
  description: The size of the bundle.
  returned: when a bundle was made
  type: int
  sample: 182044
seconds:
  description: How long it took on the host.
  returned: when a bundle was made
  type: float
  sample: 1.204
fallback:
  description: Why the bundle is not in O(directory); empty when it is.
  returned: when a bundle was made
  type: str
  sample: ""
removed:
  description: The older bundles that were removed.
  returned: when a bundle was made
  type: list
  elements: str
  sample: []
manifest:
  description: Name, size, SHA-256, seconds and error of each item; C(manifest.json) beside the bundle is the same.
  returned: when a bundle was made
  type: dict
  sample: {"format": 1, "name": "recover", "collected_at": "2026-01-02T03:04:05Z", "items": []}
fetched:
  description: The bundle on the controller; empty when it could not be fetched, which RV(msg) then tells.
  returned: with O(fetch_to)
  type: str
  sample: /srv/evidence/app1/20260102T030405Z-recover/evidence.tar.gz
index:
  description: The page over all hosts on the controller.
  returned: when the bundle was fetched
  type: str
  sample: /srv/evidence/index.html
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import OpsError
from ansible_collections.vendhub.ops.plugins.module_utils._core.redact import secrets_in
from ansible_collections.vendhub.ops.plugins.module_utils._evidence import collect, told
from ansible_collections.vendhub.ops.plugins.module_utils._evidence.options import OPTIONS


def main() -> None:
    """Collect, or say what would be."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    module.no_log_values.update(secrets_in(module.params))
    try:
        if module.check_mode:
            module.exit_json(**told.plan(collect.planned(module.params), module.params["directory"]))
        answer = told.answer(collect.collect(module.params))
    except OpsError as exc:
        module.fail_json(msg=f"no evidence was saved: {exc}")
    if answer["fallback"]:
        module.warn(f"the evidence is not in {module.params['directory']}: {answer['fallback']}")
    module.exit_json(**answer)


if __name__ == "__main__":
    main()
