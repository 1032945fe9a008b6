"""Everybody finds the pages that are open to them, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from api.access.actor import Grant
from api.access.guard import OpenAccess
from api.access.rights import Role
from api.application import PlanFolder, create_app
from api.frame.places import PLACES
from api.pictures import NoPictures
from config.plan import load_edition
from config.texts import LANGUAGES, catalogue
from streams.clock import SimulatedClock
from tests.api.desk_cases import SITE, settings

LINK = re.compile(r'<a href="(/[a-z]*)"')


async def page_of(folder: Path, role: Role, path: str, lang: str = "zh") -> tuple[str, str]:
    """Where a person of that role ends up, and the page there."""
    app = create_app(
        settings=settings(f"sqlite:///{folder / 'desk.db'}"),
        site=SITE,
        clock=SimulatedClock(),
        pictures=NoPictures(),
        access=OpenAccess(grants=(Grant(role),)),
        plan=PlanFolder(load_edition(), folder / "files"),
    )
    # These pages read no database: nothing has to be started.
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://localhost",
        headers={"accept": "text/html"},
        follow_redirects=True,
    ) as client:
        answer = await client.get(path, params={"lang": lang})
        assert answer.status_code == 200, answer.text
        return answer.url.path, answer.text


@pytest.mark.parametrize(
    ("role", "paths"),
    [
        (Role.OPERATOR, {"/", "/police", "/handover", "/delivery"}),
        (Role.DISTRICT, {"/coverage"}),
        (Role.INSTALLER, {"/", "/police", "/handover", "/coverage", "/delivery"}),
        (Role.ADMINISTRATOR, {"/delivery", "/accounts"}),
        (Role.AUDITOR, {"/audit", "/viewings"}),
        (Role.SCHOOL, {"/coverage", "/plan"}),
    ],
)
async def test_the_start_page_leads_each_role_to_its_pages(
    tmp_path: Path, role: Role, paths: set[str]
) -> None:
    _, page = await page_of(tmp_path, role, "/start")
    # The coverage page needs a site with floors, which this one has not.
    assert set(LINK.findall(page)) == paths - {"/coverage"}


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_the_bar_speaks_both_languages(tmp_path: Path, lang: str) -> None:
    _, page = await page_of(tmp_path, Role.ADMINISTRATOR, "/start", lang)
    texts = catalogue(lang)
    assert f'<a href="/delivery">{texts["frame.place.delivery"]}</a>' in page
    assert 'href="/start" aria-current="page"' in page
    assert f'href="?lang={"en" if lang == "zh" else "zh"}"' in page


@pytest.mark.parametrize(
    ("role", "path"),
    [(Role.OPERATOR, "/"), (Role.ADMINISTRATOR, "/start"), (Role.AUDITOR, "/start")],
)
async def test_whoever_has_no_desk_is_led_to_the_start_page(
    tmp_path: Path, role: Role, path: str
) -> None:
    assert (await page_of(tmp_path, role, "/"))[0] == path


def test_every_place_has_a_name_and_a_line_in_both_languages() -> None:
    for lang in LANGUAGES:
        texts = catalogue(lang)
        for place in PLACES:
            assert texts[f"frame.place.{place.key}"]
            assert texts[f"frame.place.{place.key}.what"]
