"""The desk in a real browser: what a guard sees and does."""

from __future__ import annotations

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from tests.api.console.page import Desk
from tests.api.service_peer import ServiceProcess
from tests.api.silent_cable import SilentCable

pytestmark = pytest.mark.peer


def test_an_alarm_appears_sounds_and_is_acknowledged_with_one_click(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    desk = Desk(browser, service)
    assert desk.data("[data-zone=stair]", "level") == "UNKNOWN"
    desk.start_shift()
    service.send(service.record("stair", "L3", 2.9), service.record("hall", "L0", 0.4))
    desk.until(lambda: desk.text("[data-alarm='1'] .alarm-place") == "楼梯")
    desk.until_shown("stair", "L3", 2.9)
    assert desk.text("[data-alarm='1'] .alarm-level") == "L3 告警"
    assert "2.9 人/平方米" in desk.text("[data-alarm='1'] .alarm-density")
    assert "人群密度：2.90 人/平方米（限值 2.70 人/平方米）" in desk.text("[data-alarm='1']")
    desk.until_shown("hall", "L0", 0.4)
    desk.until(lambda: desk.data("body", "sounding") == "2")
    assert browser.title.startswith("(1) ")
    desk.one("[data-alarm='1'] .alarm-acknowledge").click()
    desk.until(lambda: desk.data("[data-alarm='1']", "state") == "acknowledged")
    desk.until(lambda: desk.data("body", "sounding") == "none")
    assert "王芳 已确认" in desk.text("[data-alarm='1'] .alarm-state")
    alarm = service.client.get("/api/v1/alarms/1").json()
    assert alarm["acknowledged"]["name"] == "王芳"
    assert desk.complaints() == []


def test_keys_acknowledge_and_details_close(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    desk = Desk(browser, service)
    desk.start_shift()
    service.send(service.record("stair", "L4", 3.8))
    desk.until(lambda: desk.data("[data-alarm='1']", "state") == "unacknowledged")
    desk.one("body").send_keys("a")
    desk.until(lambda: desk.data("[data-alarm='1']", "state") == "acknowledged")
    desk.one("[data-alarm='1'] .alarm-foot .quiet").click()
    desk.until(lambda: "王芳" in desk.text("[data-alarm='1'] .history"))
    assert not desk.one("[data-alarm='1'] .close-form button").is_enabled()
    service.send(service.record("stair", "L0", 0.3))
    desk.until(lambda: desk.one("[data-alarm='1'] .close-form button").is_enabled())
    desk.one("#alarm-1-cause").send_keys("演练")
    desk.one("#alarm-1-taken").send_keys("无需处理")
    desk.one("#alarm-1-note").send_keys("全校疏散演练", Keys.TAB)
    desk.one("[data-alarm='1'] .close-form button").click()
    desk.until(lambda: desk.text("[data-alarm='1']") == "")
    desk.until(lambda: "1" in desk.text("#recent-count"))
    assert service.client.get("/api/v1/alarms/1").json()["cause"] == "drill"
    assert desk.complaints() == []


def test_without_a_name_nothing_is_acknowledged(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    desk = Desk(browser, service)
    service.send(service.record("stair", "L3", 2.9))
    desk.until(lambda: desk.text("[data-alarm='1'] .alarm-place") != "")
    desk.one("[data-alarm='1'] .alarm-acknowledge").click()
    desk.until(lambda: desk.text("#shift-error") == "请先输入姓名")
    assert desk.data("[data-alarm='1']", "state") == "unacknowledged"


def test_languages(browser: webdriver.Chrome, service: ServiceProcess) -> None:
    desk = Desk(browser, service)
    assert desk.text("#alarms-heading") == "告警"
    desk.one("#language").click()
    desk.until(lambda: desk.text("#alarms-heading") == "Alarms")
    desk.until(lambda: desk.text("[data-zone=stair] h3") == "Stair")
    assert desk.text("[data-zone=stair] .tile-level") == "Unknown · not seen"
    browser.get(service.url)  # the choice is kept
    desk.until(lambda: desk.text("#alarms-heading") == "Alarms")
    assert desk.complaints() == []


def test_a_lost_server_is_told_in_red_and_a_returned_one_is_trusted_again(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    desk = Desk(browser, service)
    desk.start_shift()
    desk.until_shown("stair", "L0", 0.4)
    assert desk.complaints() == []
    service.kill()
    desk.until(lambda: desk.one("#lost").is_displayed())
    assert "与服务器失去联系" in desk.text("#lost")
    assert desk.data("body", "sounding") == "lost"
    colour = desk.one("#lost").value_of_css_property("background-color")
    assert colour == "rgba(179, 18, 29, 1)"
    assert desk.one("#lost").size["width"] >= 1_900
    service.start()
    desk.until(lambda: not desk.one("#lost").is_displayed())
    desk.until(lambda: desk.data("body", "sounding") == "none")


def test_a_lost_server_is_told_while_the_timers_of_the_page_sleep(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    """As in a window that was minimised long ago: its own timers hardly run any more."""
    asleep = {"source": "window.setInterval = () => 0;"}
    script = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", asleep)
    try:
        desk = Desk(browser, service)
        desk.start_shift()
        service.kill()
        browser.execute_script(
            "const now = performance.now.bind(performance); performance.now = () => now() + 13000;"
        )
        desk.until(lambda: desk.one("#lost").is_displayed())
        assert desk.data("body", "sounding") == "lost"
    finally:
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)


def test_a_stream_that_fell_silent_is_opened_anew(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    """A pulled cable ends no connection: nobody tells the page that nothing will come any more."""
    cable = SilentCable(service.port)
    with cable.laid():
        desk = Desk(browser, service, "/", url=cable.url)
        desk.until(lambda: cable.streams == 1)
        cable.silence()
        service.send(service.record("stair", "L0", 0.4))
        # The page's clock is put forward, so that nobody waits for the twelve seconds.
        browser.execute_script(
            "const now = performance.now.bind(performance); performance.now = () => now() + 13000;"
        )
        desk.until(lambda: cable.streams == 2)
        desk.until(lambda: desk.data("[data-zone=stair]", "level") == "L0")
        desk.until(lambda: desk.data("#link", "link") == "live")
        browser.get("about:blank")


def test_nothing_is_wider_than_the_screen(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    service.send(service.record("stair", "L4", 3.8), service.record("hall", "L2", 2.0))
    try:
        for width, height in ((1920, 1080), (1280, 720), (390, 844)):
            metrics = {
                "width": width,
                "height": height,
                "deviceScaleFactor": 1,
                "mobile": False,
            }
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
            desk = Desk(browser, service)
            desk.until(lambda desk=desk: desk.text("[data-alarm='1'] .alarm-place") != "")
            wide = browser.execute_script("return document.documentElement.scrollWidth")
            assert int(wide) <= width
            assert desk.one("[data-alarm='1'] .alarm-acknowledge").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_hand_over_fits_a_phone(browser: webdriver.Chrome, service: ServiceProcess) -> None:
    service.send(service.record("stair", "L4", 3.8), service.record("hall", "L2", 2.0))
    metrics = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        browser.get(f"{service.url}/handover?lang=en")
        assert (
            browser.execute_script("return document.querySelectorAll('[data-alarm]').length") == 2
        )
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_tile_tells_how_the_doors_of_its_exits_stand(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    desk = Desk(browser, service)
    desk.until_shown("stair", "L0", 0.4)
    assert not desk.one("[data-zone=stair] .tile-doors").is_displayed()
    record = service.record("stair", "L2", 0.4)
    record["reading"]["doors"] = {"leaf-a": "open", "leaf-b": "shut", "leaf-c": "unknown"}
    service.send(record)
    desk.until(lambda: desk.one("[data-zone=stair] .tile-doors").is_displayed())
    said = desk.text("[data-zone=stair] .tile-doors")
    # What is shut comes first; a door without a name in the site file is told by its id.
    assert said == "leaf-b：关闭 · leaf-c：门磁状态不明 · 东门扇：开"


def test_a_machine_too_slow_for_its_cameras_says_what_it_looks_at_less(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    desk = Desk(browser, service)
    assert not desk.one("#load").is_displayed()
    service.send(service.load(0.12, 2, {"cam-stair": (5.0, "full"), "cam-a": (1.0, "load")}))
    desk.until(lambda: desk.one("#load").is_displayed())
    said = desk.text("#load")
    assert "本机算力不足" in said
    assert "12%" in said
    assert "大厅甲 1" in said
    assert "楼梯摄像机" not in said
    service.send(service.load(0.0, 0, {"cam-stair": (5.0, "full"), "cam-a": (5.0, "full")}))
    desk.until(lambda: not desk.one("#load").is_displayed())


def test_the_police_room_hears_of_confirmed_alarms_and_acknowledges_them(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    desk = Desk(browser, service, "/police")
    assert "没有需要警方处理的告警" in desk.text("#alarm-none")
    desk.start_shift("刘警官")
    service.send(service.record("stair", "L4", 3.9), service.record("hall", "L2", 2.0))
    desk.until(lambda: desk.text("[data-alarm='1'] .alarm-place") == "楼梯")
    desk.until(lambda: desk.data("body", "sounding") == "1")
    assert desk.text("[data-alarm='2']") == ""  # priority 3 is the school's own
    assert not desk.one("#focus-shelve").is_displayed()
    assert not desk.one("#zone-list").is_displayed()
    cameras = "return document.querySelectorAll('#camera-list > *').length"
    assert browser.execute_script(cameras) == 1  # the place of the alarm, and no other
    desk.one("body").send_keys("a")
    desk.until(lambda: desk.data("[data-alarm='1']", "state") == "acknowledged")
    assert "刘警官 已确认" in desk.text("[data-alarm='1'] .alarm-state")
    assert desk.complaints() == []


# Presses a key in the very moment in which the panel turns to another alarm.
_PRESS_AS_IT_TURNS = """
const [number, key] = arguments, panel = document.querySelector('#focus');
const watcher = new MutationObserver(() => {
  if (panel.dataset.number !== number) return;
  watcher.disconnect();
  document.body.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
});
watcher.observe(panel, {attributes: true});
"""

_PRESS_TWICE = """
for (let i = 0; i < 2; i += 1)
  document.body.dispatchEvent(new KeyboardEvent('keydown', {key: arguments[0], bubbles: true}));
"""


def test_a_key_meant_for_the_alarm_before_is_not_done_to_the_worse_one_that_took_its_place(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    desk = Desk(browser, service)
    desk.start_shift()
    service.send(service.record("hall", "L2", 2.0))
    desk.until(lambda: desk.data("#focus", "number") == "1")
    browser.execute_script(_PRESS_AS_IT_TURNS, "2", "a")
    service.send(service.record("stair", "L4", 3.9))
    desk.until(lambda: desk.text("#focus-refusal") == "刚换成另一条告警，请看清后再按一次")
    states = [service.client.get(f"/api/v1/alarms/{n}").json()["state"] for n in (1, 2)]
    assert states == ["unacknowledged", "unacknowledged"]
    # Whoever looked presses again.
    turned = "return performance.now()"
    began = browser.execute_script(turned)
    desk.until(lambda: browser.execute_script(turned) - began > 1000)
    desk.one("body").send_keys("a")
    desk.until(lambda: desk.data("[data-alarm='2']", "state") == "acknowledged")
    assert desk.data("[data-alarm='1']", "state") == "unacknowledged"
    assert desk.complaints() == []


# Clicks where the middle of this button stands, in the very moment in which the list has moved.
_CLICK_AS_IT_MOVES = """
const [number] = arguments;
const button = () => document.querySelector(`[data-alarm='${number}'] .alarm-acknowledge`);
const {left, top, width, height} = button().getBoundingClientRect();
const x = left + width / 2, y = top + height / 2;
const look = () => {
  const here = document.elementFromPoint(x, y);
  if (!here || here === button()) return requestAnimationFrame(look);
  document.body.dataset.pressed = here.closest('[data-alarm]')?.dataset.alarm ?? '';
  here.dispatchEvent(new MouseEvent('click', {bubbles: true, detail: 1, clientX: x, clientY: y}));
};
look();
"""


def test_a_click_meant_for_one_alarm_is_not_done_to_the_one_that_moved_under_it(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    """A line above the list appears, and pushes the upper alarm to where the lower one stood."""
    desk = Desk(browser, service)
    desk.start_shift()
    service.send(service.record("stair", "L4", 3.9), service.record("hall", "L2", 2.0))
    desk.until(lambda: desk.data("[data-alarm='2']", "state") == "unacknowledged")
    # As many lines as the cards are apart, so that one button comes to stand where another was.
    browser.execute_script(
        "const tops = [1, 2].map((n) => document.querySelector(`[data-alarm='${n}'] "
        ".alarm-acknowledge`).getBoundingClientRect().top);"
        "document.querySelector('#load').style.height = `${tops[1] - tops[0]}px`;"
        "document.querySelector('#load').style.boxSizing = 'border-box'"
    )
    browser.execute_script(_CLICK_AS_IT_MOVES, 2)
    service.send(service.load(0.12, 2, {"cam-a": (1.0, "load")}))
    desk.until(lambda: desk.data("body", "pressed") == "1")
    said = "刚换成另一条告警，请看清后再按一次"
    desk.until(lambda: desk.text("[data-alarm='1'] .alarm-refusal") == said)
    states = [service.client.get(f"/api/v1/alarms/{n}").json()["state"] for n in (1, 2)]
    assert states == ["unacknowledged", "unacknowledged"]


def test_a_key_turns_to_a_waiting_alarm_before_it_acknowledges_it(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    desk = Desk(browser, service)
    desk.start_shift()
    service.send(service.record("stair", "L4", 3.9))
    desk.until(lambda: desk.data("#focus", "number") == "1")
    desk.one("[data-alarm='1'] .alarm-acknowledge").click()
    desk.until(lambda: desk.data("[data-alarm='1']", "state") == "acknowledged")
    service.send(service.record("hall", "L2", 2.0))
    desk.until(lambda: desk.data("[data-alarm='2']", "state") == "unacknowledged")
    assert desk.data("#focus", "number") == "1"
    # Twice in a row is no look at it.
    browser.execute_script(_PRESS_TWICE, "a")
    desk.until(lambda: desk.data("#focus", "number") == "2")
    assert service.client.get("/api/v1/alarms/2").json()["state"] == "unacknowledged"
    now = "return performance.now()"
    began = browser.execute_script(now)
    desk.until(lambda: browser.execute_script(now) - began > 1000)
    desk.one("body").send_keys("a")
    desk.until(lambda: desk.data("[data-alarm='2']", "state") == "acknowledged")
    assert desk.complaints() == []


def test_what_to_do_in_another_alarm_never_stands_beside_this_one(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    desk = Desk(browser, service)
    service.send(service.record("hall", "L2", 2.0))
    desk.until(lambda: desk.text("#card-title").startswith("预案里没有"))
    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/alarms/2/card"]})
    try:
        service.send(service.record("stair", "L4", 3.9))
        desk.until(lambda: desk.data("#focus", "number") == "2")
        desk.until(lambda: desk.text("#card-title").startswith("读不到处置卡"))
        assert desk.text("#card-steps") == ""
    finally:
        browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    desk.until(lambda: desk.text("#card-title").startswith("预案里没有"))


def test_a_crowd_that_is_seen_no_more_is_gone_to_and_not_mended(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    """The camera fails in the crush: its mend belongs to the camera's alarm, not to the stair's."""
    desk = Desk(browser, service)
    service.send(service.record("stair", "L4", 3.9))
    desk.until(lambda: desk.text("#card-title").startswith("预案里没有"))
    lost = service.record("stair", "L4", 3.9)
    lost["reading"] |= {
        "level": "UNKNOWN",
        "reasons": [
            {"rule": "stale", "measured": 20.0, "threshold": 3.0, "unit": "s"},
            {"rule": "density", "measured": 3.9, "threshold": 3.5, "unit": "1/m²"},
        ],
        "measurement": None,
    }
    lost["previous_level"] = "L4"
    service.send(lost)
    desk.until(lambda: desk.data("[data-alarm='1']", "condition") == "unknown")
    # What was measured before is not told as if it held now.
    why = "[data-zone=stair] .tile-why"
    desk.until(lambda: desk.text(why).startswith("读数过期：20 秒"))
    assert "人群密度" not in desk.text(why)
    assert "派人到现场" in desk.text("#card-title")


# Pictures of a camera until `gone` is set, then none, as from a worker that was lost.
_PICTURES = """
const dot = atob('R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==');
const pixel = Uint8Array.from(dot, (letter) => letter.charCodeAt(0));
const real = window.fetch;
window.fetch = async (url, options) => {
  if (!String(url).includes('/picture.jpg')) return real(url, options);
  if (window.gone) return new Response('', {status: 502});
  const headers = {'X-Captured-At': new Date().toISOString(), 'Content-Type': 'image/gif'};
  return new Response(pixel, {headers});
};
"""


def test_an_enlarged_picture_that_stands_still_says_so(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    desk = Desk(browser, service)
    desk.start_shift()
    browser.execute_script(_PICTURES)
    card = "[data-camera=cam-stair]"
    desk.until(lambda: desk.one(f"{card} img").is_displayed())
    desk.one(f"{card} .view-frame").click()
    desk.until(lambda: desk.one("#large-picture").is_displayed())
    assert not desk.one("#large-old").is_displayed()
    browser.execute_script("window.gone = true")
    desk.until(lambda: "画面停在" in desk.text("#large-old"))
    assert "分析程序没有回应" in desk.text("#large-old")
    browser.execute_script("window.gone = false")
    desk.until(lambda: not desk.one("#large-old").is_displayed())
