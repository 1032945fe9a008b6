"""What the desk's signs claim: no more than is known, and nothing else than is meant."""

from __future__ import annotations

import pytest
from selenium import webdriver

from api.alarms.values import AlarmType
from tests.api.console.page import Desk
from tests.api.service_peer import ServiceProcess

pytestmark = pytest.mark.peer

_NOBODY_SEES = {"camera_lost", "area_blind", "worker_lost", "recorder_lost"}
_SHAPES = """
const [kinds, done] = arguments;
import('/console/js/titles.js').then(({signShape}) =>
  done(kinds.map((type) => signShape({type, peak: {level: 'L3'}}))));
"""
# Drawn once by a clock that is ahead, before the service tells the time again.
_HALF_AN_HOUR_LATER = """
const [done] = arguments, now = performance.now.bind(performance);
performance.now = () => now() + 1.8e6;
document.dispatchEvent(new Event('desk-changed'));
requestAnimationFrame(() => requestAnimationFrame(() => {
  const {hidden} = document.querySelector('#flood');
  delete performance.now;
  done(hidden);
}));
"""
# The sign with the name of this kind, and whether a word of it is too wide to stand in one piece.
_BROKEN = """
const [kinds, done] = arguments;
import('/console/js/texts.js').then(({t}) => {
  const card = document.querySelector('.alarm').cloneNode(true);
  document.querySelector('#alarm-groups').append(card);
  const word = card.querySelector('.alarm-level');
  word.style.overflowWrap = 'normal';
  const broken = kinds.filter((kind) => {
    card.dataset.type = kind;
    word.textContent = t(`alarm.type.${kind}`);
    return word.scrollWidth > word.clientWidth;
  });
  card.remove();
  done(broken);
});
"""


def test_a_camera_with_a_bar_means_that_nobody_sees_and_nothing_else(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    Desk(browser, service)
    kinds = [kind.value for kind in AlarmType]
    shapes = dict(zip(kinds, browser.execute_async_script(_SHAPES, kinds), strict=True))
    assert {kind for kind, shape in shapes.items() if shape == "camera_lost"} == _NOBODY_SEES
    drawn = "return arguments[0].filter((one) => !document.getElementById(`shape-${one}`))"
    assert browser.execute_script(drawn, list(shapes.values())) == []


@pytest.mark.parametrize("path", ["/", "/police"])
def test_on_a_phone_no_word_of_a_sign_is_broken_and_nothing_is_wider(
    browser: webdriver.Chrome, school: ServiceProcess, path: str
) -> None:
    metrics = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        desk = Desk(browser, school, f"{path}?lang=en")
        school.send(school.record("stair-0", "L4", 3.9))
        desk.until(lambda: desk.data("#focus", "number") == "1")
        # The longest person to send is what the list is as wide as.
        desk.until(lambda: "Zhao Min" in desk.text("#focus-dispatch"))
        browser.execute_script(
            "document.querySelector('#focus-dispatch').append(new Option('Teacher on duty on the "
            "second floor of the teaching block Chen Jing 8012'))"
        )
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
        kinds = [kind.value for kind in AlarmType if kind is not AlarmType.CROWD]
        assert browser.execute_async_script(_BROKEN, kinds) == []
        assert not desk.one(".keys").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_server_that_tells_nothing_is_not_a_school_without_alarms(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    desk = Desk(browser, service)
    desk.until_shown("stair", "L0", 0.4)
    desk.until(lambda: desk.text("#calm-title") == "没有告警")
    service.kill()
    desk.until(lambda: desk.one("#lost").is_displayed())
    desk.until(lambda: desk.text("#calm-title") == "现在不知道有没有告警")
    assert desk.text("#calm-seen") == ""
    assert desk.data("#alarm-none", "calm") == "no"


def test_the_police_room_is_not_told_that_all_is_calm_while_a_queue_stands_on_the_stair(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    """An alarm of priority 3 is the school's own, but the stair is at warning all the same."""
    desk = Desk(browser, service, "/police")
    service.send(service.record("hall", "L0", 0.3), service.record("stair", "L0", 0.3))
    desk.until(lambda: desk.text("#calm-seen") == "2 个区域看得见，都低于预警")
    assert desk.data("#alarm-none", "calm") == "yes"
    service.send(service.record("stair", "L2", 2.0))
    desk.until(lambda: desk.text("#calm-seen") == "2 个区域看得见，其中 1 个达到预警或更高")
    assert desk.data("#alarm-none", "calm") == "no"


_PLAN = """
const done = arguments[0], box = [[0, 0], [9, 0], [9, 3], [0, 3]];
const name = {zh: '门', en: 'Door'};
const floor = {
  id: 'f1', name, outline: box, walls: [], cameras: [],
  doors: [{id: 'leaf-a', name, state: 'open', ends: [[0, 0], [0, 3]]},
          {id: 'unwatched', name, state: 'open', ends: [[9, 0], [9, 3]]}],
  zones: [{id: 'stair', name, polygon: box}],
};
const real = window.fetch;
window.fetch = async (url, options) => String(url).includes('/site-plan')
  ? new Response(JSON.stringify({floors: [floor]})) : real(url, options);
import('/console/js/place_plan.js').then(({loadPlan}) => loadPlan()).then(done);
"""


def test_the_plan_shows_a_door_as_its_contact_says_and_not_as_the_site_file_draws_it(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    desk = Desk(browser, service)
    browser.execute_async_script(_PLAN)
    looks = "return document.querySelector(arguments[0])?.getAttribute('class') ?? ''"

    def look(door: str) -> str:
        return str(browser.execute_script(looks, f"[data-door={door}]"))

    for state in ("shut", "open", "unknown"):
        record = service.record("stair", "L3", 2.9)
        record["reading"]["doors"] = {"leaf-a": state}
        service.send(record)
        desk.until(lambda state=state: look("leaf-a") == f"plan-door is-{state}")
    assert look("unwatched") == "plan-door is-open is-drawn"
    title = "return document.querySelector('[data-door=unwatched] title').textContent"
    assert browser.execute_script(title) == "门：图上画为开，没有门磁"


def test_a_group_is_folded_again_by_hand_and_when_the_flood_is_over(
    browser: webdriver.Chrome, school: ServiceProcess
) -> None:
    desk = Desk(browser, school)
    school.send(*[school.record(f"stair-{n}", "L2", 2.0) for n in range(14)])
    group = "[data-group='3/crowd']"
    desk.until(lambda: "拥挤 14 条" in desk.text(group))
    cards = "return document.querySelectorAll('#alarm-list > .alarm').length"
    assert browser.execute_script(cards) == 0
    turn = f"{group} button"
    assert desk.text(turn) == "展开"
    desk.one(turn).click()
    desk.until(lambda: browser.execute_script(cards) == 14)
    assert desk.text(turn) == "收起"
    desk.one(turn).click()
    desk.until(lambda: browser.execute_script(cards) == 0)
    desk.one(turn).click()
    desk.until(lambda: browser.execute_script(cards) == 14)
    # Half an hour later this is no flood any more; the next one begins folded.
    assert browser.execute_async_script(_HALF_AN_HOUR_LATER)
    desk.until(lambda: "拥挤 14 条" in desk.text(group))
    assert desk.text(turn) == "展开"
    assert browser.execute_script(cards) == 0
