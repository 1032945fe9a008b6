"""The list of clips on a phone."""

from __future__ import annotations

import pytest
from selenium import webdriver

from tests.api.console.page import Desk
from tests.api.service_peer import ServiceProcess

pytestmark = pytest.mark.peer

# Cells that are too narrow for a date, a name or the words of a link.
_NARROW = """return [...document.querySelectorAll('#clips tbody td')]
  .filter((cell) => cell.clientWidth < 250).map((cell) => cell.textContent.trim())"""

# What stands before each cell, where the heads of the columns are not shown.
_HEADS = """return [...document.querySelectorAll('#clips tbody td')]
  .map((cell) => getComputedStyle(cell, '::before').content.replaceAll('"', '').trim())"""


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_clip_can_be_read_and_opened_on_a_phone(
    browser: webdriver.Chrome, sqlite_url: str, lang: str
) -> None:
    metrics = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        with ServiceProcess(sqlite_url, "tests.api.evidence.page_process") as service:
            service.send(service.record("hall", "L3", 2.9))
            desk = Desk(browser, service, f"/evidence?lang={lang}", live=False)

            def listed() -> str:
                browser.get(f"{service.url}/evidence?lang={lang}")
                return desk.text("#clips")

            desk.until(listed)
            names = {"zh": "大厅甲、大厅乙", "en": "Hall camera A, Hall camera B"}
            assert names[lang] in desk.text("#clips")
            assert browser.execute_script(_HEADS)[3] == {"zh": "摄像机", "en": "Camera"}[lang]
            assert browser.execute_script(_NARROW) == []
            assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
            assert desk.complaints() == []
            browser.get("about:blank")
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
