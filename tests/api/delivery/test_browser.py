"""The delivery page in a real browser: every driver has its settings, its state and its test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service as DriverService
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.api.service_peer import ServiceProcess
from tests.conftest import need_peer

pytestmark = pytest.mark.peer

_PATIENCE_S = 120.0
_DRIVERS = {
    ("room", "gb"): "34020000001110000001",
    ("room", "hook"): "https://127.0.0.1:1/alarms",
    ("centre", "mqtt"): "school/alarms/ack",
    ("centre", "sia"): "1A2B",
    ("centre", "folder"): "school@localhost",
    ("chat", "robot"): "wecom",
}


@pytest.fixture
def browser(chromium: Path) -> Iterator[webdriver.Chrome]:
    driver = shutil.which("chromedriver")
    need_peer(driver, "chromedriver", "apt-get install chromium-driver")
    options = Options()
    options.binary_location = str(chromium)
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-proxy-server",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=DriverService(driver))
    try:
        yield chrome
    finally:
        chrome.quit()


def test_every_driver_has_settings_a_state_and_a_test(
    browser: webdriver.Chrome, sqlite_url: str
) -> None:
    with ServiceProcess(sqlite_url, "tests.api.delivery.page_process") as service:
        browser.get(f"{service.url}/delivery")
        wait = WebDriverWait(browser, _PATIENCE_S)
        assert browser.find_element(By.TAG_NAME, "html").get_attribute("lang") == "zh-CN"
        for (target, path), setting in _DRIVERS.items():
            button = browser.find_element(
                By.CSS_SELECTOR, f"button[data-test='{target}'][data-path='{path}']"
            )
            row = button.find_element(By.XPATH, "./ancestor::tr")
            # No sender runs here, and the page must not pretend to know.
            assert "? 未知" in row.text
            settings = row.find_element(By.XPATH, "./following-sibling::tr[1]//details")
            browser.execute_script("arguments[0].open = true", settings)
            assert setting in settings.text
            assert "delivery.yaml" in settings.text
            browser.execute_script("document.getElementById('said').hidden = true")
            browser.execute_script("arguments[0].click()", button)
            wait.until(lambda _: browser.find_element(By.ID, "said").is_displayed())
            assert browser.find_element(By.ID, "said").get_attribute("class") == "good"
        state = service.client.get("/api/v1/delivery").json()
        assert {target["id"]: target["open"] for target in state["targets"]} == {
            "room": 2, "centre": 3, "chat": 1,
        }  # fmt: skip
        browser.get(f"{service.url}/delivery?lang=en")
        body = browser.find_element(By.TAG_NAME, "body").text
        assert "Police room" in body
        assert "told only when an alarm escalates to: district told" in body
        entries = browser.get_log("browser")  # type: ignore[no-untyped-call]
        assert [one["message"] for one in entries if one["level"] == "SEVERE"] == []
