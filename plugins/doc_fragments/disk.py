# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where room on a disk is looked for, and how much of it stays."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  kinds:
    description:
      - What may go; it goes in this order, of each kind the oldest first.
      - V(npm_cache) is what npm downloads again by itself; it stays while npm is at work.
      - V(docker_images) are dangling images, where there is Docker.
      - V(deleted_logs) are logs in the named folders that were deleted while a process writes them. They are emptied
        through that process's own descriptor, and PM2 is asked to open its logs anew.
      - V(rotated_logs) are old generations of logs in the named folders that nobody has open.
      - V(pm2_logs) are logs in PM2's folder that no app writes any more.
      - V(journal) are archived files of systemd's journal.
      - V(releases) are those that are not served, not among the newest, not one to go back to, and used by no process.
      - V(dumps) are verified dumps with enough newer verified ones of the same series.
      - V(live_logs) is the beginning of large logs that are written to, given back without touching the rest. The file
        keeps its length, so no writer notices; where the beginning was there are NUL bytes. Nothing does this unless
        it is named.
    type: list
    elements: str
    choices: [npm_cache, docker_images, deleted_logs, rotated_logs, pm2_logs, journal, releases, dumps, live_logs]
    default: [npm_cache, docker_images, deleted_logs, rotated_logs, pm2_logs, journal, releases, dumps]
  paths:
    description: Look only at the file systems on which these paths lie. By default at all that hold data.
    type: list
    elements: path
    default: []
  target_percent:
    description: How full a file system may be, in bytes as C(df) counts them, and in inodes.
    type: float
    default: 80
  target_free_bytes:
    description: How much free room is enough, however full the disk is; to have some to work with.
    type: int
  owner:
    description: The user of the application; V(npm_cache) and PM2 are in its home.
    type: str
    default: vendhub
  pm2_home:
    description: The home of PM2, when it is not C(.pm2) in the home of O(owner).
    type: path
  app_root:
    description: Where C(releases) and C(current) of the application are.
    type: path
    default: /opt/vendhub
  state_directory:
    description: Where the ledger of the releases is.
    type: path
    default: /var/lib/vendhub-ops
  log_directories:
    description: Folders of logs beside PM2's own, with three levels below them.
    type: list
    elements: path
    default: [/opt/vendhub/shared/logs, /opt/vendhub/logs, /var/log/nginx]
  log_days:
    description: How many days an old generation of a log stays; a log of PM2 that no app writes stays at least one.
    type: float
    default: 7
  log_keep:
    description: How many old generations of each log stay however old they are.
    type: int
    default: 1
  live_log_keep_bytes:
    description: How much of the end of a log stays for V(live_logs); shorter ones are left alone.
    type: int
    default: 67108864
  journal_directory:
    description: Where the journal is.
    type: path
    default: /var/log/journal
  journal_days:
    description: How many days of the journal stay.
    type: float
    default: 7
  releases_keep:
    description: How many of the newest releases stay, beside the served one and the one to go back to.
    type: int
    default: 3
  dump_directories:
    description: Folders of dumps, without what is below them.
    type: list
    elements: path
    default: [/opt/backups, /var/backups/vendhub]
  dump_patterns:
    description: Which files are dumps.
    type: list
    elements: str
    default: ['*.dump', '*.dump.age', '*.dump.gz', '*.sql.gz', '*.sql']
  dump_keep:
    description:
      - How many verified dumps of each series stay however old they are. A series are the dumps of one folder whose
        names differ only in their date; a dump without a date in its name is alone, so it stays.
    type: int
    default: 3
  npm_caches:
    description: The caches of npm; each is a folder called C(_cacache). By default those of O(owner) and of root.
    type: list
    elements: path
    default: []
  upload_directories:
    description: Folders with files of users. They are measured and told; nothing in them is ever removed.
    type: list
    elements: path
    default: [/opt/vendhub/shared/uploads]
  timeout_seconds:
    description: How long each part of the look may take.
    type: float
    default: 30
"""
