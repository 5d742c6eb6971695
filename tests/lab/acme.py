# SPDX-License-Identifier: GPL-3.0-or-later
"""An ACME server for a lab: Pebble at the lab's gateway, with an authority of its own, asking port 80 of the hosts."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import time
import typing as t
import urllib.error
import urllib.request
from pathlib import Path

from tests.lab import network
from tests.lab.cgroup import join, kill
from tests.lab.machine import LabError, run

SERVER = "acme.lab.test"
START_SECONDS = 10.0
DAYS = 3650


class Acme:
    """A running ACME server: ``directory`` is its address for certbot, ``ca`` the authority its own HTTPS needs.

    What it issues is signed by ``issuer``, which is new whenever the server starts.
    """

    def __init__(self, folder: Path, number: int) -> None:
        """``folder`` and ``number`` are the lab's; ``Lab.acme`` starts it."""
        self.folder = folder / "acme"
        self.gateway = network.gateway(number)
        self.group = f"{network.bridge(number)}-acme"
        self.directory = f"https://{SERVER}:14000/dir"
        self.ca = self.folder / "ca.pem"
        self.issuer = self.folder / "issuer.pem"

    def start(self, names: t.Mapping[str, str], validity_seconds: int) -> None:
        """Start it anew; ``names`` are what it finds in DNS, certificates live for ``validity_seconds``."""
        self.stop()
        self.folder.mkdir(exist_ok=True)
        if not self.ca.exists():
            self._certificates()
        settings = {
            "listenAddress": f"{self.gateway}:14000",
            "managementListenAddress": f"{self.gateway}:15000",
            "certificate": str(self.folder / "server.pem"),
            "privateKey": str(self.folder / "server.key"),
            "httpPort": 80,
            "tlsPort": 443,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
            "certificateValidityPeriod": validity_seconds,
        }
        (self.folder / "pebble.json").write_text(json.dumps({"pebble": settings}, indent=2) + "\n")
        dns, management = f"{self.gateway}:8053", f"{self.gateway}:8055"
        off = [f"-{what}=" for what in ("http01", "https01", "tlsalpn01", "defaultIPv4", "defaultIPv6")]
        self._spawn(["pebble-challtestsrv", "-dns01", dns, "-management", management, *off])
        self._spawn(["pebble", "-strict", "-config", str(self.folder / "pebble.json"), "-dnsserver", dns])
        self._wait(f"http://{management}/")
        self.resolve(names)
        self.issuer.write_bytes(self._wait(f"https://{self.gateway}:15000/roots/0"))

    def resolve(self, names: t.Mapping[str, str]) -> None:
        """Let its DNS answer these names with these addresses."""
        for name, address in names.items():
            for act, what in (("clear-a", {"host": name}), ("add-a", {"host": name, "addresses": [address]})):
                request = urllib.request.Request(f"http://{self.gateway}:8055/{act}", json.dumps(what).encode())
                urllib.request.urlopen(request, timeout=5).close()

    def running(self) -> bool:
        """True when the directory answers."""
        return bool(self._get(f"https://{self.gateway}:14000/dir"))

    def stop(self) -> None:
        """Stop it; certificates it has issued stay as they are."""
        kill(self.group)

    def log(self) -> str:
        """What the server said."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.log")))

    def _spawn(self, argv: t.Sequence[str]) -> None:
        environment = {"PATH": os.environ["PATH"], "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"}
        try:
            with (self.folder / f"{argv[0]}.log").open("ab") as log:
                process = subprocess.Popen(
                    argv, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
        except FileNotFoundError as gone:
            raise LabError("The ACME server needs the system package pebble (make system).") from gone
        join(self.group, process.pid)

    def _wait(self, url: str) -> bytes:
        deadline = time.monotonic() + START_SECONDS
        while True:
            answer = self._get(url)
            if answer is not None:
                return answer
            if time.monotonic() > deadline:
                said = self.log()[-800:]
                raise LabError(f"The ACME server did not answer at {url} within {START_SECONDS:g} seconds: {said}")
            time.sleep(0.05)

    def _get(self, url: str) -> bytes | None:
        try:
            context = ssl.create_default_context(cafile=str(self.ca)) if url.startswith("https") else None
            with urllib.request.urlopen(url, timeout=2, context=context) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError:
            return b""
        except OSError:
            return None

    def _certificates(self) -> None:
        new: list[str | Path] = ["openssl", "req", "-x509", "-days", str(DAYS), "-nodes"]
        new += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        run([*new, "-subj", "/CN=lab ACME authority", "-keyout", self.folder / "ca.key", "-out", self.ca])
        signed: list[str | Path] = ["-CA", self.ca, "-CAkey", self.folder / "ca.key"]
        signed += ["-addext", "basicConstraints=critical,CA:FALSE"]
        names = f"subjectAltName=DNS:{SERVER},IP:{self.gateway}"
        pair: list[str | Path] = ["-keyout", self.folder / "server.key", "-out", self.folder / "server.pem"]
        run([*new, "-subj", f"/CN={SERVER}", "-addext", names, *signed, *pair])
