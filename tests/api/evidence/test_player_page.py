"""The evidence page in a real browser."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.support.ui import WebDriverWait

from tests.api.desk_cases import SITE
from tests.api.service_peer import ServiceProcess

pytestmark = pytest.mark.peer

_PATIENCE_S = 60.0


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_times_are_those_of_the_school_wherever_the_browser_stands(
    browser: webdriver.Chrome, sqlite_url: str, lang: str
) -> None:
    browser.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "America/New_York"})
    try:
        with ServiceProcess(sqlite_url, "tests.api.evidence.page_process") as service:
            service.send(service.record("stair", "L3", 2.9))
            steps = service.client.get("/api/v1/alarms/1").json()["history"]
            at = datetime.fromisoformat(steps[0]["at"]).astimezone(ZoneInfo(SITE.timezone))
            script = "return document.querySelector('#acts td')?.innerText ?? ''"

            def shown() -> str:
                browser.get(f"{service.url}/evidence/1?lang={lang}")
                found: str = WebDriverWait(browser, 5.0).until(
                    lambda chrome: chrome.execute_script(script)
                )
                return found

            found = WebDriverWait(
                browser, _PATIENCE_S, ignored_exceptions=(TimeoutException,)
            ).until(lambda _: shown())
            assert found == at.strftime("%Y-%m-%d %H:%M:%S")
            browser.get("about:blank")
    finally:
        browser.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": ""})
