# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Ask a Redis server, with three commands that change nothing: INFO, CONFIG GET, PING."""

from __future__ import annotations

import errno
import glob
import inspect
import os
import socket
import time
import typing as t

from .._core.errors import ABSENT, EXHAUSTED, FOREIGN, FULL, SILENT, STARTING, CannotLook, OpsError, ServiceDown
from .._core.libs import need
from .._core.redact import redact
from .._core.unseen import Unseen
from .connection import Address
from .facts import COMPARED, Facts, Settings, file_settings, normal, parse_info

Word = t.Union[str, bytes, int]

_LINES_BYTES = 1024 * 1024
_INCLUDE_DEPTH = 5

# the first word of an error reply -> what it means; these are states of the server
_TROUBLE = {
    "LOADING": "is loading its data into memory and answers no commands yet",
    "MASTERDOWN": "is a replica that lost its master and refuses to answer with old data",
    "MISCONF": "refuses writes because its last snapshot could not be written: look at its log, its disk and rights",
    "OOM": "refuses writes because maxmemory is used up",
    "BUSY": "is busy with a script or function that does not end (SCRIPT KILL or FUNCTION KILL ends it)",
    "CLUSTERDOWN": "belongs to a cluster that is down",
    "READONLY": "is a replica, which takes no writes: use its master",
    **dict.fromkeys(("MOVED", "ASK", "TRYAGAIN"), "gives slots to another node of its cluster: wait till that ends"),
}

_REASONS = {"LOADING": STARTING, "MISCONF": FULL, "OOM": FULL, "BUSY": SILENT}

_BROKEN: dict[int, OpsError] = {
    errno.ECONNREFUSED: ServiceDown("connection refused, nothing listens there; start Redis or correct the address",
                                    ABSENT),
    errno.ENOENT: ServiceDown("there is no such socket; start Redis or correct unix_socket", ABSENT),
    errno.EACCES: CannotLook("this user must not use the socket; become root or a member of its group"),
}


class Refused(OpsError):
    """The server answered a command with an error; ``word`` is its first word."""

    def __init__(self, word: str, message: str) -> None:
        super().__init__(message)
        self.word = word


def ask(address: Address, samples: int, config_file: bool, clock: t.Callable[[], float] = time.monotonic) -> Facts:
    """Everything there is to know, in two round trips and the PINGs.

    ServiceDown when the server does not work, CannotLook when it does not let us look.
    """
    with Client(address, clock) as client:
        info_reply, *config_replies = client.send(("INFO",), *(("CONFIG", "GET", name) for name in COMPARED))
        info = parse_info(client.text(info_reply, "INFO"))
        unseen: list[Unseen] = []
        running = _running(config_replies, address, unseen)
        pings, ping_error, ping_reason = _pings(client, samples, address, unseen)
    file = None
    if config_file and running:
        file = _file(info, address, unseen)
    return Facts(info, running, file, pings, ping_error, tuple(unseen), ping_reason)


class Client:
    """One connection that knows when its time is over; nothing is retried and nothing is announced."""

    def __init__(self, address: Address, clock: t.Callable[[], float] = time.monotonic, *, text: bool = True) -> None:
        self._address = address
        self._clock = clock
        self._ends = clock() + address.timeout_seconds
        self._redis = need("redis")
        self._connection = _connection(self._redis, address, text)
        self.waited = 0.0  # from the last question to the first byte of its answer, so without our own reading of it

    def __enter__(self) -> Client:
        self._guarded(self._connection.connect)
        return self

    def __exit__(self, *dummy: object) -> None:
        self._connection.disconnect()

    def left(self) -> float:
        """How many seconds are left."""
        return max(0.0, self._ends - self._clock())

    def send(self, *commands: tuple[Word, ...]) -> list[t.Any]:
        """Send commands together and return their replies; an error reply is returned as Refused, not raised."""
        def exchange() -> list[t.Any]:
            packed = self._connection.pack_commands(commands)
            began = time.perf_counter()
            self._connection.send_packed_command(packed)
            self._connection.can_read(timeout=self.left())
            self.waited = time.perf_counter() - began
            return [self._reply() for dummy in commands]
        replies: list[t.Any] = self._guarded(exchange)
        return replies

    def text(self, reply: t.Any, command: str) -> str:
        """A reply that must be text."""
        if isinstance(reply, Refused):
            raise refusal(reply, command, self._address)
        if not isinstance(reply, str) or "redis_version:" not in reply:
            raise ServiceDown(f"{command} was answered with something that is not Redis' own; look what really "
                              f"listens there", FOREIGN)
        return reply

    def _reply(self) -> t.Any:
        if not self._connection.can_read(timeout=self.left()):
            raise self._redis.exceptions.TimeoutError("no reply in time")
        try:
            return self._connection.read_response()
        except self._redis.exceptions.ResponseError as exc:
            return _refused(exc)
        except self._redis.exceptions.BusyLoadingError as exc:
            return Refused("LOADING", str(exc))

    def _guarded(self, act: t.Callable[[], t.Any]) -> t.Any:
        errors = self._redis.exceptions
        try:
            return act()
        except errors.AuthenticationError as exc:
            if str(exc) == "Invalid Username or Password":  # the library's words: the answer was neither OK nor error
                raise _rubbish() from exc
            raise login_refused(self._address, str(exc)) from exc
        except errors.BusyLoadingError as exc:
            raise ServiceDown(f"it {_TROUBLE['LOADING']}", STARTING) from exc
        except (errors.InvalidResponse, RecursionError) as exc:
            raise _rubbish() from exc
        except errors.ResponseError as exc:
            raise refusal(_refused(exc), "the login", self._address) from exc
        except errors.TimeoutError as exc:
            raise ServiceDown(f"no answer within {self._address.timeout_seconds:g} s: it is frozen, overloaded, or a "
                              f"firewall drops the packets", SILENT) from exc
        except (errors.RedisError, OSError, ValueError, UnicodeError) as exc:
            raise _broken(exc) from exc


