# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that go on asking through the web servers of a site while something is done to it."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

from tests.hosts.site import Site

HERTZ = 20.0
PATIENCE_SECONDS = 10.0


class Answered(t.NamedTuple):
    """One request: when it was sent, how long it took, and what was wrong with it (empty for 200)."""

    host: str
    at: float
    seconds: float
    wrong: str


class Load:
    """Asks every web host 20 times a second, each time on a new TLS connection, until the ``with`` ends.

    A slow answer delays no other request.
    """

    def __init__(self, site: Site, path: str = "/health") -> None:
        self.answers: list[Answered] = []
        self._site, self._path, self._over = site, path, threading.Event()
        self._context = ssl.create_default_context(cafile=str(site.authority.issuer))
        self._threads = [threading.Thread(target=self._drive, args=(host,)) for host in site.layout["web"]]

    @property
    def failed(self) -> list[Answered]:
        """The requests that were not answered well."""
        return [one for one in self.answers if one.wrong]

    def _drive(self, host: str) -> None:
        with ThreadPoolExecutor(max_workers=64) as pool:
            due = time.monotonic()
            while not self._over.wait(max(0.0, due - time.monotonic())):
                pool.submit(self._ask, host)
                due += 1 / HERTZ

    def _ask(self, host: str) -> None:
        began, wrong = time.monotonic(), ""
        try:
            name = self._site.domain(host)
            plain = socket.create_connection((self._site.lab[host].address, 443), PATIENCE_SECONDS)
            connection = http.client.HTTPConnection(name)
            connection.sock = self._context.wrap_socket(plain, server_hostname=name)
            try:
                connection.request("GET", self._path, headers={"Connection": "close"})
                status = connection.getresponse().status
                wrong = "" if status == 200 else str(status)
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as exc:
            wrong = repr(exc)
        self.answers.append(Answered(host, began, time.monotonic() - began, wrong))

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *dummy: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS * 2)
