"""The desk of a school with many stairs: floods, people who are sent, cards, recordings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.api.console.page import Desk
from tests.api.service_peer import ServiceProcess

pytestmark = pytest.mark.peer


def _press(desk: Desk, *keys: str) -> None:
    """To whatever has the focus."""
    desk.browser.switch_to.active_element.send_keys(*keys)


def _focused(desk: Desk) -> str:
    return str(desk.browser.execute_script("return document.activeElement.id"))


def _dispatched(school: ServiceProcess, number: int) -> str | None:
    sent = school.client.get(f"/api/v1/alarms/{number}").json()["dispatched"]
    return None if sent is None else str(sent["note"])


def test_nobody_is_sent_before_the_guard_has_chosen_and_said_so(
    browser: webdriver.Chrome, school: ServiceProcess
) -> None:
    desk = Desk(browser, school)
    desk.start_shift()
    school.send(school.record("stair-1", "L2", 2.0))
    desk.until(lambda: desk.data("#focus", "number") == "1")
    desk.until(lambda: len(desk.one("#focus-dispatch").find_elements(By.TAG_NAME, "option")) == 3)
    _press(desk, "d")
    assert _focused(desk) == "focus-dispatch"
    _press(desk, Keys.ARROW_DOWN)
    _press(desk, Keys.ARROW_DOWN)
    assert desk.one("#focus-dispatch").get_attribute("value") == "guard"
    _press(desk, Keys.ESCAPE)
    assert desk.one("#focus-dispatch").get_attribute("value") == ""
    assert _focused(desk) == ""
    assert _dispatched(school, 1) is None
    _press(desk, "d")
    _press(desk, Keys.ARROW_DOWN)
    _press(desk, Keys.ENTER)
    assert _focused(desk) == "focus-send"
    assert _dispatched(school, 1) is None
    _press(desk, Keys.ENTER)
    desk.until(lambda: "已派 李强" in desk.text("#focus-facts"))
    assert _dispatched(school, 1) == "leader"
    # The keys are the desk's own again.
    assert _focused(desk) == ""


def test_who_was_chosen_for_one_alarm_is_not_sent_to_another(
    browser: webdriver.Chrome, school: ServiceProcess
) -> None:
    desk = Desk(browser, school)
    desk.start_shift()
    school.send(school.record("stair-1", "L2", 2.0))
    desk.until(lambda: desk.data("#focus", "number") == "1")
    desk.until(lambda: len(desk.one("#focus-dispatch").find_elements(By.TAG_NAME, "option")) == 3)
    desk.one("#focus-dispatch").send_keys(Keys.ARROW_DOWN)
    school.send(school.record("stair-2", "L4", 3.9))
    desk.until(lambda: desk.data("#focus", "number") == "2")
    assert desk.one("#focus-dispatch").get_attribute("value") == ""
    desk.one("#focus-send").click()
    assert _dispatched(school, 1) is None
    assert _dispatched(school, 2) is None


def test_the_history_speaks_in_words_and_not_in_ids(
    browser: webdriver.Chrome, school: ServiceProcess
) -> None:
    desk = Desk(browser, school)
    school.send(school.record("stair-0", "L3", 2.9))
    desk.until(lambda: desk.data("#focus", "number") == "1")
    for path, more in (
        ("escalate", {}),
        ("dispatch", {"person": "leader"}),
        ("card/steps/step-1", {"done": True}),
    ):
        version = school.client.get("/api/v1/alarms/1").json()["version"]
        body = {"name": "李强", **more} | ({} if "steps" in path else {"version": version})
        answer = school.client.post(f"/api/v1/alarms/1/{path}", json=body)
        assert answer.status_code == 200, answer.text
    desk.one("[data-alarm='1'] .alarm-foot .quiet").click()
    desk.until(lambda: "疏导" in desk.text("[data-alarm='1'] .history"))
    told = desk.text("[data-alarm='1'] .history")
    assert "再次鸣响" in told
    assert "值班领导 李强" in told
    assert "sound-again" not in told
    assert "step-1" not in told


def _spoken(desk: Desk) -> str:
    return str(desk.browser.execute_script("return document.querySelector('#spoken').textContent"))


def test_a_worse_stair_is_named_in_the_middle_of_a_flood(
    browser: webdriver.Chrome, school: ServiceProcess
) -> None:
    desk = Desk(browser, school)
    desk.start_shift()
    school.send(*[school.record(f"stair-{n}", "L2", 2.0) for n in range(1, 15)])
    desk.until(lambda: "14 条待确认" in desk.text("#alarms-waiting"))
    group = "[data-group='3/crowd']"
    assert "拥挤 14 条" in desk.text(group)
    assert "14 条待确认" in desk.text(group)
    assert "教学楼西侧14号楼梯" in desk.text(group)  # the newest of them
    school.send(school.record("stair-20", "L3", 2.9))
    desk.until(lambda: "教学楼西侧20号楼梯" in desk.text("[data-alarm='15'] .alarm-place"))
    assert "教学楼西侧20号楼梯" in _spoken(desk)
    desk.one("[data-alarm='15'] .alarm-acknowledge").click()
    desk.until(lambda: desk.data("[data-alarm='15']", "state") == "acknowledged")
    school.send(school.record("stair-21", "L3", 2.9))
    desk.until(lambda: "教学楼西侧21号楼梯" in desk.text("[data-alarm='16'] .alarm-place"))
    assert "教学楼西侧21号楼梯" in _spoken(desk)
    # Two of a kind are no group: the one that was acknowledged keeps its card.
    assert desk.text("[data-alarm='15']") != ""
    # What comes into a group is spoken of as well, and named there.
    school.send(school.record("stair-22", "L2", 2.0))
    desk.until(lambda: "教学楼西侧22号楼梯" in desk.text(group))
    assert "教学楼西侧22号楼梯" in _spoken(desk)


def test_a_guard_whose_time_is_over_is_asked_for_a_name(
    browser: webdriver.Chrome, school: ServiceProcess
) -> None:
    desk = Desk(browser, school)
    desk.start_shift()
    # Pictures are asked for only where they can be seen.
    browser.execute_script("document.querySelector('[data-camera=cam-0]').scrollIntoView()")
    desk.until(lambda: desk.one("[data-camera=cam-0] img").is_displayed())
    name = f"xiaoan_guard_{school.url.rpartition(':')[2]}"
    browser.execute_cdp_cmd("Network.deleteCookies", {"name": name, "url": school.url})
    desk.until(lambda: "请重新输入姓名" in desk.text("#shift-error"))
    assert desk.text("#duty-name") == ""
    assert desk.one("#shift-name").is_displayed()
    assert "开始值班后显示画面" in desk.text("[data-camera=cam-0] .view-none")
    desk.one("#shift-name").send_keys("赵敏", Keys.ENTER)
    desk.until(lambda: desk.text("#duty-name") == "赵敏")
    desk.until(lambda: desk.one("[data-camera=cam-0] img").is_displayed())


def test_a_step_ticked_by_key_keeps_the_place_of_the_keyboard(
    browser: webdriver.Chrome, school: ServiceProcess
) -> None:
    desk = Desk(browser, school)
    desk.start_shift()
    school.send(school.record("stair-0", "L3", 2.9))
    desk.until(lambda: desk.text("#card-progress").startswith("0"))
    browser.execute_script("document.querySelector('#step-2').focus()")
    _press(desk, Keys.SPACE)
    desk.until(lambda: desk.text("#card-progress").startswith("1"))
    assert _focused(desk) == "step-2"
    _press(desk, Keys.TAB)
    assert _focused(desk) == "step-3"


@pytest.mark.parametrize(
    ("lang", "cause", "nothing"),
    [
        ("zh", "磁盘将满，录像停止：1 台摄像机", "已恢复，无需处理"),
        ("en", "the disk is nearly full, recording has stopped: 1 camera", "nothing to be done"),
    ],
)
def test_a_fault_that_went_away_by_itself_still_says_what_it_was(
    browser: webdriver.Chrome,
    school: ServiceProcess,
    sqlite_url: str,
    lang: str,
    cause: str,
    nothing: str,
) -> None:
    recording = Path(sqlite_url.removeprefix("sqlite:///")).with_name("recording.json")
    recording.write_text(json.dumps({"cam-1": "disk_full"}))
    desk = Desk(browser, school, f"/?lang={lang}")
    desk.until(lambda: cause in desk.text("[data-alarm='1'] .alarm-why"))
    place = {"zh": "教学楼西侧1号楼梯", "en": "West stair 1"}[lang]
    assert place in desk.text("[data-alarm='1'] .alarm-facts")
    # A camera that is seen has no crossed-out sign.
    href = (
        "return document.querySelector(\"[data-alarm='1'] .alarm-sign use\").getAttribute('href')"
    )
    assert browser.execute_script(href) == "#shape-record"
    sign = "const s = document.querySelector('.alarm-level'); return s.scrollWidth <= s.clientWidth"
    assert browser.execute_script(sign)
    recording.write_text("{}")
    desk.until(lambda: desk.data("[data-alarm='1']", "condition") == "gone")
    assert cause in desk.text("[data-alarm='1'] .alarm-why")
    desk.until(lambda: nothing in desk.text("#card-title"))
    desk.one("[data-alarm='1'] .alarm-foot .quiet").click()
    desk.until(lambda: cause in desk.text("[data-alarm='1'] .history"))
    assert "UNKNOWN" not in desk.text("[data-alarm='1'] .history")
    assert "未知" not in desk.text("[data-alarm='1'] .history")


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1366, 768), (390, 844)])
def test_a_tile_names_its_zone_in_full(
    browser: webdriver.Chrome, school: ServiceProcess, width: int, height: int
) -> None:
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        desk = Desk(browser, school)
        desk.until(lambda: "楼梯" in desk.text("[data-zone=stair-29] h3"))
        cut = """return [...document.querySelectorAll('.tile h3')].filter((name) =>
          name.scrollWidth > name.clientWidth || name.scrollHeight > name.clientHeight + 1 ||
          name.title !== name.textContent).length"""
        assert browser.execute_script(cut) == 0
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


# The page's clock some hours on.
_HOURS_ON = """
const now = performance.now.bind(performance);
performance.now = () => now() + arguments[0] * 3600000;
"""


def test_what_was_closed_a_day_ago_leaves_the_list_and_yesterday_has_its_date(
    browser: webdriver.Chrome, school: ServiceProcess
) -> None:
    desk = Desk(browser, school)
    desk.start_shift()
    school.send(school.record("stair-1", "L2", 2.0))
    desk.until(lambda: desk.data("[data-alarm='1']", "state") == "unacknowledged")
    desk.one("body").send_keys("a")
    desk.until(lambda: desk.data("[data-alarm='1']", "state") == "acknowledged")
    school.send(school.record("stair-1", "L0", 0.2))
    desk.until(lambda: "1" in desk.text("#recent-count"))
    browser.execute_script("document.querySelector('#recent').open = true")
    row = desk.text("#recent-list")
    assert "-" not in row
    # The stream is cut, or its next beat would set the page's clock right.
    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/api/v1/events*"]})
    try:
        # Nearly a day: what was closed just after midnight was closed on the same day for long.
        browser.execute_script(_HOURS_ON, 23.98)
        desk.until(lambda: "-" in desk.text("#recent-list"))
        browser.execute_script(_HOURS_ON, 1.0)
        desk.until(lambda: not desk.one("#recent").is_displayed())
    finally:
        browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})


def test_a_recording_is_shown_to_somebody_on_duty_alone(
    browser: webdriver.Chrome, school: ServiceProcess
) -> None:
    """Whoever looks is named in the register; what was refused before is asked for again."""
    desk = Desk(browser, school)
    browser.execute_script(
        "const real = window.fetch; window.fetch = (url, options) => String(url).endsWith('/clip')"
        " ? Promise.resolve(new Response(null)) : real(url, options)"
    )
    school.send(school.record("stair-1", "L3", 2.9))
    desk.until(lambda: desk.text("#clip-none") == "上岗后可看录像")
    assert not desk.one("#clip-player").is_displayed()
    desk.start_shift()
    # The service has none; the player says so itself, and is put away.
    desk.until(lambda: desk.text("#clip-none") == "还没有这条告警的录像")
    # Clips are of places: of a disk or a line there will be none.
    browser.execute_async_script(
        "const done = arguments[0]; import('/console/js/store.js').then(({alarms}) => {"
        " alarms.get(1).zone_ids = [];"
        " document.dispatchEvent(new Event('desk-changed')); done(); })"
    )
    desk.until(lambda: desk.text("#clip-none") == "这条告警没有地点，也就没有录像")
    desk.one("#shift-end").click()
    desk.until(lambda: desk.text("#clip-none") == "上岗后可看录像")
    assert not desk.one("#clip-player").is_displayed()


def test_the_alarm_that_was_chosen_by_key_comes_into_sight(
    browser: webdriver.Chrome, school: ServiceProcess
) -> None:
    desk = Desk(browser, school)
    school.send(*(school.record(f"stair-{n}", "L4", 3.9) for n in range(14)))
    desk.until(lambda: desk.text("#alarms-open") == "14 条未关闭")
    desk.until(lambda: desk.text("[data-alarm='1'] .alarm-place") != "")
    for _ in range(13):
        _press(desk, Keys.ARROW_DOWN)
    desk.until(lambda: desk.data(".is-chosen", "alarm") == "1")
    hidden = (
        "const card = document.querySelector('.is-chosen').getBoundingClientRect();"
        "const column = document.querySelector('#alarms').getBoundingClientRect();"
        "return Math.max(column.top - card.top, card.bottom - column.bottom);"
    )
    desk.until(lambda: browser.execute_script(hidden) < 1)
