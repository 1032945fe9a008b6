"""The coverage page in a real browser: plan, layers, time, languages, and the way from the desk."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from api.access import accounts
from api.access.accounts import NewAccount
from api.access.actor import Grant
from api.access.rights import Role
from api.coverage.underlay import write_underlay
from api.database import Database
from config import Site, load_site, sample_school_directory
from streams.clock import SystemClock
from tests.api.access.cases import CHEAP, PASSWORD
from tests.api.coverage.school_process import ACCOUNTS_VARIABLE, SITE_VARIABLE
from tests.api.desk_cases import AUTHORISED
from tests.api.service_peer import ServiceProcess
from tests.api.test_console_browser import browser

pytestmark = pytest.mark.peer

__all__ = ["browser"]
_PATIENCE_S = 240.0


class School:
    """The running service; the test plays its workers."""

    def __init__(self, site: Site, service: ServiceProcess) -> None:
        self.site, self.service = site, service
        self._ids = itertools.count(1)

    def tell(self, **record: Any) -> None:
        full = {
            "record_id": f"w1:run:{next(self._ids):08d}",
            "site_id": self.site.id,
            "worker_id": "w1",
            "captured_at": datetime.now(UTC).isoformat(),
        } | record
        answer = self.service.client.post(
            "/api/v1/ingest", json={"records": [full]}, headers=AUTHORISED
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["rejected"] == []

    def all_well(self) -> None:
        since = datetime.now(UTC).isoformat()
        for camera in self.site.cameras:
            self.tell(kind="camera_state", camera_id=camera.id, state="live", since=since)
        for zone in self.site.zones:
            self.tell(kind="reading", reading={"zone_id": zone.id, "level": "L0"})

    def covered(self, camera_id: str) -> None:
        since = datetime.now(UTC).isoformat()
        fault = {"fault": "covered", "since": since, "measured": 0.6, "limit": 0.25}
        self.tell(kind="camera_health", camera_id=camera_id, mode="day", faults=[fault])

    def finest_views(self, floor_id: str) -> dict[str, int]:
        """Polygons of the finest step of the 2014 ladder, by camera."""
        path = f"/api/v1/coverage/floors/{floor_id}/density"
        steps = self.service.client.get(path).json()["steps"]
        return {view["camera_id"]: len(view["polygons"]) for view in steps[-1]["views"]}


class Page:
    """The page as a person uses it."""

    def __init__(self, chrome: webdriver.Chrome, service: ServiceProcess) -> None:
        self.chrome, self.service = chrome, service
        chrome.get("about:blank")
        chrome.execute_cdp_cmd("Network.clearBrowserCookies", {})
        self.complaints()

    def open(self, path: str) -> None:
        self.chrome.get(self.service.url + path)

    def until(self, holds: Any) -> None:
        WebDriverWait(self.chrome, _PATIENCE_S).until(lambda _: holds())

    def text(self, selector: str) -> str:
        script = "return document.querySelector(arguments[0])?.innerText ?? ''"
        return str(self.chrome.execute_script(script, selector))

    def count(self, selector: str) -> int:
        script = "return document.querySelectorAll(arguments[0]).length"
        return int(self.chrome.execute_script(script, selector))

    def text_parts(self, selector: str) -> list[str]:
        script = "return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)"
        return [str(part) for part in self.chrome.execute_script(script, selector)]

    def words_over_words(self) -> list[list[str]]:
        """Pairs of words on the plan that cover each other."""
        script = """
          const texts = [...document.querySelectorAll("#plan text")];
          const words = texts.map((one) => [one, one.getBBox()]);
          return words.flatMap(([a, p], i) => words.slice(i + 1)
            .filter(([, q]) => p.x < q.x + q.width && q.x < p.x + p.width
              && p.y < q.y + q.height && q.y < p.y + p.height)
            .map(([b]) => [a.textContent, b.textContent]));
        """
        return list(self.chrome.execute_script(script))

    def click(self, selector: str) -> None:
        self.chrome.find_element(By.CSS_SELECTOR, selector).click()

    def slide(self, minutes: int) -> None:
        script = (
            "const time = document.getElementById('time'); time.value = arguments[0];"
            "time.dispatchEvent(new Event('input', {bubbles: true}));"
        )
        self.chrome.execute_script(script, minutes)

    def complaints(self) -> list[str]:
        entries: list[dict[str, Any]] = self.chrome.get_log("browser")  # type: ignore[no-untyped-call]
        # The desk asks for the clip of an alarm, and nothing records here.
        bad = [str(e["message"]) for e in entries if e["level"] in ("SEVERE", "WARNING")]
        return [message for message in bad if "/clip" not in message]


@pytest.fixture
def school(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[School]:
    """The sample school with a picture under its yard."""
    picture = tmp_path / "yard.png"
    Image.new("RGB", (320, 300), "white").save(picture)
    points = (((40.0, 220.0), (0.0, 0.0)), ((240.0, 220.0), (10.0, 0.0)))
    folder = tmp_path / "site"
    write_underlay(sample_school_directory(), "yard", picture, points, folder, 72.0)
    monkeypatch.setenv(SITE_VARIABLE, str(folder))
    with ServiceProcess(sqlite_url, "tests.api.coverage.school_process") as service:
        school = School(load_site(folder), service)
        school.all_well()
        yield school


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
    assert page.text("#shown") == "现在"
    assert page.count("#plan path.lost") > 0

    page.open("/coverage?lang=en")
    assert page.text("h1").startswith("Live coverage and camera health")
    page.until(lambda: "blind" in page.text("#areas"))
    assert page.complaints() == []


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
    link.click()
    page.until(lambda: page.text("h1").startswith("实时覆盖与摄像机健康"))
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
        browser.delete_cookie("xiaoan_csrf")
        page.click("#audit-start")
        page.until(lambda: page.text("#audit-state").startswith("✕"))
        assert page.text("#audit-state") == "✕ 请求没有带本次登录的令牌"
        assert page.text("#audit-seal") == second
