# SPDX-License-Identifier: GPL-3.0-or-later
"""Every file of a report is well-formed whatever the hosts said."""

from __future__ import annotations

import html.parser
import json
import re
import time
import typing as t
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.thresholds import Thresholds
from ansible_collections.vendhub.ops.plugins.module_utils._core.verdict import metric
from ansible_collections.vendhub.ops.plugins.plugin_utils._report import folder, machine, page, plain, series, terminal
from ansible_collections.vendhub.ops.plugins.plugin_utils._report.make import texts

from tests.reports import NOW, UNREACHABLE, finding, report, result

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "report.schema.json").read_text())
HOSTILE = [
    "<script>alert(1)</script>", "'\"><img src=x onerror=alert(1)>", "]]></testcase>", "{{ 7 * 7 }}{% raw %}",
    "a\x00b\x07c\x1b[31mred\x1b[0m\x9b", "\u202eevil\u2066 \u200f", "w" * 10_000, "\udc80 lone", "\ufffe\uffff",
    "שלום مرحبا", "two\r\nlines\rand\ttab", "back\\slash \"quote\"", "-->", "&amp;&#x41;",
]


def hostile() -> dict[str, t.Any]:
    rows = [finding(f"name {text}", state, message=text, object=text, unit=text, value=text,
                    details=[{text: text, "n": index}, {"sample": text, "none": None, "list": [text], "map": {"a": 1}}])
            for index, text in enumerate(HOSTILE) for state in ("warning", "critical", "unknown", "ok")]
    metrics: dict[str, t.Any] = {metric("disk_percent", mount=text): 1.5 for text in HOSTILE}
    metrics |= {"nan": float("nan"), "infinite": float("inf"), "bool": True, "text": "x", "bad key{": 1, "1bad": 2,
                'twice{a="1",a="2"}': 3, 'open{a="1': 3, "check_state": 9, 'host_label{host="x"}': 4, "runs_total": 7}
    return {text: result(*rows, metrics=metrics) for text in HOSTILE}


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return texts(report(hostile()), list(folder.FILES), (), Thresholds())


def test_every_file_can_be_written_as_utf_8(files: dict[str, str]) -> None:
    assert set(files) == set(folder.FILES.values())
    for text in files.values():
        assert "\x1b" not in text
        assert "\x00" not in text
        assert text.encode()


@pytest.mark.parametrize("results", [
    {}, {"web1": UNREACHABLE}, {"web1": None, "web2": result(finding(value=True), metrics={"x": 1})}, "hostile",
])
def test_json_is_as_its_schema_says(results: t.Any) -> None:
    fleet = report(hostile() if results == "hostile" else results)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(machine.as_json(fleet)))


def test_the_schema_refuses_what_is_not_a_report() -> None:
    data = machine.as_data(report({"web1": result()}))
    data["hosts"][0]["state"] = "excellent"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate(data)


def test_junit_is_xml_with_a_suite_a_host_and_a_case_a_finding(files: dict[str, str]) -> None:
    root = ElementTree.fromstring(files["report.junit.xml"])
    assert len(root) == len(HOSTILE)
    assert {suite.get("tests") for suite in root} == {str(4 * len(HOSTILE))}
    for suite in root:
        assert len(suite.findall("testcase")) == int(suite.get("tests") or 0)
        assert len(suite.findall("testcase/failure")) == int(suite.get("failures") or 0) == 2 * len(HOSTILE)
        assert len(suite.findall("testcase/error")) == int(suite.get("errors") or 0) == len(HOSTILE)
    assert int(root.get("tests") or 0) == sum(int(suite.get("tests") or 0) for suite in root)


def test_junit_tells_the_repair() -> None:
    fleet = report({"web 1": result(finding(state="critical", remedy="ours.site.free_disk"))})
    (failure,) = ElementTree.fromstring(machine.as_junit(fleet)).iter("failure")
    assert failure.text == "repair: ansible-playbook ours.site.free_disk --limit 'web 1'"
    assert failure.get("type") == "critical"


SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (\S+)')


def test_the_textfile_is_a_valid_exposition(files: dict[str, str]) -> None:
    family, seen, families = "", set(), []
    assert files["report.prom"].endswith("\n")
    for line in files["report.prom"].split("\n")[:-1]:
        if line.startswith("# HELP "):
            family = line.split()[2]
            families.append(family)
        elif line.startswith("# TYPE "):
            assert line.split()[2:] == [family, "counter" if family.endswith("_total") else "gauge"]
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            assert match.group(1) == family
            assert (match.group(1), match.group(2)) not in seen, line
            seen.add((match.group(1), match.group(2)))
            float(match.group(3))
    assert len(families) == len(set(families))
    assert "vendhub_disk_percent" in families
    assert "vendhub_bool" not in families
    assert 'vendhub_host_label{exported_host="x",host="-->"} 4' in files["report.prom"].splitlines()


