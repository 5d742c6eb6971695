# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Prometheus that scrapes an exporter of the tests' own."""

from __future__ import annotations

import contextlib
import dataclasses
import http.server
import json
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import time
import typing as t
import urllib.error
import urllib.parse
import urllib.request

import pytest


@dataclasses.dataclass
class Prometheus:
    url: str
    process: subprocess.Popen[bytes]

    def number(self, query: str) -> float | None:
        address = f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        with urllib.request.urlopen(address, timeout=5) as answer:
            result = json.load(answer)["data"]["result"]
        return float(result[0]["value"][1]) if result else None


Start = t.Callable[..., Prometheus]
Serve = t.Callable[[t.Callable[[str], tuple[int, bytes]]], int]


@pytest.fixture(scope="module")
def serve() -> t.Iterator[Serve]:
    """Serve a function from path to (status, body) on loopback."""
    with contextlib.ExitStack() as stack:
        def start(page: t.Callable[[str], tuple[int, bytes]]) -> int:
            class Handler(http.server.BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    status, body = page(self.path)
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

                def log_message(self, format: str, *args: t.Any) -> None:
                    """Say nothing."""

            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            return int(server.server_address[1])

        yield start


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Start]:
    """Start Prometheus servers that end with the module: ``prometheus(config, *arguments, login=…)``."""
    program = shutil.which("prometheus")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("these tests need the program prometheus")
        pytest.skip("needs the program prometheus")
    with contextlib.ExitStack() as stack:
        def start(config: dict[str, t.Any], *arguments: str, prefix: str = "") -> Prometheus:
            folder: pathlib.Path = tmp_path_factory.mktemp("prometheus")
            (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
            with socket.create_server(("127.0.0.1", 0)) as sock:
                port = sock.getsockname()[1]
            with open(folder / "log", "wb") as log:
                process = subprocess.Popen(
                    [program, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                     f"--web.listen-address=127.0.0.1:{port}", f"--web.route-prefix={prefix or '/'}", *arguments],
                    stdout=log, stderr=log)
            stack.callback(process.wait, 20)
            stack.callback(process.kill)
            started = Prometheus(f"http://127.0.0.1:{port}{prefix}", process)
            _wait_until(lambda: _ready(started), folder / "log")
            return started

        yield start


def _ready(server: Prometheus) -> bool:
    try:
        with urllib.request.urlopen(f"{server.url}/-/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as exc:
        return exc.code == 401  # it wants a login, so it is there
    except OSError:
        return False


def _wait_until(done: t.Callable[[], bool], log: pathlib.Path) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
