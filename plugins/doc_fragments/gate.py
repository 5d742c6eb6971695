# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stability gate asks for: as options of a module, and below the option ``gate`` of one that changes apps."""

from __future__ import annotations


class ModuleDocFragment:
    """The same text at two depths; sanity tests read only plain strings."""

    DOCUMENTATION = r"""
options:
  watch_seconds:
    description: How long everything must hold without a break. V(0) asks for one good look.
    type: float
    default: 30.0
  deadline_seconds:
    description: When it must be proven; it must be longer than the watch and the start of the app together.
    type: float
    default: 120.0
  interval_seconds:
    description:
      - How long to wait between two looks; each asks the health page once.
      - After an answer 429 the wait doubles, and a C(Retry-After) is followed up to 10 seconds.
    type: float
    default: 1.0
  restarts_allowed:
    description: How many restarts may be seen before it is called unstable; each begins the watch anew.
    type: int
    default: 0
  port:
    description: The port that a process of the apps (in cluster mode PM2's daemon) must own.
    type: int
  url:
    description: The health page. Without it health and served release are not looked at.
    type: str
  expect:
    description:
      - JMESPath expressions over the JSON body of the health page. Each must be true (not only truthy).
      - Without this option a JSON body must satisfy C(status == 'ok'), and any other body is judged by its status code.
    type: list
    elements: str
  release_expression:
    description: JMESPath expression for the served release in the health page's body.
    type: str
  release_expected:
    description: The release that must be served.
    type: str
  release_folder:
    description:
      - The folder of the release that must run, links followed.
      - Each process must have been started in it (by the kernel's word, not by PM2's list), or run a script in it.
      - A folder below it counts as well, but not one below its C(releases); there every folder is a release of its own.
    type: path
  good_answers:
    description: How many good health answers in a row are needed. An answer 429 is no success and no failure.
    type: int
    default: 3
  headers:
    description: Further request headers. The values of secret ones are never shown.
    type: dict
    default: {}
  answer_timeout_seconds:
    description: How long one whole health answer may take.
    type: float
    default: 5.0
  validate_certs:
    description: Whether an https certificate must be trusted and name the host.
    type: bool
    default: true
  ca_path:
    description: A file of further certificates to trust (PEM).
    type: path
"""

    APP = r"""
options:
  gate:
    suboptions:
      watch_seconds:
        description: How long everything must hold without a break. V(0) asks for one good look.
        type: float
        default: 30.0
      deadline_seconds:
        description: When it must be proven; it must be longer than the watch and the start of the app together.
        type: float
        default: 120.0
      interval_seconds:
        description:
          - How long to wait between two looks; each asks the health page once.
          - After an answer 429 the wait doubles, and a C(Retry-After) is followed up to 10 seconds.
        type: float
        default: 1.0
      restarts_allowed:
        description: How many restarts may be seen before it is called unstable; each begins the watch anew.
        type: int
        default: 0
      port:
        description: The port that a process of the apps (in cluster mode PM2's daemon) must own.
        type: int
      url:
        description: The health page. Without it health and served release are not looked at.
        type: str
      expect:
        description:
          - JMESPath expressions over the JSON body of the health page. Each must be true (not only truthy).
          - Without this option a JSON body must satisfy C(status == 'ok'), and any other body is judged by its
            status code.
        type: list
        elements: str
      release_expression:
        description: JMESPath expression for the served release in the health page's body.
        type: str
      release_expected:
        description: The release that must be served.
        type: str
      release_folder:
        description:
          - The folder of the release that must run, links followed.
          - Each process must have been started in it (by the kernel's word, not by PM2's list), or run a script in it.
          - A folder below it counts as well, but not one below its C(releases); there every folder is a release of
            its own.
        type: path
      good_answers:
        description: How many good health answers in a row are needed. An answer 429 is no success and no failure.
        type: int
        default: 3
      headers:
        description: Further request headers. The values of secret ones are never shown.
        type: dict
        default: {}
      answer_timeout_seconds:
        description: How long one whole health answer may take.
        type: float
        default: 5.0
      validate_certs:
        description: Whether an https certificate must be trusted and name the host.
        type: bool
        default: true
      ca_path:
        description: A file of further certificates to trust (PEM).
        type: path
"""
