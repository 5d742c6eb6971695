# SPDX-License-Identifier: GPL-3.0-or-later
"""The layering table (docs/architecture.md), enforced: who may import whom."""

from __future__ import annotations

import ast
import typing as t
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
UTILS = ROOT / "plugins" / "module_utils"
PACKAGE = "ansible_collections.vendhub.ops.plugins."

WORDS = {"verdict", "limits", "errors", "thresholds", "redact", "remedies", "moment"}  # layer 0: no Ansible, no I/O
EDGE = {("_core", "module")}  # layer 3 inside module_utils
FORBIDDEN_IN_PURE = {"socket", "subprocess", "ssl", "http", "urllib.request", "threading", "time", "psycopg2", "redis",
                     "shutil", "tempfile", "os"}
COMPOSERS = {"_disk", "_dump", "_evidence", "_health", "_gate", "_triage"}  # may import every subject
READERS_OF_TWO = {"log_check", "release_canary", "crash_info"}  # which names its logs, or how an answer is judged


class Import(t.NamedTuple):
    """What a file imports: a dotted name, relative ones made absolute within module_utils (``_pm2.rpc``)."""

    name: str
    line: int


def imports(path: Path) -> list[Import]:
    found: list[Import] = []
    folder = path.parent.name
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [Import(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = (node.module or "").removeprefix(f"{PACKAGE}module_utils.")
            if node.level == 1:
                base = f"{folder}.{base}".rstrip(".")
            found += [Import(f"{base}.{alias.name}", node.lineno) for alias in node.names]
            found.append(Import(base, node.lineno))
    return found


def utils() -> list[Path]:
    return sorted(UTILS.glob("_*/*.py"))


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", utils(), ids=name)
def test_only_the_edge_knows_ansible(path: Path) -> None:
    if (path.parent.name, path.stem) not in EDGE:
        assert not [one for one in imports(path) if one.name.split(".")[0] in ("ansible", "ansible_collections")]


@pytest.mark.parametrize("path", utils(), ids=name)
def test_no_subject_knows_another(path: Path) -> None:
    if path.parent.name in COMPOSERS:
        return
    own = {path.parent.name, "_core"}
    others = [one for one in imports(path) if one.name.startswith("_") and one.name.split(".")[0] not in own
              and not one.name.startswith("__")]
    assert others == []


@pytest.mark.parametrize("path", [path for path in utils() if path.parent.name == "_core" and path.stem in WORDS],
                         ids=name)
def test_the_words_need_nothing_but_the_standard_library(path: Path) -> None:
    siblings = [one for one in imports(path) if one.name.startswith("_core.")]
    assert all(one.name.split(".")[1] in WORDS for one in siblings)
    assert not [one for one in imports(path) if one.name.split(".")[0] in FORBIDDEN_IN_PURE]


@pytest.mark.parametrize("path", [path for path in utils() if path.stem.endswith(("judge", "parse", "plan", "facts"))],
                         ids=name)
def test_judgement_touches_nothing_of_the_world(path: Path) -> None:
    assert not [one for one in imports(path) if one.name.split(".")[0] in FORBIDDEN_IN_PURE]
    names = {node.id for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Name)}
    assert "open" not in names


@pytest.mark.parametrize("path", sorted((ROOT / "plugins/modules").glob("*.py")), ids=lambda path: path.stem)
def test_a_single_subject_module_imports_one_subject(path: Path) -> None:
    subjects = {one.name.split(".")[0] for one in imports(path) if one.name.startswith("_") and "." in one.name}
    subjects -= {"_core", "__future__", "_gate"}  # the gate speaks for the subjects that it composes
    allowed = 2 if path.stem in READERS_OF_TWO else 1
    assert len(subjects) <= allowed, subjects


@pytest.mark.parametrize("path", sorted((ROOT / "plugins/filter").glob("*.py")), ids=lambda path: path.stem)
def test_a_filter_is_thin(path: Path) -> None:
    reached = [one for one in imports(path) if one.name.startswith("_") and "." in one.name
               and not one.name.startswith("__")]
    assert all(one.name.split(".")[0] == "_core" and one.name.split(".")[1] in WORDS for one in reached)


@pytest.mark.parametrize("path", sorted((ROOT / "plugins/modules").glob("*_check.py")), ids=lambda path: path.stem)
def test_a_check_module_is_documentation_and_a_short_main(path: Path) -> None:
    functions = [node for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)]
    assert [function.name for function in functions] == ["main"]
    assert (functions[0].end_lineno or 0) - functions[0].lineno <= 25


def test_no_file_is_a_dumping_ground() -> None:
    stems = {path.stem for path in ROOT.glob("plugins/**/*.py")}
    assert not stems & {"common", "utils", "helpers", "misc", "util"}
