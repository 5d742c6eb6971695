# SPDX-License-Identifier: GPL-3.0-or-later
"""A packed release is the same on every host, and an archive that is not one does no harm."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
import typing as t
from pathlib import Path

import pytest

from .conftest import Site

ID = "20260101T000000Z-aaaaaaaa"
MARKER = json.dumps({"id": ID, "sha": "a" * 40, "ref": "v1", "migrations": ["1-x"], "shared": []})


class Entry(tarfile.TarInfo):
    """A member together with what is in it."""

    content = b""


def made(site: Site, *members: Entry, marker: str = MARKER) -> str:
    """An archive of the attacker's making."""
    path = site.folder / "evil.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for member in (entry(".vendhub-release.json", marker), entry("backend/a.js"), *members):
            tar.addfile(member, io.BytesIO(member.content))
    return str(path)


def entry(name: str, content: str = "", kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644) -> Entry:
    member = Entry(name)
    member.type, member.linkname, member.mode = kind, link, mode
    member.content = content.encode()
    member.size = len(content.encode()) if kind == tarfile.REGTYPE else 0
    return member


def test_a_release_travels_to_another_host_under_the_same_id(site: Site) -> None:
    staged = site.release("staged", **site.quick("v1.0.0"))
    backend = Path(staged["path"]) / "backend"
    (backend / "node_modules" / ".bin").mkdir(parents=True)
    (backend / "node_modules" / ".bin" / "x").symlink_to("../../dist/main.js")
    os.link(backend / "dist" / "main.js", backend / "dist" / "same.js")
    site.give(backend / "node_modules")
    planned = site.release("packed", check_mode=True, release=staged["release"])
    assert not Path(planned["archive"]).exists()
    packed = site.release("packed", release=staged["release"])
    assert packed["sha256"] == hashlib.sha256(Path(packed["archive"]).read_bytes()).hexdigest()
    assert not site.release("packed", release=staged["release"])["changed"]
    archive = site.folder / "release.tar.gz"
    shutil.move(packed["archive"], archive)
    archive.chmod(0o600)
    shutil.rmtree(staged["path"])
    shutil.rmtree(site.state)
    options = {"archive": str(archive), "shared": site.quick()["shared"], "space_bytes": 0}
    before = site.snapshot()
    assert site.release("staged", check_mode=True, **options)["release"] == staged["release"]
    assert site.snapshot() == before
    there = site.release("staged", sha256=packed["sha256"], **options)
    assert (there["release"], there["sha"], there["ref"]) == (staged["release"], staged["sha"], "v1.0.0")
    assert there["migrations"] == ["1-first"]
    assert os.readlink(backend / "node_modules" / ".bin" / "x") == "../../dist/main.js"
    assert os.readlink(backend / ".env.production") == str(site.root / "shared" / ".env.production")
    assert (backend / "dist" / "same.js").read_bytes() == (backend / "dist" / "main.js").read_bytes()
    assert (backend / "dist").stat().st_uid == site.owner.pw_uid
    assert not site.release("staged", **options)["changed"]
    assert site.release("active", release=staged["release"])["changed"]


def test_another_file_than_was_meant_is_refused(site: Site) -> None:
    assert "its SHA-256 is not the one given" in site.refused("staged", archive=made(site), sha256="0" * 64)


@pytest.mark.parametrize(("bad", "why"), [
    (entry("../outside"), "outside of the release"),
    (entry("/outside"), "outside of the release"),
    (entry("backend/../../outside"), "outside of the release"),
    (entry("backend/l", kind=tarfile.SYMTYPE, link="/etc/passwd"), "link out of the release"),
    (entry("backend/l", kind=tarfile.SYMTYPE, link="../../x"), "link out of the release"),
    (entry("backend/l", kind=tarfile.SYMTYPE, link="x/../../../y"), "link out of the release"),
    (entry("backend/l", kind=tarfile.LNKTYPE, link="/etc/passwd"), "hard link"),
    (entry("backend/l", kind=tarfile.LNKTYPE, link="../x"), "hard link"),
    (entry("backend/d", kind=tarfile.CHRTYPE), "device or pipe"),
    (entry("backend/p", kind=tarfile.FIFOTYPE), "device or pipe"),
])
def test_an_archive_that_reaches_out_is_refused_before_anything_is_written(
        site: Site, bad: Entry, why: str) -> None:
    before = site.snapshot()
    assert why in site.refused("staged", check_mode=True, archive=made(site, bad))
    assert site.snapshot() == before
    assert why in site.refused("staged", archive=made(site, bad))
    assert site.names() == []
    assert not (site.root / "outside").exists()
    assert not (site.folder / "outside").exists()


