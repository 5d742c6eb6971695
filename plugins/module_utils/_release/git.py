# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Git as the owner of the files, without prompts, bounded in time."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import time
import typing as t
import urllib.parse

from .._core import command
from .._core.errors import BadOption, OpsError
from .._core.redact import redact
from . import account, place as places
from .account import Account
from .place import Place

SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHORT_SHA = re.compile(r"[0-9a-f]{4,64}")
_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+@=-]{0,249}")
_LOCAL_SECONDS = 60.0
_OURS = ("releases", "shared", "repository", "current", "scripts", "packed")


@dataclasses.dataclass(frozen=True)
class Checkout:
    """What an in-place checkout is at."""

    sha: str
    ref: str
    changed_files: int


@dataclasses.dataclass(frozen=True)
class Git:
    """Git for one user; every command of it ends within a time."""

    account: Account
    path: str = os.defpath

    def run(self, arguments: t.Sequence[str], timeout_seconds: float = _LOCAL_SECONDS, accepted: t.Sequence[int] = (0,),
            ) -> str:
        """What git printed; OpsError with its own last words when it failed."""
        ran = command.run(["git", *arguments], timeout_seconds, environment=self._environment(timeout_seconds),
                          folder="/", **self.account.run_as())
        if ran.code not in accepted:
            said = " | ".join(redact(ran.err.decode("utf-8", "replace")).strip().splitlines()[-3:])
            raise OpsError(f"'{command.command_line(['git', *arguments])}' ended with {ran.code}: {said or 'no word'}")
        return ran.out.decode("utf-8", "replace").strip() if ran.code == 0 else ""

    def _environment(self, timeout_seconds: float) -> dict[str, str]:
        connect = max(1, min(30, int(timeout_seconds)))
        return {
            "PATH": self.path, "HOME": self.account.home, "LC_ALL": "C.UTF-8",
            "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "/bin/false", "SSH_ASKPASS": "/bin/false",
            "GIT_SSH_COMMAND": f"ssh -oBatchMode=yes -oConnectTimeout={connect}",
            "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",  # ext:: would run any program
            "GIT_OPTIONAL_LOCKS": "0",  # looking at a checkout must not write its index
        }


def checked_repository(url: str) -> str:
    """The repository's address; BadOption when it is an option of git's or holds a password."""
    if not url or url.startswith("-") or not url.isprintable():
        raise BadOption("repository must be the address of a Git repository, such as git@example.org:vendhub.git")
    try:
        parts = urllib.parse.urlsplit(url)
        # of http the user alone may be a token; of ssh it is the name of the account
        secret = parts.password or (parts.username if parts.scheme in ("http", "https") else None)
    except ValueError as exc:
        raise BadOption("repository is not an address that can be read") from exc
    if secret:
        raise BadOption("repository holds a login, which everybody on the host would see in the process list; use a"
                        " deploy key or a credential helper of the owner instead")
    return url


def checked_ref(ref: str) -> str:
    """A tag, branch or sha; BadOption when git would read it as something else."""
    if not _REF.fullmatch(ref) or ".." in ref or "@{" in ref or ref.endswith((".lock", "/", ".")):
        raise BadOption(f"ref must be a tag, a branch or a commit's sha, not {ref!r}")
    return ref


def look(path: str) -> Checkout:
    """What a checkout is at, asked as its owner so that git does not take it for somebody else's."""
    owner = account.of(os.path.join(path, ".git"))
    if os.geteuid() not in (0, owner.uid):
        raise OpsError(f"{path} belongs to {owner.name or owner.uid}; become root or that user to look at it")
    git = Git(owner)
    here = ["-C", path]
    sha = git.run([*here, "rev-parse", "--verify", "HEAD^{commit}"])
    tag = git.run([*here, "describe", "--tags", "--exact-match", "HEAD"], accepted=(0, 128))
    branch = git.run([*here, "symbolic-ref", "--short", "--quiet", "HEAD"], accepted=(0, 1))
    ours = [f":(exclude,top){name}" for name in _OURS]
    changed = git.run([*here, "status", "--porcelain", "--", ":(top)", *ours])
    return Checkout(sha, tag or branch, len(changed.splitlines()))


def known_commit(git: Git, repository: str, sha: str) -> t.Optional[str]:
    """The whole sha of a commit that is already in the bare clone."""
    if not os.path.isdir(repository):
        return None
    return git.run(["--git-dir", repository, "rev-parse", "--verify", "--quiet", "--end-of-options",
                    f"{sha}^{{commit}}"], accepted=(0, 1, 128)) or None


