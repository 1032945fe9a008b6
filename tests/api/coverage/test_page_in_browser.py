"""The coverage page in a real browser: plan, layers, time, languages, and the way from the desk."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from api.access import accounts
from api.access.accounts import NewAccount
from api.access.actor import Grant
from api.access.rights import Role
from api.database import Database
from config import sample_school_directory
from streams.clock import SystemClock
from tests.api.access.cases import CHEAP, PASSWORD
from tests.api.coverage.page import Page, School
from tests.api.coverage.school_process import ACCOUNTS_VARIABLE, SITE_VARIABLE
from tests.api.service_peer import ServiceProcess

pytestmark = pytest.mark.peer


def test_plan_layers_time_and_languages(browser: webdriver.Chrome, school: School) -> None:
    page = Page(browser, school.service)
    page.open("/coverage")
    assert page.text("h1").startswith("实时覆盖与摄像机健康")
    page.until(lambda: page.text("#areas").count("完整") == 6)
    assert page.count("#plan path.seen") > 0
    assert page.count("#plan path.lost") == 0
    assert page.count("#plan image") == 0
    assert page.count("#plan path.planned") > 0
    assert {"★楼梯甲", "一层大厅", "一层卫生间", "二层走廊摄像机"} <= set(
        page.text_parts("#plan text")
    )
    assert page.words_over_words() == []
    page.click("input[data-layer=seen]")
    page.until(lambda: page.count("#plan path.seen") == 0)
    page.click("input[data-layer=seen]")
    page.until(lambda: page.count("#plan path.seen") > 0)

    page.click("input[data-layer=density]")
    page.until(lambda: page.count("#plan .level") == 4)
    assert page.count("#plan path.seen") == 0
    assert page.text_parts(".legend .step")[0] == "发现 ≥ 25 px/m"
    Select(browser.find_element(By.ID, "ladder")).select_by_value("iec-2025")
    page.until(lambda: page.count("#plan .level") == 7)
    assert page.text_parts(".legend .step")[-1] == "细查 ≥ 1500 px/m"
    page.click("input[data-layer=density]")
    page.until(lambda: page.count("#plan .level") == 0)
    assert page.count(".legend .step") == 0
    assert page.count("#plan path.seen") > 0

    Select(browser.find_element(By.ID, "ladder")).select_by_value("dori-2014")
    page.click("#audit-start")
    page.until(lambda: page.count("#audit-spots tr") == 4)
    assert "达标 4 / 6，确保覆盖率 92.99 %，盲区 15.28 m²" in page.text("#audit-state")
    assert page.count("#plan .unassured") == 2
    assert "三层走廊" in page.text("#audit-areas")
    client = school.service.client
    document = client.get("/api/v1/coverage/audit.json").json()
    assert page.text("#audit-seal") == f"SHA-256 {document['sha256']}"
    report = client.get("/api/v1/coverage/audit.pdf", timeout=None)
    assert report.content.startswith(b"%PDF")

    Select(browser.find_element(By.ID, "floor")).select_by_value("yard")
    page.until(lambda: page.count("#plan image") == 1)
    loaded = (
        "const done = arguments[0]; const i = new Image(); i.onload = () => done(i.naturalWidth);"
        "i.onerror = () => done(0);"
        "i.src = document.querySelector('#plan image').getAttribute('href');"
    )
    assert browser.execute_async_script(loaded) == 320
    page.click("input[data-layer=underlay]")
    page.until(lambda: page.count("#plan image") == 0)

    Select(browser.find_element(By.ID, "floor")).select_by_value("f1")
    school.covered("cam-stair")
    page.until(lambda: page.text("#areas").count("盲区") == 1)
    page.until(lambda: page.count("#plan path.lost") > 0)
    assert page.count("#plan .area.blind[data-area=area-stair]") == 1
    # What the covered camera showed finely is gone from the layer of density.
    page.click("input[data-layer=density]")
    page.until(lambda: page.count("#plan .level") == 4)
    finest = school.finest_views("f1")
    others = sum(count for name, count in finest.items() if name != "cam-stair")
    assert page.count("#plan .level-3 path") == others < sum(finest.values())
    page.click("input[data-layer=density]")
    page.until(lambda: page.count("#plan .level") == 0)
    assert "画面被遮挡" in page.text("#cameras") or "遮挡" in page.text("#cameras")

    page.slide(0)
    assert "当时没有记录" in page.text("#shown")
    assert page.count("#plan path.lost") == 0
    page.click("#to-now")
    assert page.text("#shown").startswith("截至 ")
    assert page.count("#plan path.lost") > 0

    page.open("/coverage?lang=en")
    assert page.text("h1").startswith("Live coverage and camera health")
    page.until(lambda: "blind" in page.text("#areas"))
    assert page.complaints() == []


def test_a_camera_that_connects_again_is_not_drawn_as_seeing_a_blind_area(
    browser: webdriver.Chrome, school: School
) -> None:
    page = Page(browser, school.service)
    page.open("/coverage")
    page.until(lambda: page.text("#areas").count("完整") == 6)
    assert page.count("#plan path.seen") > 0
    since = datetime.now(UTC).isoformat()
    for state, cause, told in (("offline", "hung", "无响应"), ("starting", "", "正在连接")):
        for camera in school.site.cameras:
            school.tell(
                kind="camera_state", camera_id=camera.id, state=state, cause=cause, since=since
            )
        page.until(lambda told=told: page.text("#cameras").count(told) == 5)
        assert page.text("#areas").count("盲区") == 6
    assert page.count("#plan path.seen") == 0
    assert page.count("#plan path.lost") > 0
    assert page.count("#plan polygon.camera.bad") == 0
    school.all_well()
    page.until(lambda: page.count("#plan path.seen") > 0)
    assert page.count("#plan path.lost") == 0


def test_the_desk_names_the_blind_area_and_leads_to_the_plan(
    browser: webdriver.Chrome, school: School
) -> None:
    page = Page(browser, school.service)
    school.covered("cam-stair")
    page.open("/")
    page.until(lambda: page.text(".alarm[data-type=area_blind] .alarm-place"))
    assert page.text(".alarm[data-type=area_blind] .alarm-place") == "重点区域看不见：楼梯甲"
    link = browser.find_element(By.CSS_SELECTOR, ".alarm[data-type=area_blind] .alarm-plan")
    assert link.is_displayed()
    assert link.text == "打开覆盖图"
    desk = browser.current_window_handle
    link.click()
    page.until(lambda: len(browser.window_handles) == 2)
    # The desk stays where it is.
    (other,) = set(browser.window_handles) - {desk}
    browser.switch_to.window(other)
    page.until(lambda: page.text("h1").startswith("实时覆盖与摄像机健康"))
    browser.close()
    browser.switch_to.window(desk)
    assert page.complaints() == []


async def add_installer(database_url: str) -> None:
    async with Database(database_url) as database, database.write() as connection:
        hashed = CHEAP.hashed(PASSWORD, name="sun", with_code=False)
        new = NewAccount("sun", "孙工", (Grant(Role.INSTALLER),), hashed)
        await accounts.add(connection, "test", new, SystemClock().utc())


def test_the_audit_is_made_anew_by_who_is_signed_in(
    browser: webdriver.Chrome, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SITE_VARIABLE, str(sample_school_directory()))
    monkeypatch.setenv(ACCOUNTS_VARIABLE, str(tmp_path))
    asyncio.run(add_installer(sqlite_url))
    with ServiceProcess(sqlite_url, "tests.api.coverage.school_process") as service:
        page = Page(browser, service)
        page.open("/sign-in?next=/coverage")
        browser.find_element(By.NAME, "name").send_keys("sun")
        browser.find_element(By.NAME, "password").send_keys(PASSWORD)
        page.click("form button")
        page.until(lambda: page.text("#audit-start") == "做审计")
        page.click("#audit-start")
        page.until(lambda: page.text("#audit-start") == "重新审计")
        first = page.text("#audit-seal")
        page.click("#audit-start")
        page.until(lambda: page.text("#audit-seal") != first)
        second = page.text("#audit-seal")
        # Without the session's token it is refused, and the page says so.
        browser.delete_cookie(f"xiaoan_csrf_{urlsplit(browser.current_url).port}")
        page.click("#audit-start")
        page.until(lambda: page.text("#audit-state").startswith("✕"))
        assert page.text("#audit-state") == "✕ 请求没有带本次登录的令牌"
        assert page.text("#audit-seal") == second
