# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/runbook.md says for every command of the runbook what does it now, and says nothing that is not so."""

from __future__ import annotations

import functools
import re
import typing as t
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "runbook.md"
COMMANDS = Path(__file__).with_name("runbook_commands.txt")
TO_COME = "The playbooks to come"
HEADER = ["Step", "The runbook's command", "What does it now", "What was changed, and why", "Status"]

FULL_NAME = re.compile(r"vendhub\.ops\.(\w+)")
BARE_NAME = re.compile(r"[a-z][a-z0-9_]*")
CODE = re.compile(r"`([^`]+)`")


class Row(t.NamedTuple):
    """One command of the runbook on the page."""

    section: str
    command: str
    now: str
    why: str
    status: str


class Name(t.NamedTuple):
    """Something the column "What does it now" names: a thing of the collection, or a finding or option of one."""

    thing: str
    part: str = ""

    def __str__(self) -> str:
        return f"{self.thing}: {self.part}" if self.part else self.thing


def listed() -> list[tuple[str, str]]:
    """(section, command) for each line of our list."""
    found, section = [], ""
    for line in COMMANDS.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line[3:]
        elif line and not line.startswith("# "):
            found.append((section, line))
    return found


def tables() -> t.Iterator[tuple[str, list[str]]]:
    """(heading, cells) for each line of a table, headers and rules left out."""
    section, below_rule = "", False
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line[3:]
        cells = [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        below_rule = bool(cells) and (below_rule or set("".join(cells)) == {"-"})
        if below_rule and set("".join(cells)) != {"-"}:
            yield section, cells


def rows() -> list[Row]:
    found = []
    for section, cells in tables():
        if section == TO_COME:
            continue
        assert len(cells) == len(HEADER), f"{section}: a row has {len(cells)} cells: {cells}"
        code = CODE.fullmatch(cells[1])
        assert code, f"{section}: the command must be code and nothing else: {cells[1]}"
        found.append(Row(section, code[1], *cells[2:]))
    return found


def to_come() -> list[str]:
    """The playbooks the page calls planned."""
    return [match[1] for section, cells in tables() if section == TO_COME for match in FULL_NAME.finditer(cells[0])]


def names(row: Row) -> list[Name]:
    """What a row names; a bare name belongs to the full name before it."""
    found: list[Name] = []
    for code in CODE.findall(row.now):
        full = FULL_NAME.fullmatch(code)
        if full:
            found.append(Name(full[1]))
        else:
            assert BARE_NAME.fullmatch(code), f"{row.command}: {code!r} is no name of the collection"
            assert found, f"{row.command}: say whose {code!r} it is: its full name comes first"
            found.append(Name(found[-1].thing, code))
    return found


def exists(name: Name) -> bool:
    return name.part in parts(name.thing) if name.part else bool(places(name.thing))


def places(thing: str) -> list[Path]:
    candidates = (ROOT / "plugins/modules" / f"{thing}.py", ROOT / "playbooks" / f"{thing}.yml",
                  ROOT / "roles" / thing / "tasks/main.yml")
    return [path for path in candidates if path.is_file()]


@functools.cache
def parts(module: str) -> frozenset[str]:
    """Every quoted word in the code of a module's subject: its findings, metrics and options are among them."""
    path = ROOT / "plugins/modules" / f"{module}.py"
    if not path.is_file():
        return frozenset()
    subjects = set(re.findall(r"module_utils\.(_\w+)\.", path.read_text(encoding="utf-8"))) - {"_core"}
    sources = [source for subject in subjects for source in (ROOT / "plugins/module_utils" / subject).glob("*.py")]
    quoted = (re.findall(r'"(\w+)"', source.read_text(encoding="utf-8")) for source in sources)
    return frozenset(word for words in quoted for word in words)


def of_status(status: str) -> list[t.Any]:
    return [pytest.param(row, id=f"{row.section}-{row.command[:40]}") for row in rows() if row.status == status]


def test_every_command_of_the_runbook_has_a_row() -> None:
    on_page = {(row.section, row.command) for row in rows()}
    assert [one for one in listed() if one not in on_page] == []


def test_the_page_follows_the_runbook_line_by_line() -> None:
    assert [(row.section, row.command) for row in rows()] == listed()


def test_no_row_is_there_twice() -> None:
    seen = [(row.section, row.command) for row in rows()]
    assert sorted({one for one in seen if seen.count(one) > 1}) == []


def test_every_section_has_a_table_with_the_same_columns() -> None:
    header = f"| {' | '.join(HEADER)} |"
    sections = {section for section, _command in listed()}
    assert PAGE.read_text(encoding="utf-8").count(f"\n{header}\n") == len(sections) > 0


def test_a_row_is_done_or_planned_and_says_why() -> None:
    assert [row for row in rows() if row.status not in ("done", "planned") or not row.why] == []


@pytest.mark.parametrize("row", of_status("done"))
def test_what_a_done_row_names_exists(row: Row) -> None:
    named = names(row)
    assert named, "name the module, playbook or role that does it now"
    assert [str(name) for name in named if not exists(name)] == []


@pytest.mark.parametrize("row", of_status("planned"))
def test_a_planned_row_waits_for_a_playbook(row: Row) -> None:
    promised, *others = names(row)
    assert row.now.startswith("to come: "), "nobody may take it for something that exists"
    assert promised.thing in to_come()
    assert not places(promised.thing), f"{promised} exists now: say what it does, and make the row done"
    assert [str(name) for name in others if not exists(name)] == [], "what is named for today must exist"


@pytest.mark.parametrize("playbook", to_come())
def test_a_playbook_to_come_does_not_exist_yet(playbook: str) -> None:
    assert not places(playbook), f"vendhub.ops.{playbook} exists now: take it from the list and update its rows"


def test_every_repair_a_finding_names_exists_or_is_to_come() -> None:
    sources = list((ROOT / "plugins/module_utils").glob("_*/*.py"))
    named = {match for source in sources for match in re.findall(r'"vendhub\.ops\.(\w+)"', source.read_text("utf-8"))}
    assert "recover" in named
    assert sorted(name for name in named if not places(name) and name not in to_come()) == []
