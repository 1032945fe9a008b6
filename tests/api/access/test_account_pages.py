"""The pages of accounts and of the audit log in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pyotp
import pytest
from selenium import webdriver

from tests.api.access.cases import PASSWORD, TOTP_SECRET
from tests.api.console.page import Desk
from tests.api.service_peer import ServiceProcess

pytestmark = pytest.mark.peer


@pytest.fixture
def house(sqlite_url: str) -> Iterator[ServiceProcess]:
    with ServiceProcess(sqlite_url, "tests.api.console.accounts_process") as process:
        yield process


@pytest.fixture
def page(browser: webdriver.Chrome, house: ServiceProcess) -> Desk:
    return Desk(browser, house, "/sign-in", live=False)


def _sign_in(page: Desk, name: str, *, code: bool = False) -> str:
    """Sign in anew; the value of the session's cookie."""
    page.browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    page.browser.get(f"{page.service.url}/sign-in?next=/start")
    page.one("input[name=name]").send_keys(name)
    page.one("input[name=password]").send_keys(PASSWORD)
    if code:
        page.one("input[name=code]").send_keys(pyotp.TOTP(TOTP_SECRET).now())
    page.one("form button").click()
    page.until(lambda: "/sign-in" not in page.browser.current_url)
    port = urlsplit(page.browser.current_url).port
    cookie = page.browser.get_cookie(f"xiaoan_session_{port}")
    assert cookie is not None
    return str(cookie["value"])


def _status(page: Desk, session: str) -> int:
    """What a request of that session gets."""
    cookies = {"xiaoan_session": session}
    url = f"{page.service.url}/api/v1/me"
    return httpx.get(url, cookies=cookies, trust_env=False).status_code


def test_who_left_a_machine_signed_in_ends_that_session_from_here(page: Desk) -> None:
    left_behind, here = _sign_in(page, "liu"), _sign_in(page, "liu")
    page.browser.get(f"{page.service.url}/account")
    page.until(lambda: "这一处" in page.text("#sessions"))
    assert page.text("#me") == "liu · liu · 值班员"
    assert page.text("#sessions").count("127.0.0.1") == 2
    page.one("#end-others").click()
    page.until(lambda: page.text("#sessions-told") == "已退出")
    assert page.text("#sessions").count("127.0.0.1") == 1
    assert not page.one("#end-others").is_enabled()
    assert (_status(page, left_behind), _status(page, here)) == (401, 200)
    assert page.complaints() == []


def test_the_administrator_is_warned_before_a_desk_is_signed_out(page: Desk) -> None:
    """Roles stand there in words; one's own account is not signed out from this page."""
    desk = _sign_in(page, "desk")
    _sign_in(page, "boss", code=True)
    page.browser.get(f"{page.service.url}/accounts")
    row = "tr[data-account=desk]"
    page.until(lambda: "值班员 (school)" in page.text(row))
    assert "管理员 (全部站点)" in page.text("tr[data-account=boss]")
    assert page.text("tr[data-account=boss] .acts") == "我的账号"
    page.one(f"{row} .acts button").click()
    assert "看不到也听不到" in page.text("#sure-why")
    assert _status(page, desk) == 200
    page.one("#sure form button").click()
    page.until(lambda: page.text("#accounts-told") == "desk: 已在各处退出")
    assert _status(page, desk) == 401
    assert page.complaints() == []


def test_the_audit_log_speaks_words_and_is_filtered(page: Desk) -> None:
    _sign_in(page, "liu")
    _sign_in(page, "checker", code=True)
    page.browser.get(f"{page.service.url}/audit")
    page.until(lambda: page.text("#verdict").startswith("✓ 日志链完整"))
    assert "新建账号" in page.text("#audit")
    for code in ("session.started", "account.added", "operator", "{"):
        assert code not in page.text("#audit")
    page.one("#filter select option[value=session]").click()
    page.one("#filter input[name=who]").send_keys("LI")
    page.one("#filter button").click()
    page.until(lambda: "新建账号" not in page.text("#audit"))
    page.until(lambda: "登录" in page.text("#audit tbody"))
    assert "checker" not in page.text("#audit tbody")
    page.browser.get(f"{page.service.url}/audit?lang=en")
    page.until(lambda: "Signed in" in page.text("#audit"))
    assert page.complaints() == []
