# SPDX-License-Identifier: GPL-3.0-or-later
"""The page in a real browser: readable on a desk and on a phone, by day and by night, without a network."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import typing as t
from pathlib import Path

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.thresholds import Thresholds
from ansible_collections.vendhub.ops.plugins.module_utils._core.verdict import metric
from ansible_collections.vendhub.ops.plugins.plugin_utils._report import page
from ansible_collections.vendhub.ops.plugins.plugin_utils._report.history import Past
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.reports import NOW, UNREACHABLE, finding, remembered, report, result

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER) and os.environ.get("CI") != "true",
    reason="chromium and chromedriver are not installed (Debian: chromium chromium-driver)",
)
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]
VIEWS = [(width, height, scheme) for width, height in ((1280, 900), (360, 740)) for scheme in ("light", "dark")]
HOSTILE = ["<script>document.title='pwned'</script>", "\"'><img src=//evil.example/x>", "w" * 10_000, "\u202eevil",
           "a\x00\x1b[31mb", "שלום", "x" * 60 + ".example"]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[webdriver.Chrome]:
    assert CHROMIUM, "chromium is not installed"
    assert DRIVER, "chromedriver is not installed"
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


def day(number: int) -> dict[str, t.Any]:
    """The results of one day: something of every state, details, and values that move."""
    rows = [
        finding("disk_percent", "critical", message="/ is 94 % full (critical above 90 %)", object="/", value=94.2,
                unit="percent", warning=80, critical=90, remedy="ours.site.free_disk"),
        finding("postgresql_blocked_sessions", "warning", message="2 sessions wait for a lock", value=2,
                unit="sessions", warning=0, critical=5, details=[
                    {"pid": 4711, "seconds": 41, "query": "UPDATE tasks SET status = $1 WHERE id = $2"},
                    {"pid": 4712, "seconds": 12, "query": "SELECT id FROM machines WHERE code = $1 FOR UPDATE"}])
        | {"check": "postgresql"},
        finding("redis_latency_seconds", "ok", value=0.0004, unit="seconds") | {"check": "redis"},
        finding("log_errors", "ok", details=[{"fingerprint": "a1", "count": 3, "sample": "ERROR deadlock"}])
        | {"check": "logs"},
    ]
    rows += [finding(f"check_{name}", "ok") | {"check": name} for name in ("api", "pm2", "certificates", "backups")]
    metrics = {metric("disk_percent", mount="/"): 60 + 1.7 * number, "memory_percent": 50 + number % 5 * 6,
               "cpu_percent": 20 + number * 7 % 50}
    return {"web1": result(*rows, metrics=metrics), "web2": result(*rows[2:], metrics=metrics), "db1": UNREACHABLE}


def written(folder: Path, results: t.Mapping[str, t.Any], past: t.Sequence[Past] = ()) -> str:
    path = folder / "report.html"
    path.write_text(page.as_html(report(results, past), past, Thresholds()), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def daily(tmp_path_factory: pytest.TempPathFactory) -> str:
    past: list[Past] = []
    for number in range(20):
        past.append(remembered(report(day(number), past, NOW - datetime.timedelta(days=20 - number))))
    return written(tmp_path_factory.mktemp("daily"), day(20), past)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> str:
    rows = [finding(text, state, message=text, object=text, value=text, details=[{text: text, "sample": text}])
            for text in HOSTILE for state in ("critical", "ok")]
    return written(tmp_path_factory.mktemp("hostile"), {text: result(*rows) for text in HOSTILE})


def show(browser: webdriver.Chrome, url: str, width: int, height: int, scheme: str) -> None:
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia",
                            {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    for kind in ("browser", "performance"):
        browser.get_log(kind)  # type: ignore[no-untyped-call]
    browser.get(url)
    browser.execute_script("document.querySelectorAll('details').forEach(one => one.open = true)")


def requests(browser: webdriver.Chrome) -> list[str]:
    messages = [json.loads(row["message"])["message"] for row in browser.get_log("performance")]  # type: ignore[no-untyped-call]
    return [message["params"]["request"]["url"] for message in messages
            if message["method"] == "Network.requestWillBeSent"]


# WCAG 2.2: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
CONTRASTS = """
const luminance = ([r, g, b]) => [r, g, b].map(c => c / 255)
  .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const numbers = text => text.match(/[\\d.]+/g).map(Number);
