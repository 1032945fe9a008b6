"""What somebody sees who opens a page that is not there, not theirs, or asked for wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.access.actor import Grant
from api.access.rights import Role
from config.texts import text
from tests.api.access.cases import OPERATOR, house
from tests.api.desk_cases import SITE

PAGE = {"accept": "text/html,application/xhtml+xml"}


@pytest.mark.parametrize(
    ("path", "status", "said", "mend"),
    [
        ("/nowhere", 404, "api.error.http_404", "frame.refusal.http_404.mend"),
        ("/handover?hours=100", 422, "api.error.request_invalid", "query.hours"),
        ("/?lang=fr", 422, "api.error.request_invalid", "query.lang"),
    ],
)
async def test_a_person_is_refused_with_a_page(
    sqlite_url: str, tmp_path: Path, path: str, status: int, said: str, mend: str
) -> None:
    async with house(sqlite_url, tmp_path) as desk:
        browser = await desk.signed_in("wang", OPERATOR)
        for lang in ("zh", "en"):
            browser.client.cookies.set("xiaoan_lang", lang, domain="localhost.local")
            answer = await browser.get(path, **PAGE)
            assert answer.status_code == status
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert text(said, lang) in answer.text
            assert (text(mend, lang) if mend.startswith("frame.") else mend) in answer.text
            assert 'href="/handover"' in answer.text  # the way to the pages that are theirs
            assert 'href="/start"' in answer.text


async def test_the_page_says_that_a_right_is_missing_and_leads_back(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with house(sqlite_url, tmp_path) as desk:
        browser = await desk.signed_in("wang", OPERATOR)
        answer = await browser.get("/accounts", referer="http://localhost/?a=1", **PAGE)
        assert answer.status_code == 403
        assert text("frame.refusal.right_missing.mend", "zh") in answer.text
        assert 'href="/?a=1"' in answer.text
        answer = await browser.get("/accounts", referer="http://elsewhere.example/x", **PAGE)
        assert "elsewhere" not in answer.text


@pytest.mark.parametrize(
    ("referer", "back"),
    [
        ("http://localhost//evil.example/x", "/evil.example/x"),
        ("http://[", "/start"),
        ("", "/start"),
    ],
)
async def test_the_way_back_never_leaves_this_service(
    sqlite_url: str, tmp_path: Path, referer: str, back: str
) -> None:
    async with house(sqlite_url, tmp_path) as desk:
        browser = await desk.signed_in("wang", OPERATOR)
        answer = await browser.get("/accounts", referer=referer, **PAGE)
        assert answer.status_code == 403
        assert f'href="{back}"' in answer.text
        assert 'href="//' not in answer.text


async def test_programs_get_the_problem_as_it_is(sqlite_url: str, tmp_path: Path) -> None:
    async with house(sqlite_url, tmp_path) as desk:
        browser = await desk.signed_in("wang", OPERATOR)
        for path, headers in (("/nowhere", {}), ("/api/v1/nowhere", PAGE)):
            answer = await browser.get(path, **headers)
            assert answer.status_code == 404
            assert answer.json()["code"] == "http_404"
        # Nobody signed in: still the way to the sign-in.
        answer = await desk.browser().get("/handover", **PAGE)
        assert answer.headers["location"] == "/sign-in?next=/handover"


@pytest.mark.parametrize(("role", "sees"), [(Role.OPERATOR, False), (Role.INSTALLER, True)])
async def test_the_desk_leads_to_the_coverage_page_only_who_may_open_it(
    sqlite_url: str, tmp_path: Path, role: Role, sees: bool
) -> None:
    async with house(sqlite_url, tmp_path) as desk:
        # The small site has no plan of its floors, so the page itself is not served.
        desk.app.state.frame_paths = frozenset({"/", "/coverage"})
        browser = await desk.signed_in("wang", Grant(role, SITE.id))
        answer = await browser.get("/", **PAGE)
        assert ('data-coverage="yes"' in answer.text) == sees
