"""The delivery page in a real browser: every driver has its settings, its state and its test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support import expected_conditions
from selenium.webdriver.support.ui import WebDriverWait
from sqlalchemy import create_engine, select

from api.delivery.tables import DELIVERIES
from tests.api.access.cases import PASSWORD
from tests.api.delivery.site_processes import (
    CHIEF,
    SECRET,
    PoliceRoom,
    SiteProcesses,
    sealed_names,
    site_processes,
)
from tests.api.service_peer import ServiceProcess

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


# Its second click comes after the first was answered.
_DOUBLE_CLICK = """
const press = (detail) => arguments[0].dispatchEvent(
  new MouseEvent('click', {bubbles: true, cancelable: true, detail}));
press(1);
setTimeout(() => press(2), 200);
"""


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
            browser.execute_script(_DOUBLE_CLICK, button)
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


def test_what_did_not_arrive_is_noted_sent_to_another_and_given_up(
    browser: webdriver.Chrome, sqlite_url: str
) -> None:
    with ServiceProcess(sqlite_url, "tests.api.delivery.page_process") as service:
        _write_messages(
            sqlite_url,
            {"target_id": "centre", "state": "rejected", "is_open": False},
            {"target_id": "moved", "state": "pending", "is_open": True},
            {"target_id": "removed", "state": "pending", "is_open": True},
        )
        browser.get(f"{service.url}/delivery")
        wait = WebDriverWait(browser, _PATIENCE_S)
        for button in (
            "button[data-noted='centre']",
            "button[data-stranded='moved'][data-to='room']",
            "button[data-stranded='removed'].danger",
        ):
            browser.execute_script("document.getElementById('said').hidden = true")
            browser.find_element(By.CSS_SELECTOR, button).click()
            if "danger" in button:
                wait.until(expected_conditions.alert_is_present())
                assert "不再发送" in browser.switch_to.alert.text
                browser.switch_to.alert.accept()
            wait.until(lambda _: browser.find_element(By.ID, "said").is_displayed())
            assert browser.find_element(By.ID, "said").get_attribute("class") == "good"
        state = service.client.get("/api/v1/delivery").json()
        assert state["stranded"] == []
        assert [target["ended_badly"] for target in state["targets"]] == [0, 0, 0]
        assert _messages(sqlite_url) == [
            ("centre", "rejected"), ("room", "pending"), ("removed", "given_up"),
        ]  # fmt: skip
        browser.get(f"{service.url}/delivery?lang=en")
        assert "no longer in the settings" not in browser.find_element(By.TAG_NAME, "body").text


def _write_messages(url: str, *rows: dict[str, object]) -> None:
    """Messages in the outbox as an earlier run left them."""
    usual = {
        "action": "opened", "priority": 1, "is_test": False, "body_json": "{}", "attempts": 1,
        "created_ns": 1, "next_ns": 1, "detail": "",
    }  # fmt: skip
    engine = create_engine(url)
    with engine.begin() as connection:
        for number, row in enumerate(rows):
            values = {**usual, **row, "message_id": f"msg_{number}"}
            connection.execute(DELIVERIES.insert().values(values))
    engine.dispose()


def _messages(url: str) -> list[tuple[str, str]]:
    """Target and state of what `_write_messages` wrote."""
    engine = create_engine(url)
    mine = DELIVERIES.c.message_id.like("msg__")
    query = select(DELIVERIES.c.target_id, DELIVERIES.c.state).where(mine)
    query = query.order_by(DELIVERIES.c.seq)
    with engine.begin() as connection:
        found = [(target, state) for target, state in connection.execute(query)]
    engine.dispose()
    return found


class Page:
    """The settings page as an administrator uses it."""

    def __init__(self, chrome: webdriver.Chrome, site: SiteProcesses) -> None:
        self.chrome = chrome
        self.site = site

    def until(self, told: Callable[[], object]) -> None:
        """Wait; a page that has not come yet is asked again."""
        patience = WebDriverWait(self.chrome, _PATIENCE_S, ignored_exceptions=[WebDriverException])
        patience.until(lambda _: told())

    def one(self, selector: str) -> WebElement:
        return self.chrome.find_element(By.CSS_SELECTOR, selector)

    def enter(self, selector: str, words: str) -> None:
        field = self.one(selector)
        field.clear()
        field.send_keys(words)

    def said(self) -> str:
        said = self.one("#said")
        return f"{said.get_attribute('class')}: {said.text}" if said.is_displayed() else ""

    def press(self, selector: str) -> str:
        """Press a button and wait for what is said, beyond that it is being tried."""
        self.chrome.execute_script("document.getElementById('said').hidden = true")
        self.one(selector).click()
        self.until(lambda: self.said() and "正在试发" not in self.said())
        return self.said()

    def sign_in(self) -> None:
        def there() -> bool:
            self.chrome.get(f"{self.site.url}/sign-in?next=/delivery")
            return bool(self.one("input[name=code]"))

        self.until(there)
        for name, words in (("name", CHIEF), ("password", PASSWORD), ("code", self.site.code())):
            self.enter(f"input[name={name}]", words)
        self.one("form button").click()
        # The address of the sign-in page ends with that of the next one.
        self.until(lambda: "/sign-in" not in self.chrome.current_url and self.one("#said"))


def test_an_administrator_mends_a_line_and_the_waiting_alarm_gets_out(
    browser: webdriver.Chrome, tmp_path: Path
) -> None:
    """Real service and sender, accounts, a signed receiver: no restart, and nothing is lost."""
    room = PoliceRoom()
    with room.listening(), site_processes(tmp_path) as site:
        page = Page(browser, site)
        page.sign_in()
        site.crowd()
        assert page.press("button[data-test='room'][data-path='main']").startswith("good:")
        browser.get(f"{site.url}/delivery/settings/path?target=room&path=main")
        assert page.one("#secret").get_attribute("value") == ""
        page.enter("#url", "http://203.0.113.9/alarms")
        told = page.press("#save")
        assert told.startswith("bad: settings.url：")
        assert "改法" in told
        assert page.one("[data-wrong=url]").is_displayed()
        assert page.one("#url").get_attribute("aria-invalid") == "true"
        page.enter("#url", room.url)
        page.enter("#secret", SECRET)
        assert "对方已收到测试" in page.press("#try")
        assert [body["action"] for body in room.bodies] == ["test"]
        assert "203.0.113.9" not in (site.site / "delivery.yaml").read_text("utf-8")
        assert page.press("#save").startswith("good:")
        page.until(lambda: any(body["subject_id"] == "stair-a" for body in room.bodies))
        # On a slow machine the cameras that nobody watches here have become alarms of their own.
        stair = [body for body in room.bodies if body["subject_id"] == "stair-a"]
        (opened,) = [body for body in stair if body["action"] == "opened"]
        assert opened["place"]["zh"]
        written = (site.site / "delivery.yaml").read_text("utf-8")
        (name,) = sealed_names(site.site)
        assert f"sealed:{name}" in written
        assert written.startswith("# the only line so far")
        assert SECRET not in written + (site.site / "secrets.sealed").read_text("utf-8")
        page.until(lambda: browser.current_url.endswith("/delivery"))
        assert room.url in browser.page_source
        assert SECRET not in browser.page_source
