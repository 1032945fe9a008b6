"""The sign-in page in a real browser: where it leads on to."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from selenium import webdriver

from tests.api.access.cases import PASSWORD
from tests.api.console.page import Desk
from tests.api.service_peer import ServiceProcess

pytestmark = pytest.mark.peer


@pytest.fixture
def house(sqlite_url: str) -> Iterator[ServiceProcess]:
    with ServiceProcess(sqlite_url, "tests.api.console.accounts_process") as process:
        yield process


def test_no_link_to_the_sign_in_leads_to_another_house(
    browser: webdriver.Chrome, house: ServiceProcess
) -> None:
    """Somebody who was sent a link signs in here and must not be asked again elsewhere."""
    for following in ("/.//evil.invalid/x", "//evil.invalid/", "/\\evil.invalid", "/handover"):
        browser.delete_all_cookies()
        desk = Desk(browser, house, f"/sign-in?next={quote(following)}", live=False)
        desk.one("input[name=name]").send_keys("liu")
        desk.one("input[name=password]").send_keys(PASSWORD)
        desk.one("form button").click()
        desk.until(lambda: "/sign-in" not in browser.current_url)
        assert browser.current_url.startswith(f"{house.url}/"), following
    assert browser.current_url == f"{house.url}/handover"
