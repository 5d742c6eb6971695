# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Read what the kernel and configuration files show (pure)."""

from __future__ import annotations

import ipaddress
import json
import re
import typing as t
import urllib.parse

from .._core.redact import HIDDEN, redact, secrets_in

LISTEN = "0A"
_TELLING = r"pass|pwd|secret|token|key|credential|cookie|salt|auth|dsn"
_SECRET_FLAG = re.compile(rf"^--?[\w-]*(?:{_TELLING})[\w-]*$", re.IGNORECASE)
_PATH = re.compile(r"/(?:etc|var|opt|run|home|usr|root|srv|tmp|mnt)/")  # where a secret lies, not what it is
_SECRET_NAME = re.compile(rf"{_TELLING}|_ur[il]$|^ur[il]$", re.IGNORECASE)
# programs whose short options carry a credential
_SHORT_FLAGS = {"redis-cli": ("-a",), "redis-benchmark": ("-a",), "curl": ("-u", "-U", "-H", "--user"),
                "wget": ("--header",), "mysql": ("-p",), "sshpass": ("-p",)}
_SHORTEST = 8  # shorter values are words of every text; they are found by what stands before them
_HIDDEN_VALUE = re.compile(rf'^(\s*"[^"\n]*": ){re.escape(HIDDEN)}(,?)$', re.MULTILINE)
_BEGIN, _END = (re.compile(rf"-----{word} [A-Z0-9 ]{{0,40}}PRIVATE KEY(?: BLOCK)?-----") for word in ("BEGIN", "END"))
# as in a file, or behind the time and name that a logger puts before each line
_KEY_LINE = re.compile(r"(?:.{0,80}[\s|:\]])?[A-Za-z0-9+/]{24,}={0,2}\s*|\s*[A-Za-z0-9+/]{1,100}={0,2}\s*")
_KEY_HEADER = re.compile(r"(?:.{0,80}[\s|:\]])?(?:Proc-Type|DEK-Info|Version|Comment): .{0,100}|\s*")
_ONE_LINE = re.compile(rf"{_BEGIN.pattern}.{{0,20000}}?{_END.pattern}")  # as in JSON, its line feeds spelled
_KEY_LINES = 400
_ENV_LINE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$")


class Listener(t.NamedTuple):
    """A port on which somebody listens."""

    address: str
    port: int
    uid: int
    inode: str


class Process(t.NamedTuple):
    """One line of /proc/<pid>/stat."""

    name: str
    state: str
    parent: int
    ticks: int
    started: int
    rss_pages: int


def listeners(table: str) -> list[Listener]:
    """The listeners of one /proc/net/tcp or tcp6 table (proc_net_tcp(5))."""
    found = []
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and fields[3] == LISTEN:
            address, _colon, port = fields[1].rpartition(":")
            found.append(Listener(_address(address), int(port, 16), int(fields[7]), fields[9]))
    return found


def _address(text: str) -> str:
    # 32-bit words, each in the processor's order, which is little-endian wherever this runs
    words = bytes.fromhex(text)
    swapped = b"".join(words[at:at + 4][::-1] for at in range(0, len(words), 4))
    return str(ipaddress.ip_address(swapped))


def process(stat: str) -> Process:
    """A process (proc_pid_stat(5)); ValueError when the line is cut."""
    head, found, tail = stat.rpartition(")")
    fields = tail.split()
    if not found or len(fields) < 22:
        raise ValueError("not a process")
    return Process(head.partition("(")[2], fields[0], int(fields[1]), int(fields[11]) + int(fields[12]),
                   int(fields[19]), int(fields[21]))


def command(arguments: t.Sequence[str], longest: int = 300) -> str:
    """A command line as people may read it."""
    program = arguments[0].rpartition("/")[2] if arguments else ""
    short = _SHORT_FLAGS.get(program, ())
    shown: list[str] = []
    hide = False
    for argument in arguments:
        shown.append(HIDDEN if hide else argument)
        hide = not hide and (bool(_SECRET_FLAG.match(argument)) or argument in short)
    text = redact(" ".join(shown).replace("\n", " "))
    if len(text) <= longest:
        return text
    return text[:max(0, text.rfind(" ", 0, longest))] + " …"  # a secret that is torn would not be known again