def refusal(refused: Refused, command: str, address: Address, grant: str = "+info +ping +config|get") -> OpsError:
    """What an error reply means: a sick server, or one that does not let us look."""
    if refused.word in ("NOAUTH", "WRONGPASS", "NOPERM", "DENIED"):
        if refused.word == "NOPERM":
            return CannotLook(f"{_who(address)} may not use {command}; grant it with ACL SETUSER <user> {grant}")
        if refused.word == "DENIED":
            return CannotLook("it runs in protected mode and answers only its own host; set a password and bind, or "
                              "look from there")
        return login_refused(address, str(refused))
    if "without any password" in str(refused):  # older libraries do not take it for a refused login
        return login_refused(address, str(refused))
    return ServiceDown(f"it {trouble(refused)}", _REASONS.get(refused.word, ""))


def trouble(refused: Refused) -> str:
    """An error reply in words that follow "it" or the name of the server."""
    words = _TROUBLE.get(refused.word)
    if words:
        return f"{words} ({refused.word})"
    return f"answered with an error: {redact(str(refused))[:200]}"


def login_refused(address: Address, reason: str) -> CannotLook:
    """The login failed: who tried, and what to do."""
    if "without any password" in reason or "no password is set" in reason:
        return CannotLook("it has no password, but one was given: leave out the option password "
                          "(and give the server one)")
    if not _password(address):
        return CannotLook("it asks for a password and none was given: set the option password or REDISCLI_AUTH")
    return CannotLook(f"the login of {_who(address)} was refused: the password or the user name is wrong, or the user "
                      f"is off")


def _connection(redis: t.Any, address: Address, text: bool) -> t.Any:
    options: dict[str, t.Any] = {
        "username": address.username, "password": _password(address), "decode_responses": text,
        "encoding_errors": "replace", "socket_timeout": address.timeout_seconds,
        "socket_connect_timeout": address.timeout_seconds, **_quiet(redis),
    }
    if address.unix_socket:
        options.pop("socket_connect_timeout")
        return redis.UnixDomainSocketConnection(path=address.unix_socket, **options)
    options.update(host=address.host, port=address.port)
    if not address.tls:
        return redis.Connection(**options)
    return redis.SSLConnection(
        ssl_ca_certs=address.ca_path, ssl_certfile=address.client_cert_path, ssl_keyfile=address.client_key_path,
        ssl_cert_reqs="required" if address.validate_certs else "none", ssl_check_hostname=address.validate_certs,
        **options)


def _quiet(redis: t.Any) -> dict[str, t.Any]:
    """The options that keep this version of the library from sending commands nobody asked for (HELLO, SETINFO)."""
    # the names moved from Connection to its base class between versions
    known = {name for kind in redis.Connection.__mro__ for name in inspect.signature(kind.__init__).parameters}
    quiet: dict[str, t.Any] = {"protocol": 2} if "protocol" in known else {}
    if "driver_info" in known:
        return {**quiet, "driver_info": None}
    return {**quiet, **{name: None for name in ("lib_name", "lib_version") if name in known}}


def _password(address: Address) -> t.Optional[str]:
    return address.password or os.environ.get("REDISCLI_AUTH") or None


