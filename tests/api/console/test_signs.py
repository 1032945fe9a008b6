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

def test_a_camera_with_a_bar_means_that_nobody_sees_and_nothing_else(
    browser: webdriver.Chrome, service: ServiceProcess
) -> None:
    Desk(browser, service)
    kinds = [kind.value for kind in AlarmType]
    shapes = dict(zip(kinds, browser.execute_async_script(_SHAPES, kinds), strict=True))
    assert {kind for kind, shape in shapes.items() if shape == "camera_lost"} == _NOBODY_SEES
    drawn = "return arguments[0].filter((one) => !document.getElementById(`shape-${one}`))"
    assert browser.execute_script(drawn, list(shapes.values())) == []
