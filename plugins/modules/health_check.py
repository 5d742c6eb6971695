# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: health_check
short_description: Judge everything on a host in one look
version_added: 0.1.0
description:
  - Looks at all subjects that have options, concurrently and within their time limits,
    in one process.
  - A subject that fails, hangs or cannot be looked at never hides the others.
  - Use one task of this module per host instead of one task per check; it is many times
    faster.
author:
  - VendHub DevOps Team (@vendhub)
extends_documentation_fragment:
  - vendhub.ops.check
options:
  api:
    description:
      - HTTP services to look at. Its options are those of M(vendhub.ops.http_check).
    type: list
    elements: dict
    suboptions:
      name:
        description: What to call the API in findings and metrics. Without it, the URL without
          credentials and query.
        type: str
      url:
        description: The health page. A login in it is sent as basic authentication and
          never shown.
        type: str
        required: true
      readiness_url:
        description: The readiness page, asked once; any 2xx answer is ready. Without it
          readiness is not looked at.
        type: str
      expect:
        description:
          - JMESPath expressions over the JSON body of the health page. Each must be true
            (not only truthy).
          - Without this option a JSON body must satisfy C(status == 'ok'), and any other
            body is judged by its status code.
          - An empty list switches the expectation off. Any expression needs the Python
            library jmespath on the host.
        type: list
        elements: str
      release_expression:
        description: JMESPath expression for the served release in the health page's body.
        type: str
      release_expected:
        description: The release that should be served; another one is critical.
        type: str
      headers:
        description:
          - Further request headers. The values of C(Authorization), C(Cookie) and of names
            that end in C(-auth), C(-token), C(-key), C(-secret) or C(-password) are never
            shown.
        type: dict
        default: {}
      samples:
        description: How often the health page is asked.
        type: int
        default: 2
      sample_interval_seconds:
        description: How long to wait between two samples.
        type: float
        default: 0.0
      timeout_seconds:
        description: How long one whole answer may take, from the connection to the last
          byte.
        type: float
        default: 5.0
      validate_certs:
        description: Whether an https certificate must be trusted and name the host.
        type: bool
        default: true
      ca_path:
        description: A file of further certificates to trust (PEM).
        type: path
      redirects:
        description: How many redirects to follow. Logins and headers are not sent to another
          origin.
        type: int
        default: 0
  pm2:
    description:
      - The apps under PM2. Its options are those of M(vendhub.ops.pm2_check).
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
          - The C(pm2) program, for its version and as a second way to read a daemon of
            an unknown dialect.
          - Without it the search path and the usual global folders are looked at.
        type: path
      timeout_seconds:
        description: How long the daemon may take to answer.
        type: float
        default: 5.0
  postgresql:
    description:
      - The PostgreSQL server. Its options are those of M(vendhub.ops.postgresql_check).
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
        description: The role to log in as. A role with C(pg_monitor) is enough for all
          checks.
        type: str
        default: vendhub
      password:
        description:
          - Password of the role.
          - Without it, C(PGPASSWORD) and C(~/.pgpass) of the managed host are used, as
            C(psql) does.
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
        description: A session that has waited for a lock for no longer than this is not
          counted as blocked.
        type: float
        default: 1
  redis:
    description:
      - The Redis server. Its options are those of M(vendhub.ops.redis_check).
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
          - Without it, the environment variable E(REDISCLI_AUTH) of the managed host is
            used, as C(redis-cli) does.
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
  system:
    description:
      - Disks, memory and processors of the host. Its options are those of M(vendhub.ops.system_check).
    type: dict
    suboptions:
      mounts_ignore:
        description: Mount points that are not judged; shell patterns, where V(*) matches
          slashes too.
        type: list
        elements: str
        default: []
      cpu_sample_seconds:
        description: Over how long CPU use is measured.
        type: float
        default: 0.3
      timeout_seconds:
        description: How long mounts and open files may take to look at.
        type: float
        default: 5.0
  logs:
    description:
      - The logs; with O(pm2) the files of its apps are read too. Its options are those
        of M(vendhub.ops.log_check).
    type: dict
    suboptions:
      paths:
        description:
          - Log files or shell patterns. In the single-subject module at least one must
            be given.
          - Each log is judged by itself, its rotated files with it.
        type: list
        elements: path
        default: []
      window_hours:
        description: How far back an error counts.
        type: float
        default: 24
      patterns:
        description:
          - Regular expressions that make a line an error in addition to the rule above.
          - They are searched for in every line, which is slower than the rule itself.
        type: list
        elements: str
        default: []
      ignore:
        description: Regular expressions; an error whose first line matches one is not counted.
        type: list
        elements: str
        default: []
      max_bytes:
        description:
          - How much is read in all, small logs first; of a log that is larger than what
            is left its end is read.
          - Compressed logs count as what they unpack to.
        type: int
        default: 268435456
      untimed_bytes:
        description: How much is read from the end of a log whose lines have no time.
        type: int
        default: 4194304
      timeout_seconds:
        description: When reading stops; what was read until then is judged and reported
          as partial.
        type: float
        default: 20
  certificates:
    description:
      - TLS certificates, as served and on disk. Its options are those of M(vendhub.ops.certificate_check).
    type: list
    elements: dict
    suboptions:
      server:
        description: Host name of the TLS server. Without it only O(certificates.path) is
          looked at.
        type: str
      port:
        description: Port of the TLS server.
        type: int
        default: 443
      server_name:
        description: The name to ask for (SNI) and to expect in the certificate. Without
          it O(certificates.server).
        type: str
      address:
        description: Where to connect to, for a server behind a balancer or before its DNS
          exists. Without it O(certificates.server).
        type: str
      path:
        description:
          - The certificate on disk (PEM; the first certificate counts, as in C(fullchain.pem)).
          - At least one of O(certificates.server) and O(certificates.path) is needed.
        type: path
      ca_path:
        description: A file of further authorities to trust (PEM).
        type: path
      timeout_seconds:
        description: How long the server may take in all.
        type: float
        default: 5.0
  prometheus:
    description:
      - A Prometheus server that knows the API's latency and error rate. Its options are
        those of M(vendhub.ops.prometheus_check).
    type: dict
    suboptions:
      url:
        description: Where Prometheus lives, with its path prefix if it has one.
        type: str
        required: true
      username:
        description: User for basic authentication.
        type: str
      password:
        description: Password for basic authentication.
        type: str
      token:
        description: Bearer token, instead of a user and password.
        type: str
      requests_metric:
        description: The counter of requests, with the label C(status).
        type: str
        default: vendhub_http_requests_total
      duration_metric:
        description: The histogram of response times.
        type: str
        default: vendhub_http_request_duration_seconds_bucket
      selector:
        description: Further label matchers for both metrics, such as V(job="vendhub-backend").
        type: str
        default: ''
      latency_query:
        description: A PromQL expression of your own for the latency in seconds; one number.
        type: str
      error_query:
        description: A PromQL expression of your own for the errors in percent; one number.
        type: str
      window:
        description: How far back the queries look, as a Prometheus duration.
        type: str
        default: 5m
      min_requests:
        description: With fewer requests in the window nothing is judged.
        type: int
        default: 5
      timeout_seconds:
        description: How long Prometheus may take for all answers together.
        type: float
        default: 5.0
      validate_certs:
        description: Whether an https certificate must be trusted and name the host.
        type: bool
        default: true
      ca_path:
        description: A file of further certificates to trust (PEM).
        type: path
  backups:
    description:
      - Directories with database dumps. Its options are those of M(vendhub.ops.backup_check).
    type: list
    elements: dict
    suboptions:
      directory:
        description: The folder with the dumps; subfolders are not looked into.
        type: path
        required: true
      patterns:
        description: Shell patterns of the dumps' names.
        type: list
        elements: str
        default:
          - '*.dump'
          - '*.dump.age'
          - '*.dump.gz'
          - '*.sql.gz'
          - '*.sql'
      min_bytes:
        description: A smaller file is no dump.
        type: int
        default: 256
      timeout_seconds:
        description: How long the folder may take to be read.
        type: float
        default: 5.0
  host:
    description:
      - The name of the host in the verdict.
    type: str
    default: this host