const ground = one => {
  for (; one; one = one.parentElement) {
    const colour = numbers(getComputedStyle(one).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour;
  }
  return [255, 255, 255];
};
const bad = [];
let seen = 0;
for (const one of document.querySelectorAll('body *')) {
  const own = [...one.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
  if (!own || !one.checkVisibility() || one.closest('svg')) continue;
  seen += 1;
  const a = luminance(numbers(getComputedStyle(one).color)), b = luminance(ground(one));
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  let opacity = 1;
  for (let up = one; up; up = up.parentElement) opacity *= Number(getComputedStyle(up).opacity);
  if (ratio < 4.5 || opacity < 1)
    bad.push(`${one.tagName}.${one.className}: ${ratio.toFixed(2)} ${one.textContent.slice(0, 30)}`);
}
return [seen, bad];
"""


@pytest.mark.parametrize("kind", ["daily", "hostile"])
@pytest.mark.parametrize(("width", "height", "scheme"), VIEWS)
def test_the_page_fits_stays_silent_and_can_be_read(
    browser: webdriver.Chrome, request: pytest.FixtureRequest, kind: str, width: int, height: int, scheme: str,
) -> None:
    url = request.getfixturevalue(kind)
    show(browser, url, width, height, scheme)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.execute_script("return innerWidth") == width
    assert [row for row in browser.get_log("browser") if row["level"] != "INFO"] == []  # type: ignore[no-untyped-call]
    assert {one for one in requests(browser) if not one.startswith("data:")} == {url}
    seen, bad = browser.execute_script(CONTRASTS)
    assert seen > 30
    assert bad == []


@pytest.mark.parametrize(("width", "height", "scheme"), VIEWS)
def test_every_state_is_a_word_that_can_be_seen(
    browser: webdriver.Chrome, daily: str, width: int, height: int, scheme: str,
) -> None:
    show(browser, daily, width, height, scheme)
    matrix = browser.find_element(By.CSS_SELECTOR, ".matrix").text
    for words in ("critical", "warning", "unknown", "ok", "no verdict", "web1", "web2", "db1"):
        assert words in matrix
    assert "1 of 3 hosts is critical" in browser.find_element(By.TAG_NAME, "h1").text
    assert "ansible-playbook ours.site.free_disk --limit web1" in browser.find_element(By.ID, "main").text
    if width < 600:
        assert "certificates ✓ ok" in matrix, "a narrow screen names the check in each cell"


def test_headings_landmarks_and_tables_tell_the_structure(browser: webdriver.Chrome, daily: str) -> None:
    show(browser, daily, 1280, 900, "light")
    levels = [int(one.tag_name[1]) for one in browser.find_elements(By.CSS_SELECTOR, "h1,h2,h3,h4,h5,h6")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:]))
    for landmark in ("header", "main", "footer"):
        assert len(browser.find_elements(By.TAG_NAME, landmark)) == 1
    for table in browser.find_elements(By.TAG_NAME, "table"):
        assert table.find_elements(By.CSS_SELECTOR, "th[scope=col]")
    drawings = browser.find_elements(By.TAG_NAME, "svg")
    assert len(drawings) >= 6
    for drawing in drawings:
        assert drawing.accessible_name.count(" → ") == 1
        assert drawing.aria_role in {"img", "image"}


def test_the_keyboard_reaches_the_report_and_its_details(browser: webdriver.Chrome, daily: str) -> None:
    show(browser, daily, 1280, 900, "light")
    browser.get(daily)
    body = browser.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.TAB)
    skip = browser.switch_to.active_element
    assert skip.text == "Skip to the report"
    assert skip.location["x"] >= 0
    summary = browser.find_element(By.CSS_SELECTOR, ".host > details > summary")
    summary.send_keys(Keys.ENTER)
    assert summary.find_element(By.XPATH, "..").get_attribute("open") is not None


def test_hostile_text_stays_text(browser: webdriver.Chrome, hostile: str) -> None:
    show(browser, hostile, 1280, 900, "light")
    assert browser.title.startswith("CRITICAL – All 7 hosts are critical")
    said = browser.find_element(By.ID, "main").text
    assert HOSTILE[0] in said
    assert HOSTILE[1] in said
    assert not browser.find_elements(By.CSS_SELECTOR, "script, img")


def test_paper_shows_what_is_folded_on_screen(browser: webdriver.Chrome, daily: str) -> None:
    show(browser, daily, 1280, 900, "light")
    browser.get(daily)
    visible = ("const row = document.querySelector('.host > details td');"
               "return row.getBoundingClientRect().height > 0 && row.checkVisibility({contentVisibilityAuto: true})")
    assert browser.execute_script(visible) is False
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert browser.execute_script(visible) is True
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