def resolve(git: Git, place: Place, url: str, ref: str, timeout_seconds: float) -> t.Optional[str]:
    """The sha that a ref means: tag before branch before sha. None when only a fetch can tell.

    A whole sha that is here already is not asked for again, so that it needs no network.
    """
    if SHA.fullmatch(ref):
        return ref
    patterns = [f"refs/tags/{ref}^{{}}", f"refs/tags/{ref}", f"refs/heads/{ref}"]
    said = git.run(["ls-remote", "--quiet", "--", url, *patterns], timeout_seconds)
    found = {name: sha for sha, _tab, name in (line.partition("\t") for line in said.splitlines())}
    sha = next((found[name] for name in patterns if name in found), None)
    if sha or not _SHORT_SHA.fullmatch(ref):
        if not sha:
            raise OpsError(f"{redact(url)} has no tag, branch or commit {ref!r}")
        return sha
    return known_commit(git, place.repository, ref)


def locks(repository: str) -> list[str]:
    """The lock files in the bare clone: a git that was killed leaves them, and every later one stops at them."""
    found = []
    for where, folders, names in os.walk(repository):
        if where == repository:
            folders[:] = [name for name in folders if name in ("refs", "objects")]
        elif where == os.path.join(repository, "objects"):
            folders[:] = [name for name in folders if name == "info"]
        found += [os.path.join(where, name) for name in names if name.endswith(".lock")]
    return sorted(found)


def unlock(git: Git, repository: str) -> None:
    """Remove the lock files of a git that was killed; OpsError while one is at work in there."""
    left = locks(repository)
    if not left:
        return
    busy = working_in(repository)
    if busy:
        raise OpsError(f"git (process {busy[0]}) is at work in {repository}; wait until it has ended, or end it when"
                       " the run that started it is over")
    try:
        with account.acting(git.account):
            for path in left:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
    except OSError as exc:
        raise OpsError(f"{exc.filename} was left by a git that was killed and cannot be removed: {exc.strerror or exc};"
                       " see whose it is") from exc


def working_in(repository: str) -> list[int]:
    """The processes of git that were told to work in this repository, or stand in it."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):  # it ended, or is not ours to look at
            with open(f"/proc/{name}/cmdline", "rb") as file:
                words = file.read(65536).split(b"\0")
            if b"git" not in os.path.basename(words[0]):
                continue
            with open(f"/proc/{name}/environ", "rb") as file:
                words += file.read(1024 * 1024).replace(b"GIT_DIR=", b"").split(b"\0")
            if os.fsencode(repository) in words or f"{os.readlink(f'/proc/{name}/cwd')}/".startswith(f"{repository}/"):
                found.append(int(name))
    return found


def fetch(git: Git, place: Place, url: str, ref: str, timeout_seconds: float) -> str:
    """Bring the commit into the bare clone and return its whole sha; a first clone appears only when it is whole."""
    draft = place.repository
    if not os.path.isdir(place.repository):
        draft = os.path.join(place.root, ".repository-new")
        _empty(git, place, draft)
    unlock(git, draft)
    at = ["--git-dir", draft, "-c", "gc.autoDetach=false", "-c", "maintenance.autoDetach=false"]
    git.run([*at, "fetch", "--quiet", "--force", "--prune", "--", url, "+refs/heads/*:refs/heads/*",
             "+refs/tags/*:refs/tags/*"], timeout_seconds)
    if draft != place.repository:
        with account.acting(place.keeper(place.root)):
            os.rename(draft, place.repository)
    sha = known_commit(git, place.repository, ref)
    if sha is None and SHA.fullmatch(ref):  # a commit of no branch: some servers give it by its name
        git.run(["--git-dir", place.repository, "fetch", "--quiet", "--", url, ref], timeout_seconds,
                accepted=(0, 1, 128))
        sha = known_commit(git, place.repository, ref)
    if sha is None:
        raise OpsError(f"{redact(url)} has no commit {ref!r} in any branch or tag")
    return sha


def export(git: Git, repository: str, sha: str, folder: str, timeout_seconds: float) -> None:
    """The files of a commit into a folder, without its history."""
    packed = os.path.join(folder, ".export.tar")
    git.run(["--git-dir", repository, "archive", "--format=tar", f"--output={packed}", sha], timeout_seconds)
    environment = {"PATH": git.path, "LC_ALL": "C.UTF-8"}
    arguments = ["tar", "--extract", "--no-same-owner", "--file", packed, "--directory", folder]
    ran = command.run(arguments, timeout_seconds, environment=environment, folder="/", **git.account.run_as())
    if ran.code:
        raise OpsError(f"'{' '.join(arguments)}' ended with {ran.code}:"
                       f" {' | '.join(ran.err.decode('utf-8', 'replace').splitlines()[-2:])}")
    with account.acting(git.account):
        os.unlink(packed)


def _empty(git: Git, place: Place, draft: str) -> None:
    places.remove(place, draft, time.monotonic() + _LOCAL_SECONDS)
    places.folder(place, draft, git.account)
    git.run(["init", "--quiet", "--bare", "--", draft])
