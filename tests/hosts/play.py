# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a playbook of the collection as an operator would, and read what it printed."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import typing as t
from pathlib import Path

from demo.stack.process import clean_environment

ROOT = Path(__file__).resolve().parents[2]


class Run(t.NamedTuple):
    """How a run ended: its exit code, and all it printed."""

    code: int
    screen: str

    def recap(self, word: str) -> dict[str, int]:
        """What the recap says of each host."""
        found = re.findall(rf"^(\S+)\s+: .*\b{word}=(\d+)", self.screen, re.MULTILINE)
        assert found, self.screen[-3000:]
        return {host: int(number) for host, number in found}

    @property
    def changed(self) -> int:
        """How many tasks changed something, on all hosts together."""
        return sum(self.recap("changed").values())

    @property
    def words(self) -> str:
        """The screen as one line."""
        return " ".join(self.screen.split()).replace("''", "'")

    @property
    def refusal(self) -> str:
        """What the last failed task said, as one line; the run must have failed."""
        assert self.code == 2, self.screen[-3000:]
        said = re.split(r"FAILED! =>|^failed: .* =>", self.screen, flags=re.MULTILINE)[-1]
        said = said.split("\nPLAY RECAP")[0].split("\nTASK [")[0]
        return " ".join(said.split()).replace("''", "'")


def start(playbook: str | Path, inventory: Path, *words: str) -> subprocess.Popen[str]:
    """Begin a run; its screen is its stdout."""
    program = Path(sys.executable).with_name("ansible-playbook")
    environment = clean_environment(ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), ANSIBLE_NOCOLOR="1", LC_ALL="C.UTF-8",
                                    ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".collections"))
    return subprocess.Popen([str(program), "-i", str(inventory), str(playbook), *words], cwd=ROOT, env=environment,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def kill(run: subprocess.Popen[str]) -> None:
    """SIGKILL for a run and all its children on this machine, as when the controller dies."""
    os.kill(run.pid, signal.SIGSTOP)  # so that it starts no more of them
    doomed = [run.pid]
    for pid in doomed:
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            doomed += map(int, task.read_text().split())
    for pid in doomed:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    run.wait(60)


def play(playbook: str | Path, inventory: Path, *words: str, secret: str, seconds: float = 900) -> Run:
    """Run a playbook (a path, or a name in the collection); the secret must not be on the screen."""
    with start(playbook, inventory, *words) as run:
        try:
            screen = run.communicate(timeout=seconds)[0]
        except BaseException:
            kill(run)
            raise
    assert secret not in screen, [line for line in screen.splitlines() if secret in line]
    return Run(run.returncode, screen)
