"""The pack in a real browser: one click, a file on the disk, a line in the list."""

import shutil
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service as DriverService
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from api.database import migrate
from config.plan import load_catalogue
from tests.api.plan.plan_process import SCHOOL, PlanProcess
from tests.api.plan.test_cli_plan import REWORDED, table_of
from tests.conftest import need_peer

pytestmark = pytest.mark.peer

PATIENCE_S = 120.0
PAGE = f"/plan/units/{SCHOOL}/reports"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[PlanProcess]:
    url = f"sqlite:///{tmp_path / 'plan.db'}"
    migrate(url)
    with PlanProcess(url, tmp_path) as process:
        yield process


@pytest.fixture
def browser(chromium: Path, tmp_path: Path) -> Iterator[webdriver.Chrome]:
    driver = shutil.which("chromedriver")
    need_peer(driver, "chromedriver", "apt-get install chromium-driver")
    options = Options()
    options.binary_location = str(chromium)
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-proxy-server"):
        options.add_argument(argument)
    options.add_argument("--disable-dev-shm-usage")
    options.add_argument("--window-size=1400,1000")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=DriverService(driver))
    chrome.execute_cdp_cmd(
        "Browser.setDownloadBehavior",
        {"behavior": "allow", "downloadPath": str(tmp_path / "downloads")},
    )
    try:
        yield chrome
    finally:
        chrome.quit()


def until(browser: webdriver.Chrome, told: Callable[[], Any]) -> Any:
    # A page that is drawn anew takes the element away between its finding and its reading.
    waiting = WebDriverWait(
        browser, PATIENCE_S, ignored_exceptions=(StaleElementReferenceException,)
    )
    return waiting.until(lambda _: told())


def complaints(browser: webdriver.Chrome) -> list[str]:
    """What the page complained of since the last call."""
    entries: list[dict[str, str]] = browser.get_log("browser")  # type: ignore[no-untyped-call]
    return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]


def named(browser: webdriver.Chrome, url: str) -> None:
    """Open the plan and type a name, as at a shared desk."""
    browser.get(url)
    browser.find_element(By.CSS_SELECTOR, "input[name=name]").send_keys("王芳")
    browser.find_element(By.CSS_SELECTOR, "form button").click()
    until(browser, lambda: browser.find_elements(By.CSS_SELECTOR, ".who"))
    complaints(browser)  # the page that asks for a name answers 401


def test_one_click_gives_the_pack_and_lists_it(
    service: PlanProcess, browser: webdriver.Chrome, chinese_font: None, tmp_path: Path
) -> None:
    named(browser, f"{service.url}/plan")
    browser.get(service.url + PAGE)
    assert "一键生成资料包" in browser.find_element(By.ID, "make-zip").text
    assert "排查次数" in browser.find_element(By.CSS_SELECTOR, ".preview").text
    browser.find_element(By.ID, "make-zip").click()
    until(browser, lambda: browser.find_elements(By.CSS_SELECTOR, "#papers tbody tr"))
    folder = tmp_path / "downloads"
    (path,) = until(browser, lambda: [*folder.glob("*.zip")])
    line = browser.find_element(By.CSS_SELECTOR, "#papers tbody tr").text
    assert path.name in line
    assert "王芳" in line
    digest = browser.find_element(By.CSS_SELECTOR, "#papers code").get_attribute("title")
    assert sha256(path.read_bytes()).hexdigest() == digest
    assert f"{path.stem}.pdf" in ZipFile(path).namelist()
    field = browser.find_element(By.CSS_SELECTOR, "#papers input[name=receipt_no]")
    field.send_keys("CC-1")
    browser.find_element(By.CSS_SELECTOR, "#papers form button").click()
    until(browser, lambda: "CC-1" in browser.find_element(By.ID, "papers").text)
    assert complaints(browser) == []


