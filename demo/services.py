# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring up what the sample API needs, and the API itself; what already runs is left alone."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import urllib.error
import urllib.request
from pathlib import Path

from psycopg2.extensions import encrypt_password

from .place import DATABASE, OPERATOR, ROOT, Place
from .stack import node, ports, process
from .stack.process import StackError

SOURCE = ROOT / "demo" / "app"
NOT_SOURCE = shutil.ignore_patterns("node_modules", "dist", "logs", "uploads", ".env*")
INSTALL_TIMEOUT_SECONDS = 180.0
BUILD_TIMEOUT_SECONDS = 120.0
START_TIMEOUT_SECONDS = 45.0


def postgresql(place: Place) -> str:
    """PostgreSQL with the application's database, its owner and a login that may only look."""
    cluster = place.postgresql()
    known = cluster.running()
    if not known and ports.listens(cluster.port):
        place.move("postgresql")
        cluster = place.postgresql()
    cluster.start()
    for user in ("vendhub", "vendhub_monitor"):
        if not cluster.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [user]):
            cluster.execute(f"CREATE ROLE {user} LOGIN")
        with contextlib.closing(cluster.connect()) as connection:
            # only the verifier travels, so the server cannot log the password
            verifier = encrypt_password(place.secret[user], user, connection, "scram-sha-256")
        cluster.execute(f"ALTER ROLE {user} PASSWORD %s", [verifier])
    cluster.execute("GRANT pg_monitor TO vendhub_monitor")
    if not cluster.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]):
        cluster.execute(f"CREATE DATABASE {DATABASE} OWNER vendhub")
    return _on(cluster.port, known)


def redis(place: Place) -> str:
    """Redis with a password and a memory limit."""
    server = place.redis()
    known = server.running()
    if not known and ports.listens(server.port):
        place.move("redis")
        server = place.redis()
    server.start()
    return _on(server.port, known)


def build(place: Place) -> str:
    """The sample API, installed and built as on a server; once per state of its sources."""
    wanted = fingerprint(SOURCE)
    stamp = place.app / ".built"
    if stamp.exists() and stamp.read_text() == wanted:
        return "already built"
    shutil.rmtree(place.app, ignore_errors=True)
    shutil.copytree(SOURCE, place.app, ignore=NOT_SOURCE)
    node.npm(["ci"], place.app, INSTALL_TIMEOUT_SECONDS)
    node.npm(["run", "build"], place.app, BUILD_TIMEOUT_SECONDS)
    stamp.write_text(wanted)
    return "npm ci, npm run build"


def migrate(place: Place) -> str:
    """The schema and a little data."""
    _write_environment(place)
    said = node.npm(["run", "migration:run"], place.app, BUILD_TIMEOUT_SECONDS)
    node.npm(["run", "seed"], place.app, BUILD_TIMEOUT_SECONDS, LOG_DIR=str(place.logs))
    return f"{said.count('executed successfully')} migrations, seed"


def serve(place: Place) -> str:
    """The API under PM2: two cluster workers and the scheduler, answering."""
    _write_environment(place)
    pm2 = place.pm2()
    wanted = (place.app / ".built").read_text() + hashlib.sha256(
        (place.app / ".env.production").read_bytes()).hexdigest()
    stamp = pm2.home / "started"
    online = {app["name"] for app in pm2.jlist() if app["pm2_env"]["status"] == "online"}
    if stamp.exists() and stamp.read_text() == wanted and {"vendhub-api", "job-scheduler"} <= online and healthy(place):
        return f"already on port {place.port['api']}"
    pm2.kill()
    if ports.listens(place.port["api"]):
        place.move("api")
        return serve(place)
    pm2.start(place.app / "ecosystem.config.js")
    process.wait_until(lambda: healthy(place), "the sample API", START_TIMEOUT_SECONDS, log=place.logs / "api-out.log")
    pm2.run("save", "--silent")
    stamp.write_text(wanted)
    return f"port {place.port['api']}, {len(pm2.pids('vendhub-api'))} workers"


def healthy(place: Place) -> bool:
    """Whether the API says 200 to the question for its health."""
    try:
        with urllib.request.urlopen(f"{url(place)}/health", timeout=3) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def url(place: Place) -> str:
    """Where the API is."""
    return f"http://{ports.HOST}:{place.port['api']}"


def fingerprint(folder: Path) -> str:
    """A hash over the names and contents of the sources in a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        parts = list(path.relative_to(folder).parts)
        if path.is_file() and not NOT_SOURCE("", parts):
            digest.update(f"{'/'.join(parts)}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _on(port: int, known: bool) -> str:
    return f"{'already ' if known else ''}on port {port}"


def _write_environment(place: Place) -> None:
    secret, port = place.secret, place.port
    lines = {
        "HOST": ports.HOST,
        "PORT": port["api"],
        "DATABASE_URL": f"postgresql://vendhub:{secret['vendhub']}@{ports.HOST}:{port['postgresql']}/{DATABASE}",
        "REDIS_URL": f"redis://:{secret['redis']}@{ports.HOST}:{port['redis']}",
        "JWT_SECRET": secret["jwt"],
        "SEED_EMAIL": OPERATOR,
        "SEED_PASSWORD": secret["operator"],
        "THROTTLE_LIMIT": 6000,  # the short burst stands for minutes of traffic
        "LOGIN_THROTTLE_LIMIT": 60,
        "COUNT_LOGIN_FAILURES": "true",
    }
    path = place.app / ".env.production"
    if not place.app.is_dir():
        raise StackError(f"the sample API is not built: {place.app} is missing")
    path.touch(mode=0o600)
    path.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