def test_nothing_is_written_through_a_link_of_the_archive(site: Site) -> None:
    link = entry("backend/l", kind=tarfile.SYMTYPE, link=".")
    assert "through a link of its own" in site.refused("staged", archive=made(site, link, entry("backend/l/x")))


def test_no_program_becomes_somebody_elses_by_unpacking(site: Site) -> None:
    member = entry("backend/tool", "x", mode=0o6777)
    member.uid = member.gid = 0
    result = site.release("staged", archive=made(site, member), space_bytes=0)
    status = (Path(result["path"]) / "backend" / "tool").stat()
    assert (status.st_mode & 0o7777, status.st_uid) == (0o755, site.owner.pw_uid)


@pytest.mark.parametrize("marker", ["", "[]", '{"id": "x"}', MARKER.replace(ID, "../../x")])
def test_an_archive_of_something_else_is_refused(site: Site, marker: str) -> None:
    assert "unreadable .vendhub-release.json" in site.refused("staged", archive=made(site, marker=marker))


@pytest.mark.parametrize("damage", [
    lambda data: data[:-20], lambda data: data[:-8], lambda data: data[:-8] + bytes(8),
    lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"rubbish" * 99])
def test_half_an_archive_is_no_release(site: Site, damage: t.Callable[[bytes], bytes]) -> None:
    path = Path(made(site, entry("backend/big", "x" * 300_000)))
    path.write_bytes(damage(path.read_bytes()))
    message = site.refused("staged", archive=str(path))
    assert "damaged" in message or "cannot be read as tar.gz" in message
    assert site.names() == []


def test_a_bomb_is_measured_before_it_is_unpacked(site: Site) -> None:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for member in (entry(".vendhub-release.json", MARKER), entry("backend/a", "x")):
            tar.addfile(member, io.BytesIO(member.content))
        huge = tarfile.TarInfo("backend/huge")
        huge.size = 2**50
    path = site.folder / "bomb.tar.gz"
    path.write_bytes(gzip.compress(raw.getvalue()[:4 * 512] + huge.tobuf()))
    message = site.refused("staged", archive=str(path))
    assert "damaged" in message or "staging needs" in message
    assert site.names() == []


def test_pruning_removes_what_was_packed_of_releases_that_are_gone_all_but_the_newest_and_halves(site: Site) -> None:
    made = []
    for number in range(3):
        site.commit(f"1.{number}.1")
        made.append(site.release("staged", **site.plain())["release"])
        site.release("packed", release=made[-1])
    packed = site.root / "packed"
    for name in ("20200101T000000Z-aaaaaaaa.tar.gz", ".packing-x", "mine.tar.gz"):
        (packed / name).write_bytes(b"x" * 5000)
    before = site.snapshot()
    planned = site.release("pruned", check_mode=True, keep=2)
    assert site.snapshot() == before
    done = site.release("pruned", keep=2)
    assert planned["plan"] == done["plan"]
    assert [row["path"] for row in done["archives"]] == [
        f"{packed}/{name}" for name in ("20200101T000000Z-aaaaaaaa.tar.gz", f"{made[0]}.tar.gz", ".packing-x")]
    assert done["bytes_freed"] >= 10_000
    assert set(os.listdir(packed)) == {"mine.tar.gz", *(f"{name}.tar.gz" for name in made[1:])}
    assert not site.release("pruned", keep=2)["changed"]
    site.release("pruned", keep=0)
    assert os.listdir(packed) == ["mine.tar.gz"]
