"""Which alarm stands in the panel that says where, why and what to do."""

from __future__ import annotations

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from tests.api.console.page import Desk
from tests.api.service_peer import ServiceProcess

pytestmark = pytest.mark.peer

_LATER = "const now = performance.now.bind(performance); performance.now = () => now() + 61000;"


def _acknowledged(desk: Desk, school: ServiceProcess, stair: int, number: int) -> None:
    """A queue on this stair that the guard acknowledged by a click: that chose it."""
    school.send(school.record(f"stair-{stair}", "L2", 2.0))
    desk.until(lambda: desk.data(f"[data-alarm='{number}']", "state") == "unacknowledged")
    desk.one(f"[data-alarm='{number}'] .alarm-acknowledge").click()
    desk.until(lambda: desk.data(f"[data-alarm='{number}']", "state") == "acknowledged")
    assert desk.data("#focus", "number") == str(number)


def test_what_was_chosen_before_does_not_keep_a_crush_out_of_the_panel(
    browser: webdriver.Chrome, school: ServiceProcess
) -> None:
    desk = Desk(browser, school)
    desk.start_shift()
    _acknowledged(desk, school, 1, 1)
    school.send(school.record("stair-2", "L4", 3.9))
    desk.until(lambda: desk.data("#focus", "number") == "2")
    assert "教学楼西侧2号楼梯" in desk.text("#focus-place")
    # Whoever turns away from it has seen it: the choice stands, also when it is told of anew.
    desk.one("[data-alarm='1'] .alarm-place").click()
    desk.until(lambda: desk.data("#focus", "number") == "1")
    school.send(school.record("stair-3", "L2", 2.0))
    desk.until(lambda: desk.data("[data-alarm='3']", "state") == "unacknowledged")
    assert desk.data("#focus", "number") == "1"
    assert desk.complaints() == []


def test_a_queue_that_becomes_a_crush_takes_the_panel(
    browser: webdriver.Chrome, school: ServiceProcess
) -> None:
    desk = Desk(browser, school)
    desk.start_shift()
    _acknowledged(desk, school, 1, 1)
    school.send(school.record("stair-2", "L2", 2.0))
    desk.until(lambda: desk.data("[data-alarm='2']", "state") == "unacknowledged")
    desk.one("[data-alarm='1'] .alarm-place").click()
    desk.until(lambda: desk.data("#focus", "number") == "1")
    school.send(school.record("stair-2", "L4", 3.9))
    desk.until(lambda: desk.data("#focus", "number") == "2")
    # Whoever hears the page hears of it too.
    spoken = "return document.querySelector('#spoken').textContent"
    assert browser.execute_script(spoken) == "新告警：教学楼西侧2号楼梯，L4 危急"


def test_who_can_be_sent_is_asked_again_and_keeps_no_button_waiting(
    browser: webdriver.Chrome, school: ServiceProcess
) -> None:
    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/api/v1/people"]})
    people = "return document.querySelectorAll('#focus-dispatch option').length"
    try:
        desk = Desk(browser, school)
        desk.start_shift()
        school.send(school.record("stair-1", "L3", 2.9))
        desk.until(lambda: desk.data("#focus", "number") == "1")
        assert browser.execute_script(people) == 1
    finally:
        browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    desk.until(lambda: browser.execute_script(people) == 3)


# What the page says for half a minute is said for a third of a second.
_HASTE = """
const real = window.setTimeout;
window.setTimeout = (call, ms) => real(call, ms === 30000 ? 300 : ms);
"""


def test_a_refusal_of_before_does_not_stand_on_the_alarm_for_ever(
    browser: webdriver.Chrome, school: ServiceProcess
) -> None:
    desk = Desk(browser, school)
    desk.start_shift()
    school.send(school.record("stair-1", "L3", 2.9))
    desk.until(lambda: desk.data("[data-alarm='1']", "state") == "unacknowledged")
    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/alarms/1/acknowledge"]})
    refusal = "[data-alarm='1'] .alarm-refusal"
    try:
        desk.one("[data-alarm='1'] .alarm-acknowledge").click()
        desk.until(lambda: desk.text(refusal) == "没有送达服务器，请再试")
        browser.execute_script(_HASTE)
        desk.one("[data-alarm='1'] .alarm-acknowledge").click()
        desk.until(lambda: desk.text(refusal) == "")
    finally:
        browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    assert desk.data("[data-alarm='1']", "state") == "unacknowledged"


def test_an_equal_alarm_waits_for_whoever_is_at_work_and_not_for_a_desk_left_alone(
    browser: webdriver.Chrome, school: ServiceProcess
) -> None:
    desk = Desk(browser, school)
    desk.start_shift()
    _acknowledged(desk, school, 1, 1)
    school.send(school.record("stair-2", "L2", 2.0))
    desk.until(lambda: desk.data("[data-alarm='2']", "state") == "unacknowledged")
    assert desk.data("#focus", "number") == "1"
    browser.execute_script(_LATER)
    desk.until(lambda: desk.data("#focus", "number") == "2")
    # Nothing is done to it by a key that was on its way.
    desk.one("body").send_keys(Keys.ARROW_DOWN)
    assert school.client.get("/api/v1/alarms/2").json()["state"] == "unacknowledged"


_AFTER = """const panel = document.querySelector("#focus");
return panel.hidden ? null : panel.previousElementSibling?.dataset.alarm ?? "beside";"""


def test_on_a_phone_what_to_do_stands_under_its_alarm(
    browser: webdriver.Chrome, school: ServiceProcess
) -> None:
    def screen(width: int, height: int) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    screen(390, 844)
    try:
        desk = Desk(browser, school)
        desk.start_shift()
        school.send(school.record("stair-1", "L4", 3.9), school.record("stair-2", "L2", 2.0))
        desk.until(lambda: browser.execute_script(_AFTER) == "1")
        # Chosen by a touch, the other one has it.
        desk.one("[data-alarm='2'] .alarm-place").click()
        desk.until(lambda: browser.execute_script(_AFTER) == "2")
        assert desk.data("#focus", "number") == "2"
        # Turned to a wide screen it stands beside the alarms, above the zones.
        screen(1366, 768)
        desk.until(lambda: browser.execute_script(_AFTER) == "beside")
        shown = "return document.querySelector('#focus + section #zone-list') !== null"
        assert browser.execute_script(shown)
        assert desk.complaints() == []
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
