# SPDX-License-Identifier: GPL-3.0-or-later
"""The sample application, with its real packages and compiler, is released as it is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from .conftest import ROOT, Site


@pytest.mark.slow
def test_the_sample_application_is_built_with_its_compiler_and_served_without_it(site: Site) -> None:
    shutil.rmtree(site.remote / "backend")
    shutil.copytree(ROOT / "demo" / "app", site.remote / "backend",
                    ignore=shutil.ignore_patterns("node_modules", "dist", "logs"))
    site.give(site.remote / "backend")
    site.git("add", "--all")
    site.git("commit", "--quiet", "--message", "sample")
    # what this machine needs to reach its registry, and what it has of it already
    settings = ("npm_config_", "NODE_EXTRA_CA")
    environment = {name: value for name, value in os.environ.items() if name.startswith(settings)}
    cache = site.folder / "home" / "npm"
    if (Path.home() / ".npm" / "_cacache").is_dir():
        shutil.copytree(Path.home() / ".npm" / "_cacache", cache / "_cacache")
        site.give(cache)
    environment |= {"npm_config_cache": str(cache), "npm_config_prefer_offline": "true", "npm_config_audit": "false"}
    result = site.release("staged", **site.staging(shared=[], build_environment=environment))
    backend = Path(result["path"]) / "backend"
    assert (backend / "dist" / "main.js").is_file()
    assert (backend / "node_modules" / "pg").is_dir()
    assert not (backend / "node_modules" / "typescript").exists()
    assert result["migrations"] == sorted(path.stem for path in (ROOT / "demo/app/src/migrations").glob("*.ts"))