def test_the_textfile_carries_hosts_states_and_metrics() -> None:
    lines = machine.as_prometheus(report({
        "web1": result(finding(state="critical", object="/"), metrics={'disk_percent{mount="/"}': 91.5}),
        "web2": UNREACHABLE,
    })).splitlines()
    assert 'vendhub_disk_percent{host="web1",mount="/"} 91.5' in lines
    assert 'vendhub_check_state{check="system",host="web1"} 3' in lines
    assert 'vendhub_finding_state{check="system",finding="disk_percent",host="web1",object="/"} 3' in lines
    assert 'vendhub_host_state{host="web2"} 2' in lines
    assert 'vendhub_host_answered{host="web2"} 0' in lines
    assert f"vendhub_report_timestamp_seconds {int(NOW.timestamp())}" in lines


class Page(html.parser.HTMLParser):
    """Tags, attributes and texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_page_runs_nothing_and_fetches_nothing(files: dict[str, str]) -> None:
    tags = Page(files["report.html"]).tags
    assert not {tag for tag, attributes in tags} & {"script", "img", "iframe", "object", "form", "base"}
    for tag, attributes in tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/svg+xml,")), (tag, attributes)
    (policy,) = [one["content"] for tag, one in tags if tag == "meta" and "http-equiv" in one]
    assert policy
    assert policy.startswith("default-src 'none'; style-src 'sha256-")


def test_the_page_shows_hostile_text_as_text(files: dict[str, str]) -> None:
    said = "".join(Page(files["report.html"]).texts)
    assert "<script>alert(1)</script>" in said
    assert "{{ 7 * 7 }}{% raw %}" in said
    assert "שלום مرحبا" in said
    assert "more characters)" in said


def test_the_page_has_every_link_target_once(files: dict[str, str]) -> None:
    tags = Page(files["report.html"]).tags
    ids = [one["id"] for tag, one in tags if "id" in one]
    assert len(ids) == len(set(ids))
    targets = {(one["href"] or "")[1:] for tag, one in tags if tag == "a"}
    assert targets <= set(ids)


def test_a_large_fleet_is_rendered_in_two_seconds() -> None:
    rows = [finding(f"row_{index}", "warning" if index % 20 == 0 else "ok", value=index, unit="percent", warning=80,
                    details=[{"sample": "x" * 200}] if index % 10 == 0 else []) for index in range(60)]
    results = {f"host{index:03}": result(*rows, metrics={f'disk_percent{{mount="/{n}"}}': n for n in range(40)})
               for index in range(100)}
    started = time.process_time()
    texts(report(results), list(folder.FILES), (), Thresholds())
    assert time.process_time() - started < 2


def test_the_summary_is_read_in_ten_seconds() -> None:
    rows = [finding(f"row{index}", "critical", remedy="ours.site.free_disk") for index in range(30)]
    fleet = report({f"host{number}": result(*rows) for number in range(30)})
    lines = [line.text for line in terminal.summary(fleet, "Report: x")]
    assert len(lines) <= 30
    assert lines[0].startswith("✕ CRITICAL All 30 hosts are critical")
    assert "  … and 888 more in the report" in lines
    assert "  … and 20 more in the report: 20 critical" in lines
    assert lines[-1] == "Report: x"


def test_the_summary_names_host_check_value_limit_and_repair() -> None:
    fleet = report({"web1": result(finding(
        state="critical", message="94 % used (critical above 90 %)", object="/srv", remedy="ours.site.free_disk"))})
    assert "✕ CRITICAL web1  system: /srv: 94 % used (critical above 90 %)  → ours.site.free_disk" \
        in [line.text for line in terminal.summary(fleet, "")]


@pytest.mark.parametrize(("text", "shown"), [
    ("a\x1b[1;31mb\x1b[0m", "ab"), ("\x1b]0;title\x07x", "x"), ("a\x00b", "a\ufffdb"), ("a\u202eb", "a\ufffdb"),
    ("\ud800", "\ufffd"), ("x" * 30, "x" * 20 + "… (10 more characters)"), (None, "None"), (7, "7"),
])
def test_clean(text: t.Any, shown: str) -> None:
    assert plain.clean(text, 20) == shown


def test_a_word_of_megabytes_is_cleaned_at_once() -> None:
    started = time.process_time()
    plain.clean("password" * 2_000_000)
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize("labels", [{}, {"mount": "/"}, {"a": 'q"\\\n', "b": "}{,="}, {"name": "x", "a": ""}])
def test_a_series_survives_its_key(labels: dict[str, str]) -> None:
    one = series.Series("disk", tuple(sorted(labels.items())))
    assert series.parse(one.key) == one


@pytest.mark.parametrize("key", ["", "1x", "a b", "a{", 'a{b="c"', 'a{b=c}', 'a{b="c"d="e"}', 'a{b="c",b="d"}'])
def test_what_is_not_a_series_is_not_guessed(key: str) -> None:
    assert series.parse(key) is None


def test_a_healthy_big_fleet_is_folded() -> None:
    fleet = report({f"host{n}": result() for n in range(20)})
    assert "20 hosts are all ok" in page.as_html(fleet, (), Thresholds())
