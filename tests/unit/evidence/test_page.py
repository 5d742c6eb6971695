# SPDX-License-Identifier: GPL-3.0-or-later
"""The page over all bundles: complete, escaped, self-contained, and not stopped by a broken bundle."""

from __future__ import annotations

import hashlib
import json
import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import OpsError
from ansible_collections.vendhub.ops.plugins.plugin_utils._evidence import page

EVIL = "<script>alert(1)</script>"


def manifest(archive: bytes, **more: t.Any) -> dict[str, t.Any]:
    return {"format": 1, "name": "recover", "collected_at": "2026-01-02T03:04:05Z", "seconds": 1.2, "bytes": 10,
            "items": [{"name": "redis", "seconds": 0.1, "error": f"down {EVIL}", "files": []},
                      {"name": "host", "seconds": 0.1, "error": "",
                       "files": [{"name": EVIL, "bytes": 10, "sha256": "x", "cut": True}]}],
            "archive": {"name": page.ARCHIVE, "bytes": len(archive), "sha256": hashlib.sha256(archive).hexdigest()},
            **more}


def take(directory: Path, host: str, name: str, archive: bytes = b"tar", **more: t.Any) -> Path:
    folder = page.folder_of(str(directory), host, name)
    page.prepare(folder)
    Path(folder, page.ARCHIVE).write_bytes(archive)
    page.taken_in(folder, host, manifest(archive, **more))
    return Path(folder)


def test_every_host_and_bundle_is_on_the_page_newest_first_and_private(tmp_path: Path) -> None:
    directory = tmp_path / "evidence"
    take(directory, "app1", "20260102T030405Z-recover")
    take(directory, "app2", "20260103T030405Z-recover")
    text = Path(page.update(str(directory))).read_text()
    assert text.index("app2: 20260103") < text.index("app1: 20260102")
    assert 'href="app1/20260102T030405Z-recover/evidence.tar.gz"' in text
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text
    assert "http" not in text.replace("http-equiv", "")
    modes = {path.stat().st_mode & 0o077 for path in [directory, *directory.rglob("*")]}
    assert modes == {0}


def test_nothing_from_a_host_becomes_markup(tmp_path: Path) -> None:
    take(tmp_path, EVIL, "20260102T030405Z-x")
    text = Path(page.update(str(tmp_path))).read_text()
    assert EVIL not in text
    assert "&lt;script&gt;" in text


@pytest.mark.parametrize("host", ["../../etc", "..", ".", "a/b", "/root", ""])
def test_a_hosts_name_never_leads_out_of_the_folder(tmp_path: Path, host: str) -> None:
    folder = page.folder_of(str(tmp_path), host, "../20260102T030405Z-x")
    assert os.path.dirname(os.path.dirname(os.path.normpath(folder))) == str(tmp_path)


def test_a_bundle_that_arrived_changed_is_refused(tmp_path: Path) -> None:
    folder = page.folder_of(str(tmp_path), "app1", "20260102T030405Z-x")
    page.prepare(folder)
    Path(folder, page.ARCHIVE).write_bytes(b"other")
    with pytest.raises(OpsError, match="SHA-256 differs"):
        page.taken_in(folder, "app1", manifest(b"tar"))


@pytest.mark.parametrize("broken", ["", "[]", "{}", "null", '{"items": 3}', "\0" * 9])
def test_a_broken_manifest_is_told_and_hides_no_other(tmp_path: Path, broken: str) -> None:
    take(tmp_path, "app1", "20260102T030405Z-x")
    (take(tmp_path, "app2", "20260103T030405Z-x") / page.MANIFEST).write_text(broken)
    text = Path(page.update(str(tmp_path))).read_text()
    assert "manifest cannot be read" in text
    assert "app1: 20260102" in text


def test_a_manifest_with_hostile_types_does_not_break_the_page(tmp_path: Path) -> None:
    folder = take(tmp_path, "app1", "20260102T030405Z-x")
    data = json.loads((folder / page.MANIFEST).read_text())
    data["items"][0]["seconds"] = EVIL
    (folder / page.MANIFEST).write_text(json.dumps(data))
    assert EVIL not in Path(page.update(str(tmp_path))).read_text()
