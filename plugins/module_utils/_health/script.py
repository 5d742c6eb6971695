# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The daily check without a controller: ``daily-check.sh [--config FILE] [--json]`` on the host itself."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import typing as t

from .._core.errors import BadOption
from .._core.subject import look
from .._core.thresholds import Thresholds
from .._core.verdict import State
from .compose import OPTIONS, compose
from .options import filled
from .overall import overall
from .terminal import EXIT_CODES, exit_code, page

CONFIG = "/etc/vendhub-ops/daily-check.json"
SPEC: dict[str, t.Any] = {**OPTIONS, "thresholds": {"type": "dict", "default": {}}}


def main(arguments: t.Optional[t.Sequence[str]] = None) -> int:
    """Look, print, and return the exit code: 0 ok, 1 warning, 2 critical, 3 unknown or a bad configuration."""
    parser = argparse.ArgumentParser(prog="daily-check.sh", description="VendHub's daily health check of this host.")
    parser.add_argument("--config", default=CONFIG, help="the options of health_check as JSON (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON")
    given = parser.parse_args(arguments)
    try:
        options = configuration(given.config)
        subjects = compose(options, Thresholds(options["thresholds"]))
    except BadOption as exc:
        sys.stderr.write(f"daily-check.sh: {exc}\n")
        return EXIT_CODES[State.UNKNOWN]
    answers = look(subjects)
    verdicts = [answer.verdict for answer in answers]
    if given.json:
        sys.stdout.write(json.dumps(overall(os.uname().nodename, answers)) + "\n")
    else:
        sys.stdout.write(page(verdicts, time.strftime("%Y-%m-%d %H:%M:%S %Z")))
    sys.stdout.flush()
    return exit_code(verdicts)


def configuration(path: str) -> dict[str, t.Any]:
    """The options in a file, checked and with their defaults; BadOption says what is wrong with it."""
    try:
        with open(path, encoding="utf-8") as file:
            given = json.load(file)
    except OSError as exc:
        raise BadOption(f"{path}: {exc.strerror}; it is written by the role vendhub.ops.daily_check_script") from exc
    except ValueError as exc:
        raise BadOption(f"{path} is not JSON: {exc}") from exc
    options = filled(SPEC, given, path)
    if all(options[name] is None for name in OPTIONS):
        raise BadOption(f"{path} names nothing to look at; it may have {', '.join(OPTIONS)}")
    return options
