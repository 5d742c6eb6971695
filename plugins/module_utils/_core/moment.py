# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""When something happened on this host, so that its age stays right when the clock is set or the host restarts."""

from __future__ import annotations

import dataclasses
import datetime
import math
import typing as t


@dataclasses.dataclass(frozen=True)
class Moment:
    """``epoch`` is the clock's time; ``boot`` names the boot of the host, ``uptime`` is the seconds since it."""

    epoch: float
    boot: str = ""
    uptime: float = 0.0

    def as_dict(self) -> dict[str, t.Any]:
        return {"epoch": round(self.epoch, 3), "boot": self.boot, "uptime": round(self.uptime, 3)}


def parse(data: t.Any) -> Moment:
    """A moment out of a file; ValueError when it is none."""
    try:
        epoch, boot, uptime = float(data["epoch"]), str(data.get("boot", "")), float(data.get("uptime", 0.0))
    except (KeyError, TypeError, AttributeError) as exc:
        raise ValueError("it is no moment") from exc
    if not (math.isfinite(epoch) and math.isfinite(uptime)):
        raise ValueError("it is no moment")
    return Moment(epoch, boot, uptime)


def age(then: Moment, now: Moment) -> float:
    """The seconds between, never negative.

    Within one boot the kernel's own count decides, which nobody can set. Across boots the clock does; where it was set
    back since, the uptime is what is certain: the moment lies before this boot.
    """
    if then.boot and then.boot == now.boot:
        return max(0.0, now.uptime - then.uptime)
    certain = now.uptime if then.boot and now.boot else 0.0
    return max(0.0, certain, now.epoch - then.epoch)


def epoch(text: str) -> t.Optional[float]:
    """The time of a text that ``utc`` wrote; None for any other."""
    try:
        time = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return None
    return time.replace(tzinfo=datetime.timezone.utc).timestamp()


def utc(epoch: float) -> str:
    """A time as people and machines read it: 2026-01-02T03:04:05Z."""
    try:
        time = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc)
    except (OverflowError, ValueError, OSError):
        return "an impossible time"
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
