# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Who listens on a port, as everybody here asks for it."""

from __future__ import annotations

from .._core.listening import all_listeners, inode, listeners

__all__ = ["all_listeners", "inode", "listeners"]
