"""The pages: what stands on them, whose they are, and that no inline script or style is used."""

import re

import httpx
import pytest

from api.access.actor import EVERYWHERE
from api.database import Database
from tests.api.plan.test_routes import BASE, Person, client, director

__all__ = ["client", "director"]

UNIT = "/plan/units/sample-primary"
PATHS = ["/plan", "/plan/wall", UNIT, f"{UNIT}/board", f"{UNIT}/ledger", f"{UNIT}/hazards"]
PATHS += [f"{UNIT}/{name}" for name in ("calendar", "tasks", "incidents", "certificates")]
PATHS += [f"{UNIT}/form/drill", f"{UNIT}/map", f"{UNIT}/records", f"{UNIT}/records?group=camera"]


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("path", PATHS)
async def test_pages_render_in_both_languages_without_inline_code(
    director: Person, path: str, lang: str
) -> None:
    form = {"client_key": "phone-0001", "location": "<b>东楼梯</b>", "description": "扶手松动"}
    await director.post(f"{BASE}/hazards", **form)
    answer = await director.get(f"{path}{'&' if '?' in path else '?'}lang={lang}")
    assert answer.status_code == 200
    assert "<b>东楼梯" not in answer.text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", answer.text)
    assert f'lang="{"zh-CN" if lang == "zh" else "en"}"' in answer.text


async def test_the_board_shows_the_plan_word_for_word(director: Person) -> None:
    page = (await director.get(f"{UNIT}/board")).text
    assert "召开校园安全工作专项工作部署会。" in page
    assert page.count("<tr") == 36 + 5


async def test_the_fixer_says_on_the_page_that_mending_has_begun(director: Person) -> None:
    form = {"client_key": "phone-0001", "location": "东楼梯", "description": "扶手松动"}
    made = (await director.post(f"{BASE}/hazards", **form)).json()
    at = f"{BASE}/hazards/{made['id']}"
    given = {"version": made["version"], "fixer": "张强", "due_on": "2026-03-20"}
    assigned = (await director.post(f"{at}/assign", **given)).json()
    page = (await director.get(f"{UNIT}/hazards")).text
    assert f'data-post="{at}/start"' in page
    assert "开始整改" in page
    begun = await director.post(f"{at}/start", version=assigned["version"])
    assert begun.json()["state"] == "fixing"
    page = (await director.get(f"{UNIT}/hazards")).text
    assert f'data-post="{at}/start"' not in page
    assert f'data-post="{at}/fixed"' in page


async def test_today_shows_due_work_and_the_calendars_gaps(director: Person) -> None:
    page = (await director.get(UNIT)).text
    assert "每月1次安全形势分析会" in page
    assert "2026年春季学期" in page
    assert "校车检修" not in page


async def test_another_schools_page_is_404_and_nobody_gets_in(
    client: httpx.AsyncClient,
) -> None:
    stranger = Person(client, "赵六", "sample-middle")
    for path in PATHS[2:]:
        answer = await stranger.get(path)
        assert answer.status_code == 404
        assert "示范小学" not in answer.text
    nobody = await client.get(UNIT)
    assert nobody.status_code == 401
    assert nobody.json()["code"] == "sign_in_needed"


async def test_the_wall_greys_when_the_ledger_is_old(
    client: httpx.AsyncClient, director: Person, rolled_url: str
) -> None:
    fresh = (await director.get("/plan/wall")).text
    assert 'class="wall"' in fresh
    async with Database(rolled_url) as database, database.write() as connection:
        await connection.exec_driver_sql("UPDATE plan_rolls SET day = day - 1")
    stale = (await director.get("/plan/wall")).text
    assert 'class="wall stale"' in stale
    assert "台账今天没有更新" in stale


async def test_a_school_whose_cameras_another_service_watches_is_not_calm_on_the_wall(
    client: httpx.AsyncClient,
) -> None:
    bureau = Person(client, "局长", EVERYWHERE, "bureau")
    tiles = (await bureau.get("/api/v1/plan/wall")).json()["tiles"]
    told = {one["unit_id"]: (one["elsewhere"], one["stale"], one["colour"]) for one in tiles}
    # The first names a site that is not this service's, the second has no cameras at all.
    assert told["sample-primary"] == (True, True, "grey")
    assert told["sample-middle"] == (False, False, "blue")
    page = (await bureau.get("/plan/wall")).text
    assert page.count("由本校服务看守，此处无数据</span>") == 1
    assert "摄像机接在它自己的服务上" in (await bureau.get(f"{UNIT}/map")).text
    assert "没有接入摄像机" in (await bureau.get("/plan/units/sample-middle/map")).text


async def test_files_are_served(client: httpx.AsyncClient) -> None:
    for name in ("plan.css", "plan.js", "outbox.js"):
        assert (await client.get(f"/plan-files/{name}")).status_code == 200


async def test_a_record_says_what_it_counts_for_or_that_it_counts_nowhere(
    director: Person,
) -> None:
    form = {"kind": "meeting", "kind_type": "weekly", "happened_on": "2026-03-16", "title": "例会"}
    details = {"host": "王芳", "attendees": ["张强"], "decisions": "整改"}
    pages = []
    for key in ("phone-0001", "phone-0002"):  # the week asks for one meeting
        record = {**form, "client_key": key, "details": details}
        stored = (await director.post(f"{BASE}/records", **record)).json()
        pages.append((await director.get(f"{UNIT}/records/{stored['id']}")).text)
    assert "R-3.9.1-3 · 2026-03-20" in pages[0]
    nowhere = "没有在其窗口内等待这份记录的事项"
    assert [nowhere in page for page in pages] == [False, True]


@pytest.mark.parametrize(
    ("path", "zh", "en"),
    [
        ("certificates", "还没有登记证书。", "No certificate is registered."),
        ("incidents", "没有登记事件。", "No incident is registered."),
        ("ledger?month=2030-01", "没有事项。", "No item."),
        ("hazards?settled=true", "没有已销号或已撤回的隐患。", "None is closed or taken back."),
        ("evaluation", "2026年春季学期", "spring term 2026"),
    ],
)
async def test_a_page_with_nothing_on_it_says_so_in_its_language(
    director: Person, path: str, zh: str, en: str
) -> None:
    join = "&" if "?" in path else "?"
    for lang, words in (("zh", zh), ("en", en)):
        page = (await director.get(f"/plan/units/sample-primary/{path}{join}lang={lang}")).text
        assert words in page


@pytest.mark.parametrize(
    ("path", "first"), [("/plan", 1), ("/plan/units/sample-primary/evaluation", 2)]
)
async def test_a_figure_has_its_heading_beside_it_where_a_phone_shows_no_head(
    client: httpx.AsyncClient, path: str, first: int
) -> None:
    bureau = Person(client, "局长", EVERYWHERE, "bureau")
    page = (await bureau.get(f"{path}?lang=en")).text
    heads = re.findall(r"<th>(.*?)</th>", page.partition("</thead>")[0])[first:]
    rows = page.partition("<tbody>")[2].partition("</tbody>")[0].split("</tr>")[:-1]
    assert rows
    for row in rows:
        assert re.findall(r'<td[^>]*data-label="(.*?)"', row) == heads
