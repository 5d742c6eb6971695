# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What reindexing was begun last, on the host's disk, so that the next run knows what a broken one has left."""

from __future__ import annotations

import dataclasses
import json
import os
import typing as t

from .._core import files
from .._core.errors import OpsError
from .maintenance_plan import Begun

HISTORY = "postgresql_maintenance.jsonl"


def path(directory: str, system: str, database: int) -> str:
    """The journal of one database of one cluster: a restored or another one never takes it for its own."""
    return os.path.join(directory, f"postgresql_reindex_{system}_{database}.json")


def read(name: str) -> t.Optional[Begun]:
    """What was begun and not ended; None when nothing was. OpsError when that cannot be known."""
    try:
        with open(name, encoding="utf-8") as handle:
            fields = json.load(handle)
        return Begun(**{**fields, "before": tuple(fields["before"])})
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise OpsError(f"{name} cannot be read: {exc.strerror or exc}; become root") from exc
    except (ValueError, TypeError, KeyError) as exc:
        raise OpsError(f"{name} is no journal of a reindexing any more, so what that left cannot be told from others': "
                       "look for invalid indexes named _ccnew or _ccold yourself, then remove the file") from exc


def write(name: str, begun: Begun) -> None:
    """Durably, before the server begins."""
    files.private_folder(os.path.dirname(name))
    files.atomic_write(name, json.dumps(dataclasses.asdict(begun), indent=1, sort_keys=True) + "\n")


def clear(name: str) -> None:
    """Everything that was begun is ended, and nothing of it is left."""
    files.remove(name)


def note(directory: str, row: t.Mapping[str, t.Any]) -> None:
    """One line for what was done, for those who ask afterwards."""
    files.private_folder(directory)
    files.append_line(os.path.join(directory, HISTORY), json.dumps(row, sort_keys=True))
