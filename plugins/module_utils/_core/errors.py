# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What can go wrong while looking at a service, in words an operator understands."""

from __future__ import annotations

# Why a service does not work, as a word for programs; a finding carries it beside its sentence.
ABSENT = "absent"  # nothing listens there, no daemon runs
SILENT = "silent"  # it takes the question and does not answer: frozen, overloaded, or a firewall
EXHAUSTED = "exhausted"  # it takes no further connections
FOREIGN = "foreign"  # something else answers there
STARTING = "starting"  # it starts, recovers or shuts down
FULL = "full"  # it refuses writes for lack of memory or disk
STOPPED = "stopped"  # somebody stopped it
ERRORED = "errored"  # whoever starts it gave up


class OpsError(Exception):
    """What failed, on what, why, and what to do; the text is shown as it is and never holds a secret.

    ``reason`` is one of the words above, or empty.
    """

    def __init__(self, message: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class ServiceDown(OpsError):
    """The service itself does not work: a verdict (critical), not a failure of the check."""


class CannotLook(OpsError):
    """The check could not look (library, permission, login): unknown, and a failed single-subject module."""


class BadOption(OpsError):
    """An option the user gave makes no sense."""
