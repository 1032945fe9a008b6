"""The plan in a real browser: forms without a network, phones, the wall from five metres."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service as DriverService
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait
from sqlalchemy import delete, func, select

from api.access import accounts
from api.access.accounts import NewAccount
from api.access.actor import Grant
from api.access.rights import Role
from api.access.tables import SESSIONS
from api.database import Database
from api.plan.tables import PLAN_ATTACHMENTS, PLAN_RECORDS
from tests.api.access.cases import CHEAP, PASSWORD
from tests.api.plan.plan_process import SCHOOL, PlanProcess
from tests.conftest import need_peer
from vision.instants import Utc

pytestmark = pytest.mark.peer

UNIT = f"/plan/units/{SCHOOL}"
PATIENCE_S = 90.0
PHONE = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
DESKTOP = {"width": 1920, "height": 1080, "deviceScaleFactor": 1, "mobile": False}
# 16 minutes of arc at 5 m are 23 mm; a panel of 1.21 m width has 0.63 mm for each of 1920 points.
LEAST_WALL_PX = 37.0


class Page:
    """The browser as a person uses it."""

    def __init__(self, chrome: webdriver.Chrome) -> None:
        self.chrome = chrome

    def run(self, script: str, *values: Any) -> Any:
        return self.chrome.execute_script(script, *values)

    def until(self, told: Callable[[], Any]) -> Any:
        return WebDriverWait(self.chrome, PATIENCE_S).until(lambda _: told())

    def text(self, selector: str) -> str:
        script = "return document.querySelector(arguments[0])?.innerText ?? ''"
        return str(self.run(script, selector))

    def type(self, selector: str, words: str) -> None:
        self.chrome.find_element(By.CSS_SELECTOR, selector).send_keys(words)

    def click(self, selector: str) -> None:
        self.chrome.find_element(By.CSS_SELECTOR, selector).click()

    def network(self, *, offline: bool) -> None:
        """Drop the network of the page and of its service worker, or bring it back."""
        self.chrome.execute_cdp_cmd("Network.enable", {})
        self.chrome.execute_cdp_cmd(
            "Network.emulateNetworkConditions",
            {"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1},
        )

    def screen(self, size: dict[str, Any]) -> None:
        self.chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def sign_in(self, url: str, name: str) -> None:
        self.chrome.get(f"{url}/sign-in?next={UNIT}")
        self.type("input[name=name]", name)
        self.type("input[name=password]", PASSWORD)
        self.click("form button")
        self.until(lambda: "/sign-in" not in self.chrome.current_url)

    def fill_drill(self, title: str) -> None:
        Select(self.chrome.find_element(By.NAME, "kind_type")).select_by_value("fire")
        # The form proposes a title; what a person types replaces it.
        self.chrome.find_element(By.NAME, "title").clear()
        self.type("input[name=title]", title)
        self.type("[name='details.participants']", "812")
        self.type("[name='details.evaluation']", "有序")


@pytest.fixture(scope="module")
def page(chromium: Path) -> Iterator[Page]:
    driver = shutil.which("chromedriver")
    need_peer(driver, "chromedriver", "apt-get install chromium-driver")
    options = Options()
    options.binary_location = str(chromium)
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-proxy-server"):
        options.add_argument(argument)
    options.add_argument("--disable-dev-shm-usage")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=DriverService(driver))
    chrome.set_script_timeout(PATIENCE_S)
    try:
        yield Page(chrome)
    finally:
        chrome.quit()


@pytest.fixture(scope="module")
def service(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("plan-browser")
    shutil.copy(sqlite_template, folder / "desk.db")
    url = f"sqlite:///{folder / 'desk.db'}"
    asyncio.run(_add_people(url))
    with PlanProcess(url, folder, accounts=True) as process:
        yield process


async def _add_people(url: str) -> None:
    """A safety director of the school, and one of another school."""
    now = Utc.from_datetime(datetime.now(UTC))
    async with Database(url) as database, database.write() as connection:
        for name, school in (("wang", SCHOOL), ("zhao", "sample-middle")):
            hashed = CHEAP.hashed(PASSWORD, name=name, with_code=False)
            new = NewAccount(name, name, (Grant(Role.SCHOOL, school),), hashed)
            await accounts.add(connection, "test", new, now)


def stored(service: PlanProcess, title: str) -> tuple[int, int]:
    """How many records carry this title, and how many files hang on them."""

    async def count() -> tuple[int, int]:
        async with Database(service.database_url) as database, database.read() as connection:
            own = PLAN_RECORDS.c.title == title
            ids = (await connection.execute(select(PLAN_RECORDS.c.id).where(own))).scalars().all()
            subjects = [f"record:{number}" for number in ids]
            files = select(func.count()).where(PLAN_ATTACHMENTS.c.subject.in_(subjects))
            return len(ids), int((await connection.execute(files)).scalar_one())

    return asyncio.run(count())


def test_a_form_without_a_network_waits_and_is_sent_once(
    page: Page, service: PlanProcess, tmp_path: Path
) -> None:
    page.screen(PHONE)
    page.sign_in(service.url, "wang")
    page.chrome.get(f"{service.url}{UNIT}/form/drill")
    # From its second opening on the worker keeps the form.
    page.run("return navigator.serviceWorker.ready.then(() => true)")
    page.chrome.refresh()
    assert page.run("return Boolean(navigator.serviceWorker.controller)")
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"\xff\xd8 a photograph")
    page.network(offline=True)
    page.chrome.refresh()  # opened again without a network
    page.fill_drill("断网演练")
    page.type("input[type=file]", str(photo))
    page.click("form.record button")
    page.until(lambda: page.run("return document.body.dataset.waiting") == "1")
    assert "网络不通" in page.text("#outbox")
    assert stored(service, "断网演练") == (0, 0)
    page.network(offline=False)
    page.run("dispatchEvent(new Event('online'))")
    page.until(lambda: page.run("return document.body.dataset.waiting") == "0")
    page.until(lambda: stored(service, "断网演练") == (1, 1))
    # The browser asks again: nothing waits, and the same form sent twice is one record.
    again = page.run(
        """
        const token = decodeURIComponent(/xiaoan_csrf_\\d+=([^;]+)/.exec(document.cookie)[1]);
        const body = {client_key: "twice-00000001", kind: "drill", kind_type: "fire",
          happened_on: document.querySelector("[name=happened_on]").value, title: "两次",
          details: {participants: 3, evaluation: "好"}};
        const send = () => fetch(arguments[0], {method: "POST", body: JSON.stringify(body),
          headers: {"content-type": "application/json", "x-csrf-token": token}});
        return Promise.all([send(), send()]).then((all) => all.map((one) => one.status));
        """,
        f"/api/v1/plan/units/{SCHOOL}/records",
    )
    assert again == [200, 200]
    assert stored(service, "两次") == (1, 0)
    assert stored(service, "断网演练") == (1, 1)


def test_a_form_that_is_refused_stays_until_it_is_mended(page: Page, service: PlanProcess) -> None:
    page.screen(PHONE)
    page.sign_in(service.url, "wang")
    page.chrome.get(f"{service.url}{UNIT}/form/drill")
    page.fill_drill("日期填错")
    today = page.run("return document.querySelector('[name=happened_on]').value")
    page.run("document.querySelector('[name=happened_on]').value = '2099-01-01'")
    page.network(offline=True)
    page.click("form.record button")
    page.until(lambda: page.run("return document.body.dataset.waiting") == "1")
    page.network(offline=False)
    page.run("dispatchEvent(new Event('online'))")
    page.until(lambda: "日期填错" in page.text("#refused"))
    assert "2099-01-01" in page.text("#refused")
    assert page.run("return document.body.dataset.waiting") == "0"
    assert stored(service, "日期填错") == (0, 0)
    # Also after the page was closed; opened again it stands as it was typed.
    page.chrome.get(f"{service.url}{UNIT}")
    page.until(lambda: "日期填错" in page.text("#refused"))
    page.click("#refused a")
    page.until(
        lambda: page.run("return document.querySelector('[name=title]')?.value") == "日期填错"
    )
    assert (
        page.run("return document.querySelector(\"[name='details.evaluation']\").value") == "有序"
    )
    page.run("document.querySelector('[name=happened_on]').value = arguments[0]", today)
    page.click("form.record button")
    page.until(lambda: stored(service, "日期填错") == (1, 0))
    page.until(lambda: page.text("#refused") == "")


def test_on_a_shared_phone_nobody_sends_the_form_of_another(
    page: Page, service: PlanProcess
) -> None:
    page.screen(PHONE)
    page.sign_in(service.url, "wang")
    page.chrome.get(f"{service.url}{UNIT}/form/drill")
    page.fill_drill("王老师的演练")
    page.network(offline=True)
    page.click("form.record button")
    page.until(lambda: page.run("return document.body.dataset.waiting") == "1")
    page.chrome.delete_all_cookies()  # signed out before the network is back
    page.network(offline=False)
    page.sign_in(service.url, "zhao")
    page.chrome.get(f"{service.url}/plan/units/sample-middle")
    page.until(lambda: page.run("return document.body.dataset.waiting") == "0")
    assert page.text("#outbox") == page.text("#refused") == ""
    assert stored(service, "王老师的演练") == (0, 0)
    page.sign_in(service.url, "wang")
    page.until(lambda: stored(service, "王老师的演练") == (1, 0))


def test_a_form_outlives_the_service_and_the_page(page: Page, service: PlanProcess) -> None:
    page.screen(PHONE)
    page.sign_in(service.url, "wang")
    page.chrome.get(f"{service.url}{UNIT}/form/drill")
    page.fill_drill("服务中断")
    service.cut()
    page.click("form.record button")
    page.until(lambda: page.run("return document.body.dataset.waiting") == "1")
    page.chrome.get("about:blank")
    service.start()
    page.chrome.get(f"{service.url}{UNIT}")
    page.until(lambda: stored(service, "服务中断") == (1, 0))


PHONE_PAGES = ["", "/board", "/ledger", "/calendar", "/hazards", "/tasks", "/records", "/map"]
PHONE_PAGES += ["/form/drill", "/incidents", "/certificates"]


# What is left of A4 between margins of 12 mm, at 96 points an inch.
PAPER = {"width": 703, "height": 1031, "deviceScaleFactor": 1, "mobile": False}
ON_PAPER = (
    "const shown = (one) => getComputedStyle(one).display;"
    "const all = (names) => [...document.querySelectorAll(names)];"
    "return [[...new Set(all('main tbody tr').map(shown))],"
    " all('button, a.do, .top nav, form[data-post]').filter((one) => one.offsetParent).length,"
    " document.documentElement.scrollWidth]"
)


@pytest.mark.parametrize("path", ["", "/board", "/ledger?only=todo", "/evaluation", "/reports"])
def test_a_printed_page_keeps_its_tables_and_leaves_out_what_is_pressed(
    page: Page, service: PlanProcess, path: str
) -> None:
    page.sign_in(service.url, "wang")
    page.screen(PAPER)
    page.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        page.chrome.get(f"{service.url}{UNIT}{path}")
        rows, pressed, width_px = page.run(ON_PAPER)
        assert rows == ["table-row"]
        assert pressed == 0
        assert width_px <= PAPER["width"]
        # A part of the ledger says on paper that it is one.
        kept = "main .kinds a[aria-current]"
        assert page.text(kept) == ("未完成" if "todo" in path else "")
    finally:
        page.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_an_incident_happened_at_the_time_of_the_plan_whatever_the_browser_thinks(
    page: Page, service: PlanProcess
) -> None:
    page.screen(DESKTOP)
    page.sign_in(service.url, "wang")
    override = {"timezoneId": "America/New_York"}
    page.chrome.execute_cdp_cmd("Emulation.setTimezoneOverride", override)
    try:
        page.chrome.get(f"{service.url}{UNIT}/incidents")
        page.type("[name=category]", "磕碰")
        page.type("[name=place]", "楼梯甲")
        page.run("document.querySelector('[name=at_local]').value = '2026-03-16T09:41'")
        page.click("form[data-key] button")
        page.until(lambda: "2026-03-16 09:41" in page.text("article.hazard"))
    finally:
        page.chrome.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": ""})


def test_a_double_click_hands_in_one_record(page: Page, service: PlanProcess) -> None:
    page.screen(DESKTOP)
    page.sign_in(service.url, "wang")
    page.chrome.get(f"{service.url}{UNIT}/form/drill")
    page.fill_drill("点两下")
    click = (
        "const button = document.querySelector('form.record button');"
        "const how = {bubbles: true, cancelable: true, detail: arguments[0]};"
        "button.dispatchEvent(new MouseEvent('click', how)); return button.disabled;"
    )
    assert page.run(click, 1)
    page.until(lambda: "已提交" in page.text("form.record output"))
    assert not page.run(click, 2)
    assert stored(service, "点两下")[0] == 1


def test_pages_fit_a_phone(page: Page, service: PlanProcess) -> None:
    page.screen(PHONE)
    page.sign_in(service.url, "wang")
    for path in PHONE_PAGES:
        page.chrome.get(f"{service.url}{UNIT}{path}")
        wide = page.run("return document.documentElement.scrollWidth")
        assert wide <= PHONE["width"], f"{path} is {wide} wide"
        low = page.run(
            """return [...document.querySelectorAll("main input, main select, main button")]
            .filter((one) => one.offsetParent && one.type !== "hidden")
            .map((one) => one.getBoundingClientRect().height).filter((one) => one < 44).length"""
        )
        assert low == 0, f"{path} has {low} targets lower than a finger"


def test_the_wall_is_read_from_five_metres_and_is_live(page: Page, service: PlanProcess) -> None:
    page.screen(DESKTOP)
    page.sign_in(service.url, "wang")
    page.chrome.get(f"{service.url}/plan/wall")
    page.until(lambda: page.run("return document.body.dataset.live") == "yes")
    sizes = page.run(
        """return [...document.querySelectorAll(".strip *, .tiles *")]
        .filter((one) => one.offsetParent && [...one.childNodes].some((n) => n.nodeType === 3 &&
          n.textContent.trim())).map((one) => parseFloat(getComputedStyle(one).fontSize))"""
    )
    assert len(sizes) > 5
    assert min(sizes) >= LEAST_WALL_PX
    assert page.run("return document.documentElement.scrollWidth") <= DESKTOP["width"]
    units = page.run("return [...document.querySelectorAll('.tile')].map((t) => t.dataset.unit)")
    assert units == [SCHOOL]  # another school's tile is not on this wall
    # Nothing was measured yet: grey, and said in words, never "in order".
    assert "灰 · 无数据" in page.text(".tile .grade") or "逾期" in page.text(".tile")
    assert "看不见 2" in page.text("[data-field=site]")
    service.send(service.record("stair", "L3", 2.9), service.record("hall", "L0", 0.4))
    page.until(lambda: "红 · 重大" in page.text(".tile .grade"))
    assert (
        page.run(
            "return getComputedStyle(document.querySelector('.tile .shape'), '::before').content"
        )
        == '"■"'
    )
    page.until(lambda: "预警未确认 1" in page.text("[data-field=site]"))
    page.chrome.get(f"{service.url}{UNIT}/map")
    page.until(lambda: page.run("return document.body.dataset.live") == "yes")
    assert page.text("tr[data-zone=stair] [data-field=level]") == "L3 告警"
    service.send(service.record("stair", "L0", 0.1))
    page.until(lambda: page.text("tr[data-zone=stair] [data-field=level]") == "L0 正常")


def test_a_wall_that_hears_nothing_turns_grey_and_says_since_when(
    page: Page, service: PlanProcess
) -> None:
    page.screen(DESKTOP)
    page.sign_in(service.url, "wang")
    page.chrome.get(f"{service.url}/plan/wall")
    page.until(lambda: page.run("return document.body.dataset.live") == "yes")
    with service.silent():
        page.until(lambda: "与服务器失去联系" in page.text("#old"))
        grey = "return getComputedStyle(document.querySelector('.tile a')).filter"
        assert page.run(grey) == "grayscale(1)"
        assert re.search(r"自 \d\d-\d\d \d\d:\d\d$", page.text("#old"))
    page.until(lambda: "与服务器失去联系" not in page.text("#old"))


def test_a_wall_whose_sign_in_ended_says_so_and_leads_back(
    page: Page, service: PlanProcess
) -> None:
    page.screen(DESKTOP)
    page.sign_in(service.url, "wang")
    page.chrome.get(f"{service.url}/plan/wall")
    page.until(lambda: page.run("return document.body.dataset.live") == "yes")
    asyncio.run(_end_every_session(service.database_url))
    page.until(lambda: "登录已到期" in page.text("#old"))
    assert "与服务器失去联系" not in page.text("#old")
    page.click("#old a")
    page.until(lambda: page.chrome.current_url.endswith("/sign-in?next=%2Fplan%2Fwall"))


async def _end_every_session(url: str) -> None:
    async with Database(url) as database, database.write() as connection:
        await connection.execute(delete(SESSIONS))


def test_pages_run_without_a_complaint(page: Page, service: PlanProcess) -> None:
    page.screen(DESKTOP)
    page.sign_in(service.url, "wang")
    page.chrome.get_log("browser")  # type: ignore[no-untyped-call]
    # What the pages before complained of is forgotten.
    for path in ("", "/form/drill", "/map", "/records"):
        page.chrome.get(f"{service.url}{UNIT}{path}")
    page.chrome.get(f"{service.url}/plan/wall")
    page.until(lambda: page.run("return document.body.dataset.live") == "yes")
    entries: list[dict[str, Any]] = page.chrome.get_log("browser")  # type: ignore[no-untyped-call]
    assert [one["message"] for one in entries if one["level"] in ("SEVERE", "WARNING")] == []
