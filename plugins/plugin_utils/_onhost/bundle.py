# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin util is private to the collection.
"""Pack the checks into one file that runs on a host with nothing but Python and the client libraries."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

PACKAGE = "vendhub_ops"
MAIN = f"import os, sys\nfrom {PACKAGE}._health.script import main\ncode = main()\nsys.stdout.flush()\nos._exit(code)\n"
# the earliest time a zip knows: the same code gives the same bytes, so that installing it again changes nothing
EPOCH = (1980, 1, 1, 0, 0, 0)


def bundle(module_utils: Path) -> bytes:
    """A Python zip application out of the collection's ``plugins/module_utils``; Ansible's own edge stays out."""
    packed = io.BytesIO()
    packed.write(b"#!/usr/bin/env python3\n")
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sorted(_sources(module_utils).items()):
            archive.writestr(zipfile.ZipInfo(name, EPOCH), text, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _sources(module_utils: Path) -> dict[str, bytes]:
    found = {"__main__.py": MAIN.encode(), f"{PACKAGE}/__init__.py": b""}
    for path in module_utils.glob("_*/*.py"):
        if (path.parent.name, path.name) != ("_core", "module.py"):
            found.setdefault(f"{PACKAGE}/{path.parent.name}/__init__.py", b"")  # a zip knows no implicit packages
            found[f"{PACKAGE}/{path.parent.name}/{path.name}"] = path.read_bytes()
    return found
