"""The page's idea of the service's clock."""

from __future__ import annotations

import pytest
from selenium import webdriver

from tests.api.console.page import Desk
from tests.api.service_peer import ServiceProcess

pytestmark = pytest.mark.peer

_AN_HOUR_OFF = """
const now = Date.now.bind(Date);
Date.now = () => now() + arguments[0] * 3600000;
"""


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_browser_whose_own_clock_is_set_anew_still_sees_the_zones(
    browser: webdriver.Chrome, service: ServiceProcess, hours: int
) -> None:
    desk = Desk(browser, service)
    desk.until_shown("stair", "L0", 0.4)
    before = desk.text("#clock-time")
    browser.execute_script(_AN_HOUR_OFF, hours)
    desk.until(lambda: desk.text("#clock-time") != before)
    desk.until_shown("stair", "L0", 0.4)
    assert desk.text("#clock-time")[:2] == before[:2] or before[3:5] == "59"


# Beats whose stamps lie `late` seconds behind those that came before; answers the page's time.
_BEATS = """
const [count, late, done] = arguments;
import('/console/js/time.js').then((time) => {
  const at = (seconds) => new Date(Date.parse('2030-01-01') + seconds * 1000).toISOString();
  time.meetServerTime(at(0));
  const began = performance.now();
  for (let beat = 0; beat < count; beat += 1)
    time.learnServerTime(at((performance.now() - began) / 1000 - late));
  const passed = (performance.now() - began) / 1000;
  done((time.serverNow() - Date.parse('2030-01-01')) / 1000 - passed);
});
"""


@pytest.mark.parametrize(("count", "off_s"), [(11, 0.0), (12, -3.0)])
def test_beats_that_were_late_change_nothing_and_a_clock_set_back_is_followed(
    browser: webdriver.Chrome, service: ServiceProcess, count: int, off_s: float
) -> None:
    Desk(browser, service)
    found = browser.execute_async_script(_BEATS, count, 3.0)
    assert found == pytest.approx(off_s, abs=0.5)


def test_a_reading_says_what_time_it_is_when_it_came(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    """A machine that slept does not wait for the next beat to know how old everything is."""
    desk = Desk(browser, service)
    browser.execute_async_script(
        "const [done] = arguments;"
        "import('/console/js/time.js').then((time) => {"
        "time.meetServerTime(new Date(Date.now() - 3600000).toISOString()); done(); });"
    )
    service.send(service.record("stair", "L0", 0.4))
    desk.until(lambda: desk.data("[data-zone=stair]", "level") == "L0")
    behind = browser.execute_async_script(
        "const [done] = arguments;"
        "import('/console/js/time.js').then((time) => done(Date.now() - time.serverNow()));"
    )
    assert abs(behind) < 60_000