def test_points_are_taken_on_the_page(service: PlanProcess, browser: webdriver.Chrome) -> None:
    named(browser, f"{service.url}/plan")
    browser.get(f"{service.url}/plan/units/{SCHOOL}/evaluation")
    form = browser.find_element(By.ID, "take-self")
    form.find_element(By.NAME, "deducted").send_keys("1.5")
    form.find_element(By.NAME, "reason").send_keys("疏散超时")
    form.find_element(By.TAG_NAME, "button").click()
    output = form.find_element(By.TAG_NAME, "output")
    until(browser, lambda: "须写明原因并关联台账" in output.text)
    listed = f"/api/v1/plan/units/{SCHOOL}/occurrences?from=2026-01-01&to=2027-12-31"
    row_id = service.client.get(listed).json()[0]["id"]
    form.find_element(By.NAME, "references").send_keys(f"occurrence:{row_id}")
    form.find_element(By.TAG_NAME, "button").click()
    until(browser, lambda: browser.find_element(By.ID, "score-self").text == "98.5")
    browser.find_element(By.CSS_SELECTOR, "#deductions a").click()
    until(browser, lambda: f"/rows/{row_id}" in browser.current_url)
    assert browser.find_element(By.TAG_NAME, "h1").text.startswith(f"#{row_id} ")


def test_next_years_table_is_looked_through_and_fetched(
    service: PlanProcess, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    named(browser, f"{service.url}/plan")
    browser.get(f"{service.url}/plan/import")
    table = table_of(tmp_path, {"1.2.4": REWORDED})
    browser.find_element(By.NAME, "table").send_keys(str(table))
    year = browser.find_element(By.NAME, "year")
    year.clear()
    year.send_keys("2027")
    browser.find_element(By.CSS_SELECTOR, "#import button").click()
    until(browser, lambda: "可导入 36 行，有错 0 行" in browser.find_element(By.ID, "rows").text)
    assert "由 1.2.4 改写" in browser.find_element(By.ID, "rows").text
    browser.find_element(By.CSS_SELECTOR, "#choices .quote input").send_keys("召开2次形势研判会")
    browser.find_element(By.CSS_SELECTOR, "#import button").click()
    until(browser, lambda: "失去规则" not in browser.find_element(By.ID, "rows").text)
    browser.find_element(By.CSS_SELECTOR, "#fetch a").click()
    path = tmp_path / "downloads" / "catalogue-2027.yaml"
    until(browser, path.is_file)
    assert load_catalogue(path).measure("1.2.4").text_zh == REWORDED
    assert complaints(browser) == []


def test_a_pasted_notice_becomes_the_school_year(
    service: PlanProcess, browser: webdriver.Chrome
) -> None:
    named(browser, f"{service.url}/plan")
    year = service.client.get(f"/api/v1/plan/units/{SCHOOL}/today").json()["day"][:4]
    browser.get(f"{service.url}/plan/school-year?year={year}")
    words = "元旦：1月1日（周五）至3日（周日）放假。1月4日（周一）上班。鼓励在2月4日休息。"
    browser.find_element(By.ID, "notice").send_keys(words)
    browser.find_element(By.ID, "read").click()
    told = browser.find_element(By.CSS_SELECTOR, "#year output")
    until(browser, lambda: "鼓励在2月4日休息" in told.text)
    holidays = browser.find_element(By.ID, "holidays").get_attribute("value")
    assert holidays == f"{year}-01-01 至 {year}-01-03 元旦"
    assert browser.find_element(By.ID, "make_up_days").get_attribute("value") == f"{year}-01-04"
    browser.find_element(By.ID, "look").click()
    until(browser, lambda: browser.find_element(By.ID, "changes").is_displayed())
    browser.find_element(By.CSS_SELECTOR, "#year button:not([type])").click()
    until(browser, lambda: "已录入" in told.text)
    known = service.client.get(f"/api/v1/plan/calendars/{year}").json()
    assert [one["day"][5:] for one in known["holidays"]] == ["01-01", "01-02", "01-03"]
    assert known["entered_by"] == "王芳"
    assert complaints(browser) == []
