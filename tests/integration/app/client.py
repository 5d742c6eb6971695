# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of the sample API that keeps its token and CSRF pair, as a browser would."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import typing as t
import uuid

from demo.stack import ports


@dataclasses.dataclass
class Answer:
    """Status, text and headers of a response."""

    status: int
    text: str
    headers: t.Mapping[str, str]

    @property
    def body(self) -> t.Any:
        """The text read as JSON."""
        return json.loads(self.text)


class Client:
    """Requests to one port of this machine."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.session: dict[str, str] = {}

    def ask(self, method: str, path: str, payload: t.Any = None, *, timeout_seconds: float = 15,
            headers: t.Optional[t.Mapping[str, str]] = None, raw: t.Optional[bytes] = None) -> Answer:
        """One request over a connection of its own."""
        body = raw if raw is not None else json.dumps(payload).encode() if payload is not None else None
        connection = http.client.HTTPConnection(ports.HOST, self.port, timeout=timeout_seconds)
        with contextlib.closing(connection):
            connection.request(method, path, body, {"Content-Type": "application/json", **self.session,
                                                    **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, response.read().decode(), dict(response.getheaders()))

    def get(self, path: str, timeout_seconds: float = 15) -> Answer:
        """A GET."""
        return self.ask("GET", path, timeout_seconds=timeout_seconds)

    def login(self, email: str, password: str) -> Answer:
        """Log in; further requests carry the token and the CSRF pair."""
        answer = self.ask("POST", "/api/v1/auth/login", {"email": email, "password": password})
        if answer.status == 200:
            self.session = {"Authorization": f"Bearer {answer.body['access_token']}",
                            "X-CSRF-Token": answer.body["csrf_token"],
                            "Cookie": answer.headers["Set-Cookie"].split(";")[0]}
        return answer

    def upload(self, name: str, content: bytes, fields: t.Mapping[str, str]) -> Answer:
        """A multipart form with one file."""
        boundary = uuid.uuid4().hex
        parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
                 for key, value in fields.items()]
        parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
                     'Content-Type: application/octet-stream\r\n\r\n'.encode() + content + b"\r\n")
        return self.ask("POST", "/api/v1/files/upload", raw=b"".join([*parts, f"--{boundary}--\r\n".encode()]),
                        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"})

    def sample(self, start: str) -> t.Optional[float]:
        """The value of the first metric line that starts so, or None."""
        for line in self.get("/metrics").text.splitlines():
            if line.startswith(start):
                return float(line.rsplit(" ", 1)[1])
        return None