seealso:
  - module: vendhub.ops.http_check
  - module: vendhub.ops.pm2_check
  - module: vendhub.ops.postgresql_check
  - module: vendhub.ops.redis_check
  - module: vendhub.ops.system_check
  - module: vendhub.ops.log_check
  - module: vendhub.ops.certificate_check
  - module: vendhub.ops.prometheus_check
  - module: vendhub.ops.backup_check
"""

EXAMPLES = r"""
- name: Judge a host that has everything
  vendhub.ops.health_check:
    api:
      - name: vendhub-api
        url: http://127.0.0.1:3000/health
        readiness_url: http://127.0.0.1:3000/health/ready
    pm2:
      owner: vendhub
      apps:
        - name: vendhub-api
          port: 3000
    postgresql:
      database: vendhub_prod
      user: vendhub_monitor
      password: "{{ vault_postgresql_monitor_password }}"
    redis:
      password: "{{ vault_redis_password }}"
    system: {}
    logs: {}
    backups:
      - directory: /opt/backups
    thresholds:
      disk_percent:
        warning: 70
  register: vendhub_health

- name: Fail when the database host is critical
  vendhub.ops.health_check:
    postgresql:
      database: vendhub_prod
      user: vendhub_monitor
      password: "{{ vault_postgresql_monitor_password }}"
    system: {}
    fail_on: critical
