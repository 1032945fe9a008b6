"""What the desk says when the sign-in ends, or is about to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from selenium import webdriver

from tests.api.access.cases import PASSWORD
from tests.api.console.page import Desk
from tests.api.service_peer import ServiceProcess

pytestmark = pytest.mark.peer


@pytest.fixture
def house(sqlite_url: str) -> Iterator[ServiceProcess]:
    with ServiceProcess(sqlite_url, "tests.api.console.accounts_process") as process:
        yield process


def _sign_in(browser: webdriver.Chrome, house: ServiceProcess, name: str, path: str) -> Desk:
    desk = Desk(browser, house, f"/sign-in?next={path}", live=False)
    desk.one("input[name=name]").send_keys(name)
    desk.one("input[name=password]").send_keys(PASSWORD)
    desk.one("form button").click()
    desk.until(lambda: desk.data("#link", "link") == "live")
    return desk


def _end_every_session(sqlite_url: str) -> None:
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as database, database:
        database.execute("delete from account_sessions")


def test_a_session_that_ended_is_no_lost_server(
    browser: webdriver.Chrome, house: ServiceProcess, sqlite_url: str
) -> None:
    desk = _sign_in(browser, house, "liu", "/police")
    house.send(house.record("stair", "L0", 0.4))
    _end_every_session(sqlite_url)
    desk.until(lambda: "登录已到期，请重新登录" in desk.text("#refused"))
    assert not desk.one("#lost").is_displayed()
    assert desk.data("#link", "link") == "refused"
    assert desk.text("#link-text") == "登录已失效"
    desk.until(lambda: desk.data("body", "sounding") == "refused")
    # What stands there is old, and looks it.
    assert "grayscale" in desk.one(".places").value_of_css_property("filter")
    desk.one("#refused a").click()
    desk.until(lambda: browser.current_url == f"{house.url}/sign-in?next=/police")


def test_whoever_signs_in_in_another_window_has_the_desk_back(
    browser: webdriver.Chrome, house: ServiceProcess, sqlite_url: str
) -> None:
    desk = _sign_in(browser, house, "desk", "/")
    _end_every_session(sqlite_url)
    desk.until(lambda: desk.one("#refused").is_displayed())
    mine = browser.current_window_handle
    browser.switch_to.new_window("tab")
    other = browser.current_window_handle
    browser.get(f"{house.url}/sign-in")
    desk.one("input[name=name]").send_keys("desk")
    desk.one("input[name=password]").send_keys(PASSWORD)
    desk.one("form button").click()
    desk.until(lambda: "/sign-in" not in browser.current_url)
    browser.switch_to.window(mine)
    desk.until(lambda: not desk.one("#refused").is_displayed())
    desk.until(lambda: desk.data("#link", "link") == "live")
    browser.switch_to.window(other)
    browser.close()
    browser.switch_to.window(mine)


def test_the_end_of_a_session_is_said_in_good_time(
    browser: webdriver.Chrome, house: ServiceProcess
) -> None:
    desk = _sign_in(browser, house, "desk", "/")
    days = "return (Date.parse(document.body.dataset.session%s) - Date.now()) / 86400000"
    assert browser.execute_script(days % "Ends") == pytest.approx(30.0, abs=0.1)
    assert browser.execute_script(days % "Warns") == pytest.approx(29.0, abs=0.1)
    assert not desk.one("#ending").is_displayed()
    browser.execute_script("document.body.dataset.sessionWarns = new Date().toISOString()")
    desk.until(lambda: "登录将于" in desk.text("#ending"))
    assert desk.one("#ending a").get_attribute("href") == f"{house.url}/sign-in?next=/"
