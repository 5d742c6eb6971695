# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What time it is on this host."""

from __future__ import annotations

import time

from .moment import Moment


def now() -> Moment:
    """This moment, by the clock and by the kernel's count since the boot (which goes on while the host sleeps)."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot = file.read(64).strip()
    except OSError:
        boot = ""
    return Moment(time.time(), boot, time.clock_gettime(time.CLOCK_BOOTTIME) if boot else 0.0)
