# SPDX-License-Identifier: GPL-3.0-or-later
"""A web front that only speaks TLS and says hello; it loaded its certificate at its start, as nginx does."""

from __future__ import annotations

import contextlib
import http.server
import ssl
import sys
from pathlib import Path

from .place import Place
from .stack import ports

CLIENT_TIMEOUT_SECONDS = 5


class Hello(http.server.BaseHTTPRequestHandler):
    """Answers every question with 200."""

    timeout = CLIENT_TIMEOUT_SECONDS

    def do_GET(self) -> None:
        """Say hello."""
        body = b"VendHub demo\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Front(http.server.ThreadingHTTPServer):
    """One thread per visitor; the handshake is that thread's business, so a mute visitor blocks nobody."""

    daemon_threads = True

    def finish_request(self, request: object, client_address: object) -> None:
        """Greet over TLS."""
        assert isinstance(request, ssl.SSLSocket)
        request.settimeout(CLIENT_TIMEOUT_SECONDS)
        with contextlib.suppress(OSError):  # a visitor who does not speak TLS or goes away
            request.do_handshake()
            super().finish_request(request, client_address)


def main() -> None:
    """Serve until ended."""
    place = Place(Path(sys.argv[1]))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(place.folder / "front" / "served.pem", place.folder / "front" / "served.key")
    with Front((ports.HOST, place.port["front"]), Hello) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.serve_forever()


if __name__ == "__main__":
    main()
