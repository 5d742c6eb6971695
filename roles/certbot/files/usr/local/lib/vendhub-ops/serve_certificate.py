# SPDX-License-Identifier: GPL-3.0-or-later
"""Let nginx load a certificate, and prove that it serves it.

A test that passes and a reload that ends with 0 are no proof: nginx keeps its old configuration when a port is taken.
"""

from __future__ import annotations

import argparse
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

PROGRAM_SECONDS = 30
PROOF_SECONDS = 15
ANSWER_SECONDS = 5
ERROR_LOG = "/var/log/nginx/error.log"


class Failed(Exception):
    """One sentence that says what is wrong."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lineage", required=True, type=Path, help="the folder of certbot with fullchain.pem")
    parser.add_argument("--name", required=True, help="the name to ask for")
    parser.add_argument("--address", required=True, help="where nginx listens")
    parser.add_argument("--port", required=True, type=int)
    options = parser.parse_args()
    try:
        done = serve(options.lineage, options.name, (options.address, options.port))
    except Failed as exc:
        sys.exit(f"the certificate of {options.name} is on disk but not served: {exc}")
    sys.stdout.write(f"{done}\n")


def serve(lineage: Path, name: str, address: tuple[str, int]) -> str:
    wanted = stored(lineage / "fullchain.pem")
    where = f"{address[0]}:{address[1]}"
    if f"{lineage}/" not in run(["nginx", "-T", "-q"]):
        return f"nginx does not use {lineage} yet, so there is nothing to load"
    if serves(wanted, name, address) == "":
        return f"{where} serves the certificate of {lineage} already"
    run(["systemctl", "reload", "nginx"])
    deadline = time.monotonic() + PROOF_SECONDS
    while instead := serves(wanted, name, address):
        if time.monotonic() > deadline:
            raise Failed(f"{PROOF_SECONDS} seconds after the reload of nginx {where} shows {instead};"
                         f" {ERROR_LOG} may say why")
        time.sleep(0.2)
    return f"{where} serves the certificate of {lineage} now"


def serves(wanted: bytes, name: str, address: tuple[str, int]) -> str:
    """What the server shows instead of this certificate; empty when it shows this one."""
    try:
        return "" if shown(name, address) == wanted else "another certificate"
    except OSError as exc:
        return f"no certificate ({exc})"


def stored(path: Path) -> bytes:
    try:
        chain = path.read_text(encoding="ascii")
        return ssl.PEM_cert_to_DER_cert(chain[: chain.index(ssl.PEM_FOOTER) + len(ssl.PEM_FOOTER)])
    except (OSError, ValueError) as exc:
        raise Failed(f"{path} cannot be read: {exc}") from exc


def shown(name: str, address: tuple[str, int]) -> bytes:
    """What the server shows; whether it is trusted is not asked here."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(address, timeout=ANSWER_SECONDS) as plain, \
            context.wrap_socket(plain, server_hostname=name) as tls:
        return tls.getpeercert(binary_form=True) or b""


def run(argv: list[str]) -> str:
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                              timeout=PROGRAM_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise Failed(str(exc)) from exc
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        raise Failed(f"{' '.join(argv)}: {next((line for line in lines if '[emerg]' in line), lines[-1])}")
    return done.stdout


if __name__ == "__main__":
    main()
