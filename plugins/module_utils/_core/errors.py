# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What can go wrong while looking at a service, in words an operator understands."""

from __future__ import annotations


class OpsError(Exception):
    """What failed, on what, why, and what to do; the text is shown as it is and never holds a secret."""


class ServiceDown(OpsError):
    """The service itself does not work: a verdict (critical), not a failure of the check."""


class CannotLook(OpsError):
    """The check could not look (library, permission, login): unknown, and a failed single-subject module."""


class BadOption(OpsError):
    """An option the user gave makes no sense."""
