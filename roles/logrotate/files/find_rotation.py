# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say on stdout, as JSON, who else rotates the logs of these patterns, and what is left for us. Reads only."""

from __future__ import annotations

import argparse
import fnmatch
import glob
import hashlib
import json
import os
import re
import shlex
import sys
import typing as t

MODULE = "pm2-logrotate"
MARK = "vendhub.ops.logrotate"  # the template of our configuration says it in a comment
# what logrotate passes over in a folder that it includes; logrotate.conf may name more
IGNORED = (
    "*,v", "*.bak", "*.cfsaved", "*.disabled", "*.dpkg-bak", "*.dpkg-del", "*.dpkg-dist", "*.dpkg-new", "*.dpkg-old",
    "*.dpkg-tmp", "*.rhn-cfg-tmp-*", "*.rpmnew", "*.rpmorig", "*.rpmsave", "*.swp", "*.ucf-dist", "*.ucf-new",
    "*.ucf-old", "*~",
)
PM2_LOG = re.compile(rb'pm_(?:out_|err_)?log_path"?\s*[:=]\s*"?(/[^"\0\n]+)')


def read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


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


def covers(ours: str, theirs: str) -> bool:
    """Whether every log that the one pattern may name is named by ours."""
    folder, name = os.path.split(theirs)
    return any(one.count("/") == ours.count("/") and all(map(fnmatch.fnmatchcase, one.split("/"), ours.split("/")))
               for one in (theirs, os.path.join(os.path.realpath(folder), name)))


def ignored(text: str) -> list[str]:
    """The names of files that logrotate passes over, with those that its main configuration adds or puts instead."""
    patterns = {"tabooext": list(IGNORED), "taboopat": []}
    for key, more, words in re.findall(r"^\s*(tabooext|taboopat)\s*(\+?)\s*(.+)$", text, re.MULTILINE):
        named = [("*" + word if key == "tabooext" else word) for word in re.split(r"[\s,]+", words) if word]
        patterns[key] = patterns[key] + named if more else named
    return patterns["tabooext"] + patterns["taboopat"]


def configurations(main: str, folder: str) -> list[str]:
    """The files that logrotate reads."""
    passed_over = ignored(read(main)) if os.path.isfile(main) else list(IGNORED)
    return [path for path in [main, *sorted(glob.glob(os.path.join(folder, "*")))] if os.path.isfile(path)
            and not any(fnmatch.fnmatchcase(os.path.basename(path), one) for one in passed_over)]


def others(ours: t.Sequence[str], own_file: str, files: t.Iterable[str]) -> list[str]:
    said = []
    for path in sorted(files):
        if os.path.realpath(path) == os.path.realpath(own_file):
            continue
        theirs = patterns_of(read(path))
        both = sorted({pattern for pattern in theirs for one in ours if overlap(one, pattern)})
        if both:
            said.append(f"{path} rotates {', '.join(both)}")
    return said


def dropped(ours: t.Sequence[str], text: str) -> list[str]:
    """What a configuration rotates that ours would not."""
    return [one for one in patterns_of(text) if not any(covers(pattern, one) for pattern in ours)]


# --- PM2's own module ---


def texts_of_pm2(home: str) -> t.Iterator[bytes]:
    """What names the logs of the apps of a PM2 home: those it has saved, and those that run."""
    uid = os.stat(home).st_uid
    paths = [os.path.join(home, "dump.pm2")]
    paths += [f"/proc/{pid}/environ" for pid in os.listdir("/proc") if pid.isdigit()]
    for path in paths:
        try:
            if os.stat(path).st_uid == uid:
                with open(path, "rb") as file:
                    yield file.read()
        except OSError:
            continue  # it was never saved, or ended meanwhile


def logs_named(texts: t.Iterable[bytes]) -> set[str]:
    return {os.fsdecode(path) for text in texts for path in PM2_LOG.findall(text) if path != b"/dev/null"}


def is_of_pm2(path: str, home: str, logs: t.Iterable[str]) -> bool:
    """Whether a file is rotated by PM2's module, or is one of its old generations."""
    real = os.path.realpath(path)
    theirs = [os.path.realpath(log) for log in logs]
    return (real.startswith(os.path.realpath(home) + os.sep) or real in theirs
            or any(real.startswith(os.path.splitext(log)[0] + "__") for log in theirs))


def rest_of(patterns: t.Iterable[str], home: str, logs: t.Collection[str]) -> dict[str, list[str]]:
    """What is left to rotate for each pattern: itself, or by name the logs in it that are not PM2's."""
    found = {}
    for pattern in patterns:
        apart = pattern.startswith(home + os.sep) or any(overlap(pattern, log) for log in logs)
        found[pattern] = (sorted(path for path in glob.glob(pattern) if not is_of_pm2(path, home, logs)) if apart
                          else [pattern])
    return found


def main(argv: t.Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--own", required=True, help="our own configuration")
    parser.add_argument("--home", default="", help="the PM2 home whose module shall keep its logs")
    parser.add_argument("patterns", nargs="*")
    options = parser.parse_args(argv)
    home = os.path.normpath(options.home) if options.home else ""
    module = bool(home) and os.path.isdir(os.path.join(home, "modules", MODULE))
    rest = {pattern: [pattern] for pattern in options.patterns}
    if module:
        rest = rest_of(options.patterns, home, logs_named(texts_of_pm2(home)))
    ours = [pattern for patterns in rest.values() for pattern in patterns]
    own = read(options.own) if os.path.isfile(options.own) else ""
    foreign = bool(own) and MARK not in own
    sys.stdout.write(json.dumps({
        "others": others(ours, options.own, configurations("/etc/logrotate.conf", "/etc/logrotate.d")),
        "module": module,
        "rest": rest,
        "apart": [one for one, left in rest.items() if left != [one] and not one.startswith(home + os.sep)],
        "foreign": foreign,
        "sum": hashlib.sha256(own.encode()).hexdigest()[:8],
        "dropped": dropped(options.patterns, own) if foreign else [],
    }) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
