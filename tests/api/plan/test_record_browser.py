"""The records in a real browser: one is taken back by keyboard alone, and the list is paged."""

from __future__ import annotations

import asyncio

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from api.plan.record_store import PAGE
from tests.api.plan.plan_process import PlanProcess
from tests.api.plan.test_browser import DESKTOP, PHONE, UNIT, Page, page, pytestmark, service
from tests.api.plan.test_record_pages import fill

__all__ = ["page", "pytestmark", "service"]


def press(page: Page, key: str) -> None:
    page.chrome.switch_to.active_element.send_keys(key)


def hand_in_drill(page: Page, service: PlanProcess, title: str) -> None:
    page.chrome.get(f"{service.url}{UNIT}/form/drill")
    page.fill_drill(title)
    page.click("form.record button")
    page.until(lambda: "已提交" in page.text("form.record output"))


def test_a_mistake_is_taken_back_by_keyboard(page: Page, service: PlanProcess) -> None:
    page.screen(DESKTOP)
    page.sign_in(service.url, "wang")
    before = page.text(".figures")
    hand_in_drill(page, service, "填错的演练")
    page.chrome.get(f"{service.url}{UNIT}")
    counted = page.text(".figures")
    page.chrome.get(f"{service.url}{UNIT}/records")
    page.chrome.find_element(By.LINK_TEXT, "填错的演练").send_keys(Keys.ENTER)
    page.until(lambda: page.text("#withdraw summary"))
    page.chrome.find_element(By.CSS_SELECTOR, "#withdraw summary").send_keys(Keys.ENTER)
    page.until(lambda: page.run("return document.querySelector('#withdraw').open"))
    press(page, Keys.TAB)
    press(page, Keys.ENTER)  # without a reason nothing is sent
    assert page.run("return document.querySelector('#withdraw :invalid') !== null")
    assert page.text("#withdraw output") == ""
    press(page, "填错了：" + "演练改到下周" + Keys.ENTER)
    page.until(lambda: "填错了：演练改到下周" in page.text("#taken-back"))
    assert "wang" in page.text("#taken-back")
    assert page.text("main h1 .state") == "已撤回"
    assert page.run("return document.querySelectorAll('main form').length") == 0
    page.chrome.get(f"{service.url}{UNIT}")
    assert counted != before == page.text(".figures")


def test_one_that_another_person_has_taken_back_meanwhile_says_so(
    page: Page, service: PlanProcess
) -> None:
    page.screen(PHONE)
    page.sign_in(service.url, "wang")
    hand_in_drill(page, service, "两人撤回")
    page.chrome.get(f"{service.url}{UNIT}/records")
    page.chrome.find_element(By.LINK_TEXT, "两人撤回").click()
    page.until(lambda: page.text("#withdraw summary"))
    low = "return document.querySelector('#withdraw summary').getBoundingClientRect().height"
    assert page.run(low) >= 44
    page.click("#withdraw summary")
    path = page.run("return document.querySelector('#withdraw form').dataset.post")
    sent = page.run(
        """const token = /xiaoan_csrf_\\d+=([^;]+)/.exec(document.cookie)[1];
        return fetch(arguments[0], {method: "POST", body: JSON.stringify({reason: "同事先撤"}),
          headers: {"content-type": "application/json", "x-csrf-token": token}})
        .then((one) => one.status)""",
        path,
    )
    assert sent == 200
    page.type("#withdraw input", "我也撤")
    page.click("#withdraw button")
    page.until(lambda: "已撤回" in page.text("#withdraw output"))
    page.chrome.refresh()
    page.until(lambda: "同事先撤" in page.text("#taken-back"))
    assert "我也撤" not in page.text("main")


def test_the_list_is_paged_by_keyboard(page: Page, service: PlanProcess) -> None:
    asyncio.run(fill(service.database_url, PAGE + 2, kind="training", kind_type="fire"))
    page.screen(DESKTOP)
    page.sign_in(service.url, "wang")
    page.chrome.get(f"{service.url}{UNIT}/records?group=education")
    rows = "return document.querySelectorAll('tbody tr').length"
    assert page.run(rows) == PAGE
    page.chrome.find_element(By.ID, "older").send_keys(Keys.ENTER)
    page.until(lambda: "before=" in page.chrome.current_url)
    assert "group=education" in page.chrome.current_url
    assert page.run(rows) == 2
    assert page.text("#older") == ""
    page.chrome.find_element(By.ID, "newest").send_keys(Keys.ENTER)
    page.until(lambda: page.run(rows) == PAGE)
    assert "group=education" in page.chrome.current_url
