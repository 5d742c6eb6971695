# SPDX-License-Identifier: GPL-3.0-or-later
"""An authority that issues certificates to the second, a real nginx, and servers that do not do what they should."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
import typing as t

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

Behaviour = t.Callable[[socket.socket], None]


@dataclasses.dataclass(frozen=True)
class Pair:
    """A certificate and its key on disk."""

    path: pathlib.Path
    key: pathlib.Path


class Authority:
    """Issues certificates below ``folder``; its own certificate is ``path``."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.path = folder / "authority.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test Authority")])
        self._certificate = self._built(self._name, self._key, 3650 * 86400, 0, [], authority=True)
        self.path.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, file: str, *names: str, seconds: float = 90 * 86400, begins: float = -3600,
              self_signed: bool = False) -> Pair:
        """A certificate for these names that expires in so many seconds, written as ``file``.pem and .key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, file)])
        signed = self._built(subject, key, seconds, begins, names, self_signed=self_signed)
        pair = Pair(self.folder / f"{file}.pem", self.folder / f"{file}.key")
        pair.path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        pair.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                               serialization.NoEncryption()))
        return pair

    def _built(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, seconds: float, begins: float,
               names: t.Sequence[str], authority: bool = False, self_signed: bool = False) -> x509.Certificate:
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder(
            subject_name=subject, issuer_name=subject if self_signed else self._name, public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now + datetime.timedelta(seconds=min(begins, seconds - 60)),
            not_valid_after=now + datetime.timedelta(seconds=seconds),
        ).add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        if names:
            known = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
            builder = builder.add_extension(known, critical=False)
        return builder.sign(key if self_signed else self._key, hashes.SHA256())


@pytest.fixture
def authority(tmp_path: pathlib.Path) -> Authority:
    return Authority(tmp_path)


@dataclasses.dataclass
class Nginx:
    port: int
    process: subprocess.Popen[bytes]

    def reload(self) -> None:
        self.process.send_signal(signal.SIGHUP)


@pytest.fixture
def nginx(tmp_path: pathlib.Path) -> t.Iterator[t.Callable[[Pair], Nginx]]:
    """Start a real nginx that serves this pair."""
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("this test needs nginx")
        pytest.skip("needs nginx")
    with contextlib.ExitStack() as stack:
        def start(pair: Pair) -> Nginx:
            port = free_port()
            config = tmp_path / "nginx.conf"
            config.write_text(f"""
                daemon off; pid {tmp_path}/nginx.pid; error_log {tmp_path}/error.log; worker_processes 1;
                events {{ worker_connections 64; }}
                http {{ access_log off; client_body_temp_path {tmp_path}/t; proxy_temp_path {tmp_path}/t;
                    fastcgi_temp_path {tmp_path}/t; uwsgi_temp_path {tmp_path}/t; scgi_temp_path {tmp_path}/t;
                    server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {pair.path};
                              ssl_certificate_key {pair.key}; }} }}
            """)
            process = subprocess.Popen([program, "-p", str(tmp_path), "-e", str(tmp_path / "error.log"), "-c",
                                        str(config)])
            stack.callback(process.wait, 10)
            stack.callback(process.terminate)
            wait_for(port)
            return Nginx(port, process)

        yield start


@pytest.fixture
def listen() -> t.Iterator[t.Callable[[Behaviour], int]]:
    """A port whose connections are handed to a function."""
    with contextlib.ExitStack() as stack:
        def start(behaviour: Behaviour) -> int:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            stack.callback(lambda: listener.shutdown(socket.SHUT_RDWR))

            def accept() -> None:
                with contextlib.suppress(OSError):
                    while True:
                        connection, _peer = listener.accept()
                        threading.Thread(target=one, args=(connection,), daemon=True).start()

            def one(connection: socket.socket) -> None:
                with contextlib.suppress(OSError), connection:
                    behaviour(connection)

            threading.Thread(target=accept, daemon=True).start()
            return int(listener.getsockname()[1])

        yield start


@pytest.fixture
def tls(listen: t.Callable[[Behaviour], int]) -> t.Callable[[Pair], int]:
    """A plain TLS server for this pair."""
    def start(pair: Pair) -> int:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.path, pair.key)

        def handshake(connection: socket.socket) -> None:
            with context.wrap_socket(connection, server_side=True) as secured:
                secured.recv(1)

        return listen(handshake)

    return start


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
