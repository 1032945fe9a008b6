"""Where the keyboard is while the desk changes: what is typed is never lost and never a command."""

from __future__ import annotations

import pytest
from selenium import webdriver

from tests.api.console.page import Desk
from tests.api.service_peer import ServiceProcess

pytestmark = pytest.mark.peer


def _with_alarms(desk: Desk, school: ServiceProcess, *levels: tuple[str, float]) -> None:
    """Alarms 1, 2, ... of stairs 1, 2, ... at these levels, all waiting."""
    for number, (level, density) in enumerate(levels, start=1):
        school.send(school.record(f"stair-{number}", level, density))
        desk.until(lambda n=number: desk.data(f"[data-alarm='{n}']", "state") == "unacknowledged")


def _open_note(desk: Desk, number: int) -> None:
    desk.one(f"[data-alarm='{number}'] .alarm-foot .quiet").click()
    desk.until(lambda: desk.one(f"#alarm-{number}-note").is_displayed())
    desk.one(f"#alarm-{number}-note").click()


def _focused(desk: Desk) -> str:
    return str(desk.browser.execute_script("return document.activeElement.id"))


def _press(desk: Desk, *keys: str) -> None:
    desk.browser.switch_to.active_element.send_keys(*keys)


def _by_another(school: ServiceProcess, number: int, act: str, **more: str) -> None:
    """Somebody does this at another desk."""
    version = school.client.get(f"/api/v1/alarms/{number}").json()["version"]
    body = {"name": "李强", "version": version, **more}
    answer = school.client.post(f"/api/v1/alarms/{number}/{act}", json=body)
    assert answer.status_code == 200, answer.text


def test_a_note_keeps_the_keyboard_while_the_list_is_put_in_order(
    browser: webdriver.Chrome, school: ServiceProcess
) -> None:
    desk = Desk(browser, school)
    desk.start_shift()
    _with_alarms(desk, school, ("L3", 2.9), ("L3", 2.9))
    _open_note(desk, 1)
    _press(desk, "ya")
    _by_another(school, 2, "acknowledge")
    first = "return document.querySelector('#alarm-list').firstElementChild.dataset.alarm"
    desk.until(lambda: browser.execute_script(first) == "1")
    assert _focused(desk) == "alarm-1-note"
    _press(desk, "nxi")
    assert desk.one("#alarm-1-note").get_attribute("value") == "yanxi"


def test_what_is_typed_into_a_form_that_goes_is_no_command(
    browser: webdriver.Chrome, school: ServiceProcess
) -> None:
    desk = Desk(browser, school)
    desk.start_shift()
    _with_alarms(desk, school, ("L2", 2.0), ("L2", 2.0))
    _by_another(school, 2, "acknowledge")
    desk.until(lambda: desk.data("[data-alarm='2']", "state") == "acknowledged")
    _open_note(desk, 2)
    # It is gone in the middle of a word: what follows goes to the page.
    script = """
      const note = document.querySelector('#alarm-2-note');
      const press = (key) => new KeyboardEvent('keydown', {key, bubbles: true});
      const type = (to, key) => to.dispatchEvent(press(key));
      type(note, 'y');
      document.querySelector("[data-alarm='2']").remove();
      for (const key of 'aeay') type(document.body, key);
    """
    browser.execute_script(script)
    desk.until(lambda: "刚才还在输入" in desk.text("#focus-refusal"))
    alarm = school.client.get("/api/v1/alarms/1").json()
    assert (alarm["state"], alarm["escalated"]) == ("unacknowledged", 0)


def test_an_alarm_with_an_open_form_is_not_folded_by_a_flood(
    browser: webdriver.Chrome, school: ServiceProcess
) -> None:
    desk = Desk(browser, school)
    desk.start_shift()
    _with_alarms(desk, school, ("L2", 2.0))
    _open_note(desk, 1)
    _press(desk, "half a no")
    school.send(*[school.record(f"stair-{n}", "L2", 2.0) for n in range(2, 16)])
    desk.until(lambda: "拥挤 14 条" in desk.text("[data-group='3/crowd']"))
    assert desk.one("#alarm-1-note").get_attribute("value") == "half a no"
    assert _focused(desk) == "alarm-1-note"


def test_keys_work_after_a_button_was_pressed(
    browser: webdriver.Chrome, school: ServiceProcess
) -> None:
    desk = Desk(browser, school)
    desk.start_shift()
    _with_alarms(desk, school, ("L3", 2.9))
    desk.one("[data-alarm='1'] .alarm-foot .quiet").click()
    _press(desk, "a")
    desk.until(lambda: desk.data("[data-alarm='1']", "state") == "acknowledged")


def test_a_reason_typed_for_one_alarm_is_not_given_for_another(
    browser: webdriver.Chrome, school: ServiceProcess
) -> None:
    desk = Desk(browser, school)
    desk.start_shift()
    _with_alarms(desk, school, ("L2", 2.0))
    desk.one("#focus-reason").send_keys("正在清洁")
    school.send(school.record("stair-2", "L3", 2.9))
    desk.until(lambda: desk.data("#focus", "number") == "2")
    assert desk.one("#focus-reason").get_attribute("value") == ""
    assert "刚换成另一条告警" in desk.text("#focus-refusal")
