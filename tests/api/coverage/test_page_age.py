"""How old what the coverage page shows is, and where the keyboard stays while it is brought up."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from sqlalchemy import delete

from api.access import accounts
from api.access.accounts import NewAccount
from api.access.actor import Grant
from api.access.rights import Role
from api.access.tables import SESSIONS
from api.database import Database
from config import load_site, sample_school_directory
from streams.clock import SystemClock
from tests.api.access.cases import CHEAP, PASSWORD
from tests.api.coverage.page import Page, School
from tests.api.coverage.school_process import ACCOUNTS_VARIABLE, SITE_VARIABLE
from tests.api.service_peer import ServiceProcess

pytestmark = pytest.mark.peer


def test_a_page_that_is_not_answered_says_of_when_it_is_and_stops_saying_so(
    browser: webdriver.Chrome, school: School
) -> None:
    page = Page(browser, school.service)
    page.open("/coverage")
    page.until(lambda: page.text("#areas").count("完整") == 6)
    assert page.text("#shown").startswith("截至 ")
    assert not browser.find_element(By.ID, "connection").is_displayed()
    school.service.kill()
    page.until(lambda: browser.find_element(By.ID, "connection").is_displayed())
    shown = page.text("#shown").removeprefix("截至 ")
    assert f"以下为 {shown} 的情况" in page.text("#connection")
    grey = browser.find_element(By.ID, "areas").value_of_css_property("filter")
    assert grey == "grayscale(1)"
    school.service.start()
    page.until(lambda: not browser.find_element(By.ID, "connection").is_displayed())
    assert browser.find_element(By.ID, "areas").value_of_css_property("filter") == "none"


async def _add_installer(database_url: str) -> None:
    async with Database(database_url) as database, database.write() as connection:
        hashed = CHEAP.hashed(PASSWORD, name="sun", with_code=False)
        new = NewAccount("sun", "孙工", (Grant(Role.INSTALLER),), hashed)
        await accounts.add(connection, "test", new, SystemClock().utc())


async def _end_every_session(database_url: str) -> None:
    async with Database(database_url) as database, database.write() as connection:
        await connection.execute(delete(SESSIONS))


def _answers(browser: webdriver.Chrome, count: int) -> bool:
    """Whether the page was brought up that many times since it was asked first."""
    script = """
      window.answers ??= 0;
      window.follower ??= new MutationObserver(() => { window.answers += 1; });
      window.follower.observe(document.getElementById('shown'), {childList: true});
      return window.answers;
    """
    return int(browser.execute_script(script)) >= count


def test_the_keyboard_stays_and_a_camera_learns_anew_only_after_a_question(
    browser: webdriver.Chrome, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SITE_VARIABLE, str(sample_school_directory()))
    monkeypatch.setenv(ACCOUNTS_VARIABLE, str(tmp_path))
    asyncio.run(_add_installer(sqlite_url))
    with ServiceProcess(sqlite_url, "tests.api.coverage.school_process") as service:
        School(load_site(sample_school_directory()), service).all_well()
        page = Page(browser, service)
        page.open("/sign-in?next=/coverage")
        browser.find_element(By.NAME, "name").send_keys("sun")
        browser.find_element(By.NAME, "password").send_keys(PASSWORD)
        page.click("form button")
        page.until(lambda: page.text("#areas").count("完整") == 6)
        browser.execute_script("document.querySelector('#cameras button').focus()")
        page.until(lambda: _answers(browser, 2))
        focused = "return document.activeElement.closest('#cameras') !== null"
        assert browser.execute_script(focused)

        browser.switch_to.active_element.click()
        assert "重新学习" in browser.switch_to.alert.text
        browser.switch_to.alert.dismiss()
        assert page.text("#said") == ""
        browser.switch_to.active_element.click()
        browser.switch_to.alert.accept()
        page.until(lambda: page.text("#said") == "● 已记录")

        asyncio.run(_end_every_session(sqlite_url))
        page.until(lambda: "登录已到期，请重新登录" in page.text("#connection"))
        assert page.text("#said") == "● 已记录"
        page.click("#connection-sign-in")
        page.until(lambda: browser.current_url.endswith("/sign-in?next=/coverage"))
