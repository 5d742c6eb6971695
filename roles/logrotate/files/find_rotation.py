# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say on stdout, as a JSON list of sentences, who else rotates the logs of these patterns. Reads only."""

from __future__ import annotations

import argparse
import fnmatch
import glob
import json
import os
import shlex
import sys
import typing as t

MODULE = "pm2-logrotate"


def patterns_of(text: str) -> list[str]:
    """The log patterns that a logrotate configuration names, outside of its blocks and scripts."""
    found: list[str] = []
    waiting: list[str] = []
    inside = False
    for line in text.splitlines():
        words = line.strip()
        if not words or words.startswith("#"):
            continue
        if inside:
            inside = words != "}"
            continue
        head, brace, tail = words.partition("{")
        try:
            waiting += [word for word in shlex.split(head) if word.startswith("/")]
        except ValueError:
            continue  # an apostrophe that opens nothing: no list of logs
        if brace:
            found += waiting
            inside = not tail.rstrip().endswith("}")
        if brace or not words.startswith(("/", '"', "'")):
            waiting = []
    return found


def overlap(one: str, other: str) -> bool:
    """Whether two patterns name the same log, today or tomorrow."""
    pairs = list(zip(one.split("/"), other.split("/")))
    if one.count("/") == other.count("/") and all(fnmatch.fnmatchcase(a, b) or fnmatch.fnmatchcase(b, a)
                                                  for a, b in pairs):
        return True
    return bool({os.path.realpath(path) for path in glob.glob(one)}
                & {os.path.realpath(path) for path in glob.glob(other)})


def others(ours: t.Sequence[str], own_file: str, configurations: t.Iterable[str]) -> list[str]:
    said = []
    for path in sorted(configurations):
        if os.path.realpath(path) == os.path.realpath(own_file) or not os.path.isfile(path):
            continue
        with open(path, encoding="utf-8", errors="replace") as file:
            theirs = patterns_of(file.read())
        both = sorted({pattern for pattern in theirs for one in ours if overlap(one, pattern)})
        if both:
            said.append(f"{path} rotates {', '.join(both)}")
    return said


def pm2_module(home: str) -> list[str]:
    """PM2's own module, which rotates the logs of all apps of its home."""
    if home and os.path.isdir(os.path.join(home, "modules", MODULE)):
        return [f"the PM2 module {MODULE} in {home} rotates the logs of its apps"]
    return []


def main(argv: t.Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--own", required=True, help="our own configuration")
    parser.add_argument("--home", default="", help="the PM2 home")
    parser.add_argument("--configuration", nargs="*", default=["/etc/logrotate.conf", "/etc/logrotate.d/*"])
    parser.add_argument("patterns", nargs="*")
    options = parser.parse_args(argv)
    configurations = [path for pattern in options.configuration for path in glob.glob(pattern)]
    found = pm2_module(options.home) + others(options.patterns, options.own, configurations)
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
