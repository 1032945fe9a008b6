"""What the desk says of itself: sound that is gone, a page that is old or fails."""

from __future__ import annotations

import sqlite3

import pytest
from selenium import webdriver

from tests.api.console.page import Desk
from tests.api.desk_cases import AUTHORISED
from tests.api.refusing_database import refusing
from tests.api.service_peer import ServiceProcess

pytestmark = pytest.mark.peer


def test_sound_that_the_browser_takes_away_is_missed(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    desk = Desk(browser, service)
    browser.execute_script(
        "const Real = AudioContext;"
        "window.AudioContext = class extends Real {"
        " constructor() { super(); window.audio = this; } };"
    )
    desk.start_shift()
    desk.until(lambda: not desk.one("#shift").is_displayed())
    browser.execute_script("window.audio.suspend()")
    desk.until(lambda: "声音还没有开启" in desk.text("#shift-prompt"))
    assert desk.one("#shift").is_displayed()
    desk.one("#shift-start").click()
    desk.until(lambda: not desk.one("#shift").is_displayed())


def test_an_enlarged_picture_hides_no_alarm_and_no_lost_server(
    browser: webdriver.Chrome, school: ServiceProcess
) -> None:
    desk = Desk(browser, school)
    desk.start_shift()
    browser.execute_script("document.querySelector('[data-camera=cam-0]').scrollIntoView()")
    desk.until(lambda: desk.one("[data-camera=cam-0] img").is_displayed())
    desk.one("[data-camera=cam-0] .view-frame").click()
    desk.until(lambda: desk.one("#large").is_displayed())
    assert not desk.one("#large-alarm").is_displayed()
    school.send(school.record("stair-7", "L4", 3.9))
    desk.until(lambda: desk.one("#large-alarm").is_displayed())
    assert desk.text("#large-alarm") == "1 条待确认 · 教学楼西侧7号楼梯 · L4 危急"
    school.kill()
    desk.until(lambda: desk.text("#large-alarm") == "失去联系")


def test_alarms_that_are_not_listed_are_counted_on_the_page(
    browser: webdriver.Chrome, service: ServiceProcess, sqlite_url: str
) -> None:
    service.send(service.record("stair", "L3", 3.1))
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as store:
        own = ("number", "subject_id", "open_key")
        names = [row[1] for row in store.execute("PRAGMA table_info(alarms)")]
        kept = ", ".join(one for one in names if one not in own)
        store.execute(
            "WITH RECURSIVE more(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM more WHERE n < 1003)"
            f" INSERT INTO alarms (number, subject_id, open_key, {kept})"
            f" SELECT n, 'left-' || n, 'left-' || n, {kept} FROM alarms, more WHERE number = 1"
        )
    desk = Desk(browser, service)
    desk.until(lambda: desk.one("#alarms-left-out").is_displayed())
    assert desk.text("#alarms-left-out").startswith("△ 另有 3 条未关闭的告警没有列出")
    assert desk.text("#alarms-open") == "1000 条未关闭"


def test_windows_of_one_browser_know_one_shift(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    desk = Desk(browser, service)
    desk.start_shift("王芳")
    first = browser.current_window_handle
    browser.switch_to.new_window("tab")
    browser.get(service.url)
    desk.until(lambda: desk.text("#duty-name") == "王芳")
    desk.one("#shift-end").click()
    desk.until(lambda: desk.text("#duty-name") == "")
    desk.start_shift("李强")
    browser.close()
    browser.switch_to.window(first)
    desk.until(lambda: desk.text("#duty-name") == "李强")


def test_a_page_to_read_leaves_the_desk_open(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    desk = Desk(browser, service)
    first = browser.current_window_handle
    for path in ("/handover", "/start"):
        desk.one(f".top-side a[href='{path}']").click()
        desk.until(lambda: len(browser.window_handles) == 2)
        assert desk.data("#link", "link") == "live"
        (other,) = set(browser.window_handles) - {first}
        browser.switch_to.window(other)
        desk.until(lambda path=path: browser.current_url == service.url + path)
        browser.close()
        browser.switch_to.window(first)


def test_a_double_click_is_one_step(browser: webdriver.Chrome, service: ServiceProcess) -> None:
    desk = Desk(browser, service)
    desk.start_shift()
    service.send(service.record("stair", "L3", 2.9))
    desk.until(lambda: desk.data("#focus", "number") == "1")
    click = (
        "document.querySelector('#focus-escalate')"
        ".dispatchEvent(new MouseEvent('click', {bubbles: true, detail: arguments[0]}));"
    )
    browser.execute_script(click, 1)
    desk.until(lambda: "已上报 1 级" in desk.text("#focus-facts"))
    browser.execute_script(click, 2)
    browser.execute_script(click, 1)
    desk.until(lambda: "已上报 2 级" in desk.text("#focus-facts"))
    actions = service.client.get("/api/v1/alarms/1").json()["history"]
    assert [one["action"] for one in actions].count("escalated") == 2


def test_a_page_from_before_an_update_says_so(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    desk = Desk(browser, service)
    assert not desk.one("#stale-page").is_displayed()
    browser.execute_script("document.body.dataset.build = 'before'")
    desk.until(lambda: desk.one("#stale-page").is_displayed())
    assert desk.text("#stale-title") == "程序已更新，本页还是旧的"
    desk.one("#stale-reload").click()
    desk.until(lambda: desk.data("#link", "link") == "live")
    desk.until(lambda: not desk.one("#stale-page").is_displayed())


def test_a_page_that_fails_is_neither_silent_nor_quiet(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    desk = Desk(browser, service)
    browser.execute_async_script(
        "const [done] = arguments;"
        "import('/console/js/store.js').then(({zones}) => { zones.set('x', {id: 'x'}); done(); });"
    )
    desk.until(lambda: desk.text("#stale-title").startswith("本页出错"))
    assert desk.data("body", "sounding") == "lost"


def test_an_alarm_is_spoken_of_though_a_milder_one_comes_at_once(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    """Words that follow end those that a screen reader is speaking."""
    Desk(browser, service)
    spoken = """
      const done = arguments[0];
      Promise.all(['spoken', 'store'].map((name) => import(`/console/js/${name}.js`)))
        .then(([{ announceNew }]) => {
          const alarm = (number, level, priority) => ({
            number, type: 'crowd', subject_id: number === 1 ? 'stair' : 'hall', zone_ids: [],
            state: 'unacknowledged', waiting_since: 't', priority, hold: null, check: null,
            condition: 'active', peak: { level, reasons: [], measurement: null },
          });
          const worst = alarm(1, 'L4', 1), milder = alarm(2, 'L2', 3);
          const said = () => document.querySelector('#spoken').textContent;
          const heard = [];
          announceNew([worst]); heard.push(said());
          announceNew([worst, milder]); heard.push(said());
          const real = performance.now.bind(performance);
          performance.now = () => real() + 11000;
          announceNew([worst, milder, alarm(3, 'L2', 3)]); heard.push(said());
          done(heard);
        }).catch((error) => done([String(error)]));
    """
    first, both, later = browser.execute_async_script(spoken)
    assert first == "新告警：楼梯，L4 危急"
    assert both == "新告警：楼梯，L4 危急 新告警：大厅，L2 预警"
    # What was told long before is not told again with the next one.
    assert later == "新告警：大厅，L2 预警"


def test_a_fault_of_delivery_is_not_spoken_of_as_an_alarm_at_the_police(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    Desk(browser, service)
    spoken = """
      const [type, done] = arguments;
      Promise.all(['spoken', 'store'].map((name) => import(`/console/js/${name}.js`)))
        .then(([{announceNew}, {receivers, cameras}]) => {
          receivers.set('police', {id: 'police', name: {zh: '警务室', en: 'Police room'}});
          const none = {level: 'UNKNOWN', reasons: []};
          announceNew([{number: 900 + type.length, type, subject_id:
            type === 'delivery' ? 'police/ack' : 'cam-a', state: 'unacknowledged', zone_ids: [],
            now: none, peak: none}]);
          done(document.querySelector('#spoken').textContent);
        });
    """
    told = browser.execute_async_script(spoken, "delivery")
    assert told == "新告警：警务室，告警外送故障"
    told = browser.execute_async_script(spoken, "camera_lost")
    assert told == "新告警：大厅甲 看不见"


def test_doors_on_the_plan_are_told_apart_without_their_colours(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    Desk(browser, service)
    drawn = """
      const svg = document.querySelector('#plan-picture');
      return ['open', 'shut'].map((state) => {
        const line = document.createElementNS('http://www.w3.org/2000/svg', 'line');
        line.setAttribute('class', `plan-door is-${state}`);
        svg.append(line);
        return getComputedStyle(line).strokeDasharray;
      });
    """
    opened, shut = browser.execute_script(drawn)
    assert opened != "none"
    assert shut == "none"


# Contrast of the words of the sign at this moment, by the formula of WCAG 2.
_CONTRAST = """
const sign = document.querySelector('.alarm-sign');
const word = sign.querySelector('.alarm-level');
const parts = (colour) => colour.match(/[0-9.]+/g).slice(0, 3).map(Number);
const shine = (rgb) => rgb.map((v) => v / 255)
  .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const share = Number(getComputedStyle(sign).opacity);
const card = parts(getComputedStyle(document.querySelector('.alarm')).backgroundColor);
const mixed = (rgb) => rgb.map((v, i) => v * share + card[i] * (1 - share));
const pair = [getComputedStyle(word).color, getComputedStyle(sign).backgroundColor];
const [a, b] = pair.map((colour) => shine(mixed(parts(colour))) + 0.05);
return Math.max(a, b) / Math.min(a, b);
"""


def test_the_words_of_the_worst_alarm_can_be_read_at_every_moment_of_its_flashing(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    desk = Desk(browser, service)
    service.send(service.record("stair", "L4", 3.9))
    desk.until(lambda: desk.data("[data-alarm='1']", "priority") == "1")
    paused = """
      const moving = document.getAnimations();
      for (const one of moving) { one.pause(); one.currentTime = 600; }
      return moving.length;
    """
    assert browser.execute_script(paused) > 0
    assert browser.execute_script(_CONTRAST) >= 4.5


def test_an_alarm_is_printed_dark_on_white(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    desk = Desk(browser, service, "/police")
    service.send(service.record("stair", "L4", 3.9))
    desk.until(lambda: desk.data("[data-alarm='1']", "priority") == "1")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        look = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]"
        words = [".alarm-place", ".alarm-level", ".alarm-density", ".alarm-state", "#focus-place"]
        assert {browser.execute_script(look, one, "color") for one in words} == {"rgb(0, 0, 0)"}
        for ground in ("body", ".alarm", "#focus"):
            told = browser.execute_script(look, ground, "backgroundColor")
            assert told == "rgb(255, 255, 255)"
        assert not desk.one("[data-alarm='1'] .alarm-acknowledge").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_a_database_that_stores_nothing_is_said_and_a_crowd_sounds_all_the_same(
    browser: webdriver.Chrome, service: ServiceProcess, sqlite_url: str
) -> None:
    desk = Desk(browser, service)
    desk.until_shown("stair", "L0", 0.3)
    assert desk.text("#calm-title") == "没有告警"
    with refusing(sqlite_url):
        desk.until(lambda: desk.one("#unkept").is_displayed())
        assert "告警不保存也不外发" in desk.text("#unkept")
        # The link's own sign follows with the next beat.
        desk.until(lambda: desk.text("#link-text") == "数据库停用")
        assert desk.text("#calm-title") == "这里不能说明没有告警"
        desk.until(lambda: desk.data("body", "sounding") == "lost")
        rise = service.record("stair", "L4", 4.1)
        answer = service.client.post("/api/v1/ingest", json={"records": [rise]}, headers=AUTHORISED)
        assert answer.status_code == 503
        desk.until(lambda: desk.data("body", "sounding") == "1")
        assert "楼梯 · L4 危急 · 4.1 人/平方米" in desk.text("#unkept-alarms")
        assert desk.data("[data-zone=stair]", "level") == "L4"
        at = {"captured_at": rise["captured_at"], "since": rise["captured_at"]}
        lost = {key: rise[key] for key in ("site_id", "worker_id")} | {
            "kind": "camera_state", "record_id": "w1:run:lost", "camera_id": "cam-a", **at,
            "state": "offline", "cause": "connection_lost",
        }  # fmt: skip
        service.client.post("/api/v1/ingest/shown", json={"records": [lost]}, headers=AUTHORISED)
        desk.until(lambda: "看不见 · 大厅甲" in desk.text("#unkept-alarms"))
        assert desk.data("body", "sounding") == "1"
    service.send(rise)
    desk.until(lambda: not desk.one("#unkept").is_displayed())
    desk.until(lambda: desk.text(".alarm-place") == "楼梯")
    desk.until(lambda: desk.data("#link", "link") == "live")