def secret_values(variables: t.Iterable[tuple[str, str]]) -> set[str]:
    """The values of an environment that must be seen nowhere: those of secret names, and passwords inside URLs."""
    found: set[str] = set()
    for name, value in variables:
        found |= {one for one in secrets_in(value) if len(one) >= 4}
        if _SECRET_NAME.search(name) and len(value) >= _SHORTEST and "://" not in value \
                and not _PATH.match(value):
            found.add(value)
    return found


def environment(block: str) -> list[tuple[str, str]]:
    """The variables of a /proc/<pid>/environ."""
    pairs = (entry.partition("=") for entry in block.split("\0"))
    return [(name, value) for name, found, value in pairs if found]


def env_file(text: str) -> list[tuple[str, str]]:
    """The variables of a .env file; each value with and without the quotes around it and a comment behind it."""
    found = []
    for line in text.splitlines():
        match = _ENV_LINE.match(line)
        if match:
            name, value = match.groups()
            found += [(name, value), (name, value.strip("\"'")), (name, value.partition(" #")[0].strip().strip("\"'"))]
    return found


def spellings(secret: str) -> set[str]:
    """How a secret looks in text, in JSON and in a URL."""
    in_json = {json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    return {secret, *in_json, urllib.parse.quote(secret, safe=""), urllib.parse.quote_plus(secret)}


class Site(t.NamedTuple):
    """What one nginx file serves."""

    names: tuple[str, ...]
    listens: tuple[str, ...]
    certificates: tuple[str, ...]


_COMMENT = re.compile(r"(?:^|(?<=[\s;{}]))#[^\n]*")
_DIRECTIVE = re.compile(r"(?:^|(?<=[\s;{}]))(server_name|listen|ssl_certificate)\s+([^;{}]{1,4000});")


def site(text: str) -> Site:
    """The server names, addresses and certificates of an nginx file."""
    found: dict[str, list[str]] = {"server_name": [], "listen": [], "ssl_certificate": []}
    for name, value in _DIRECTIVE.findall(_COMMENT.sub("", text)):
        words = " ".join(value.split())
        found[name] += words.split() if name == "server_name" else [words]
    return Site(*(tuple(dict.fromkeys(found[name])) for name in ("server_name", "listen", "ssl_certificate")))


def whole_lines(text: str, from_start: bool) -> t.Optional[str]:
    """The text from the first line that is whole; None when there is none.

    What precedes the cut may be the word that makes the rest of that line a secret.
    """
    if from_start:
        return text
    _torn, found, rest = text.partition("\n")
    return rest if found else None


def without_keys(text: str) -> str:
    """The text without private keys (PEM), also where the text begins or ends in the middle of one."""
    if "PRIVATE KEY" not in text:
        return text
    lines = text.split("\n")
    kept: list[str] = []
    inside = 0
    for whole_line in lines:
        line = _ONE_LINE.sub(HIDDEN, whole_line)
        begin, end = _BEGIN.search(line), _END.search(line)
        if end:
            if not inside:  # its beginning was cut off
                least = max(0, len(kept) - _KEY_LINES)
                while len(kept) > least and _KEY_LINE.fullmatch(kept[-1]):
                    kept.pop()
                kept.append(HIDDEN)
            inside = 0
            kept.append(line[end.end():])
        elif begin:
            kept.append(line[:begin.start()] + HIDDEN)
            inside = _KEY_LINES
        elif inside and (_KEY_LINE.fullmatch(line) or _KEY_HEADER.fullmatch(line)):
            inside -= 1
        else:
            inside = 0
            kept.append(line)
    return "\n".join(kept)


def quoted(text: str) -> str:
    """JSON with a line for each key, whose hidden values are JSON again."""
    return _HIDDEN_VALUE.sub(rf'\1"{HIDDEN}"\2', text)


def cut(text: str, most_bytes: int) -> tuple[bytes, bool]:
    """The text as UTF-8, at most that long, and whether something is missing at its end."""
    data = text.encode("utf-8", "replace")
    if len(data) <= most_bytes:
        return data, False
    note = b"\n[cut here: the limit of size]\n"
    kept = data[:max(0, most_bytes - len(note))].decode("utf-8", "ignore").encode()
    return kept + note[:most_bytes - len(kept)], True