"""

RETURN = r"""
msg:
  description: The verdict in one sentence, or why there is none.
  returned: always
  type: str
  sample: 'api1: warning: disk / is 81 % full (warning above 80 %) (and 1 more)'
check:
  description: What kind of thing was looked at.
  returned: when the options are valid
  type: str
  sample: health
target:
  description: What was looked at, never with a credential.
  returned: when the options are valid
  type: str
  sample: api1
state:
  description: The worst state of all findings; V(ok), V(warning), V(unknown), V(critical)
    in order of severity.
  returned: when the check could look
  type: str
  sample: warning
findings:
  description: What was looked at, one by one, worst first.
  returned: when the check could look
  type: list
  elements: dict
  contains:
    check:
      description: Which check found it.
      type: str
      returned: always
    name:
      description: The name of the finding; a row of the threshold table when it has limits.
      type: str
      returned: always
      sample: redis_memory_percent
    state:
      description: The state of this finding.
      type: str
      returned: always
      sample: warning
    message:
      description: What was seen, in one sentence.
      type: str
      returned: always
      sample: 850 MiB of 1 GiB maxmemory used, policy noeviction (warning above 80 %)
    value:
      description: The measured value.
      type: raw
      returned: when something was measured
      sample: 83.0078
    unit:
      description: The unit of the value and its limits.
      type: str
      returned: when the value has a unit
      sample: percent
    warning:
      description: The limit past which the state is V(warning).
      type: float
      returned: when there is one
      sample: 80
    critical:
      description: The limit past which the state is V(critical).
      type: float
      returned: when there is one
      sample: 90
    object:
      description: Which of several things of a kind the finding is about.
      type: str
      returned: when there are several
    remedy:
      description: The playbook that repairs it.
      type: str
      returned: when the state is not V(ok) and there is such a playbook
      sample: vendhub.ops.free_redis_memory
    reason:
      description: Why a service does not work, as one word (C(absent), C(silent), C(exhausted),
        C(foreign), C(starting), C(full), C(stopped), C(errored)).
      type: str
      returned: when it does not work and the reason is known
      sample: absent
    details:
      description: Rows that support the finding.
      type: list
      elements: dict
      returned: when there are any
metrics:
  description: Flat numbers for trends and export, named like Prometheus samples without
    the prefix C(vendhub_).
  returned: when the check could look
  type: dict
  sample:
    redis_memory_used_bytes: 891289600
    redis_memory_percent: 83.0078
checks:
  description: One row per subject.
  returned: when the options are valid
  type: list
  elements: dict
  contains:
    check:
      description: The name of the check.
      type: str
      returned: always
    target:
      description: What was looked at.
      type: str
      returned: always
    state:
      description: The worst state of its findings.
      type: str
      returned: always
    msg:
      description: Its verdict in one sentence.
      type: str
      returned: always
started_at:
  description: When the look began, in UTC.
  returned: when the options are valid
  type: str
  sample: '2026-11-23T06:00:00Z'
duration_seconds:
  description: How long it took on the host.
  returned: when the options are valid
  type: float
  sample: 0.4
"""

import datetime
import time

from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import BadOption
from ansible_collections.vendhub.ops.plugins.module_utils._core.module import check_module, leave
from ansible_collections.vendhub.ops.plugins.module_utils._core.subject import look
from ansible_collections.vendhub.ops.plugins.module_utils._core.thresholds import Thresholds
from ansible_collections.vendhub.ops.plugins.module_utils._health.compose import OPTIONS, compose
from ansible_collections.vendhub.ops.plugins.module_utils._health.overall import overall


def main() -> None:
    module = check_module({**OPTIONS, "host": {"type": "str", "default": "this host"}},
                          required_one_of=[list(OPTIONS)])
    started, clock = datetime.datetime.now(datetime.timezone.utc), time.monotonic()
    try:
        subjects = compose(module.params, Thresholds(module.params["thresholds"]))
    except BadOption as exc:
        module.fail_json(msg=str(exc))
    verdict = overall(module.params["host"], look(subjects))
    leave(module, {
        **verdict,
        "started_at": started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "duration_seconds": round(time.monotonic() - clock, 3),
    })


if __name__ == "__main__":
    main()