def _who(address: Address) -> str:
    return f"user {address.username!r}" if address.username else "the default user"


def _refused(exc: Exception) -> Refused:
    # the library strips the first word of the errors it has classes for
    known = {"NoPermissionError": "NOPERM", "AuthenticationError": "NOAUTH", "OutOfMemoryError": "OOM",
             "MasterDownError": "MASTERDOWN", "ClusterDownError": "CLUSTERDOWN", "ReadOnlyError": "READONLY",
             "MovedError": "MOVED", "AskError": "ASK", "TryAgainError": "TRYAGAIN"}
    text = str(exc)
    first = text.split(" ", 1)[0]
    return Refused(known.get(type(exc).__name__) or first, text)


def _rubbish() -> ServiceDown:
    return ServiceDown("what answers there does not speak the protocol of Redis; look what really listens, and whether "
                       "tls is set as the server wants it", FOREIGN)


def _broken(exc: Exception) -> OpsError:
    text = str(exc)
    causes = [error for error in (exc, exc.__cause__, exc.__context__) if isinstance(error, OSError)]
    if any(isinstance(error, socket.gaierror) for error in causes):
        return CannotLook("the name of its host cannot be resolved; correct host, or the name service of this host")
    for code, error in _BROKEN.items():
        if any(cause.errno == code for cause in causes):
            return error
    if "max number of clients" in text:
        return ServiceDown("it is full: max number of clients reached; raise maxclients or end clients",
                           EXHAUSTED)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return CannotLook(f"its certificate is not trusted ({text[:160]}); set ca_path")
    return ServiceDown(f"the connection broke: {redact(text)[:200] or type(exc).__name__}")


def _running(replies: t.Sequence[t.Any], address: Address, unseen: list[Unseen]) -> Settings:
    running: dict[str, str] = {}
    for name, reply in zip(COMPARED, replies):
        if isinstance(reply, Refused):
            unseen.append(Unseen("the running configuration", f"{_who(address)} may not use CONFIG GET",
                                 "ACL SETUSER <user> +config|get", forbidden=True))
            return {}
        if isinstance(reply, list) and reply[:1] == [name] and isinstance(reply[-1], str):
            running[name] = reply[-1]
    return normal(running)


def _pings(client: Client, samples: int, address: Address, unseen: list[Unseen]) -> tuple[tuple[float, ...], str, str]:
    """How long each PING took; or what Redis said instead, in words and as a reason."""
    pings: list[float] = []
    for dummy in range(samples):
        if pings and client.left() < address.timeout_seconds / 2:
            break  # slow answers are judged as such, not as silence
        started = time.perf_counter()
        (reply,) = client.send(("PING",))
        pings.append(time.perf_counter() - started)
        if not isinstance(reply, Refused):
            continue
        if reply.word == "NOPERM":
            unseen.append(Unseen("the latency", f"{_who(address)} may not use PING", "ACL SETUSER <user> +ping",
                                 forbidden=True))
            return (), "", ""
        return (), trouble(reply), _REASONS.get(reply.word, "")
    return tuple(pings), "", ""


def _file(info: Settings, address: Address, unseen: list[Unseen]) -> t.Optional[Settings]:
    path = info.get("config_file", "")
    what = "the configuration file"
    if not address.local:
        unseen.append(Unseen(what, "the server is on another host", "run the check there", forbidden=False))
    elif not path:
        unseen.append(Unseen(what, "the server was started without one: a change made by CONFIG SET is lost on restart",
                             "start redis-server with a file", forbidden=False))
    else:
        try:
            return file_settings(config_lines(path), info.get("redis_version", ""))
        except FileNotFoundError:
            unseen.append(Unseen(what, f"there is no {path} here (a container?)", "run the check beside the server",
                                 forbidden=False))
        except OSError as exc:
            unseen.append(Unseen(what, f"{path} cannot be read: {exc.strerror}", "use become, or config_file: 'off'",
                                 forbidden=True))
    return None


def config_lines(path: str, depth: int = 0) -> list[str]:
    """The lines of a configuration file, those of the files it includes among them."""
    with open(path, encoding="utf-8", errors="replace") as stream:
        own = stream.read(_LINES_BYTES).splitlines()
    lines: list[str] = []
    for line in own:
        words = line.split()
        if len(words) == 2 and words[0].lower() == "include" and depth < _INCLUDE_DEPTH:
            pattern = os.path.join(os.path.dirname(path), words[1].strip("\"'"))
            for included in sorted(glob.glob(pattern)):
                lines += config_lines(included, depth + 1)
        else:
            lines.append(line)
    return lines
