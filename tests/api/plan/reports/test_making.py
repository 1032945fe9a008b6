"""Papers over HTTP: made in one click, kept, listed; read back by others' readers."""

import base64
from hashlib import sha256
from io import BytesIO
from zipfile import ZipFile

import httpx
import pytest
from docx import Document
from openpyxl import load_workbook
from sqlalchemy import update

from api.access import audit
from api.plan.reports.pack import DIGESTS, RECEIPT
from api.plan.tables import PLAN_PAPERS
from tests.api.plan.conftest import TODAY
from tests.api.plan.reports.conftest import Office, jpeg
from tests.api.plan.test_routes import BASE, Person

REPORTS = f"{BASE}/reports"
PACK = "示范小学_半月报_2026-03下"


async def made(person: Person, kind: str, form: str, base: str = BASE) -> bytes:
    answer = await person.post(f"{base}/reports", kind=kind, form=form)
    assert answer.status_code == 200, answer.text
    return (await person.get(f"{base}/reports/{answer.json()['id']}/file")).content


async def attach(office: Office, subject: str, name: str, content: bytes) -> int:
    answer = await office.director.post(
        f"{BASE}/attachments",
        subject=subject,
        name=name,
        media_type="image/jpeg",
        content_base64=base64.b64encode(content).decode(),
    )
    return int(answer.json()["id"])


async def test_the_half_month_pack_in_one_click(busy: Office, chinese_font: None) -> None:
    shown = await attach(busy, "hazard:1", "东楼梯.jpg", jpeg("red"))
    await attach(busy, "hazard:2", "看台.jpg", jpeg("blue"))
    await busy.director.post(f"{BASE}/attachments/{shown}/privacy", privacy="redacted")
    archive = ZipFile(BytesIO(await made(busy.director, "half_month", "zip")))
    photo = "照片/01_隐患1_东楼梯.jpg"
    papers = [f"{PACK}.{form}" for form in ("xlsx", "docx", "pdf")]
    assert archive.namelist() == [*papers, photo, RECEIPT, DIGESTS]
    lines = [line.split("  ", 1) for line in archive.read(DIGESTS).decode().splitlines()]
    sums = {name: digest for digest, name in lines}
    assert sums == {
        name: sha256(archive.read(name)).hexdigest() for name in archive.namelist()[:-1]
    }
    receipt = archive.read(RECEIPT).decode()
    assert "填报单位：示范小学" in receipt
    assert "生成人：王芳" in receipt
    assert "生成时间：2026-03-16 08:00:00 +0800" in receipt
    assert "本期新增隐患：3" in receipt
    assert "隐患#2 看台.jpg（尚未确认可否外传）" in receipt
    assert sums[papers[0]] in receipt
    assert len(load_workbook(BytesIO(archive.read(papers[0])))["照片"]._images) == 1
    assert len(Document(BytesIO(archive.read(papers[1]))).inline_shapes) == 1
    assert b"SECRET-PLACE" not in archive.read(photo)
    assert b"SECRET-PLACE" in jpeg()


async def test_the_workbook_holds_the_figures_counted_by_hand(busy: Office) -> None:
    book = load_workbook(BytesIO(await made(busy.director, "half_month", "xlsx")))
    assert book.sheetnames == [
        *("校园安全隐患排查整治半月报", "隐患台账", "任务汇总", "任务完成情况", "工作记录"),
    ]
    figures = {row[1]: row[2] for row in book.worksheets[0].iter_rows(min_row=5, values_only=True)}
    assert figures["排查次数"] == 1
    assert figures["上期结转隐患"] == 0
    assert figures["本期新增隐患"] == 3
    assert figures["其中重大隐患"] == 1
    assert figures["本期销号"] == 1
    assert figures["期末未销"] == 2
    assert figures["整改率"] == "33.3%"
    assert figures["重大隐患五落实"] == "0/1"
    places = [row[1] for row in book["隐患台账"].iter_rows(min_row=5, values_only=True)]
    assert places == ["教学楼二层东侧楼梯", "=操场看台", "食堂后门"]
    cell = book["隐患台账"]["B6"]
    assert (cell.data_type, cell.quotePrefix) == ("s", True)
    summed = list(book["任务汇总"].iter_rows(min_row=6, values_only=True))
    for column in range(3, 11):
        assert sum(row[column] for row in summed[:-1]) == summed[-1][column]
    assert summed[-1][3] == len(list(book["任务完成情况"].iter_rows(min_row=5, values_only=True)))


async def test_a_fire_drill_is_listed_with_each_duty_it_counts_in_once(busy: Office) -> None:
    book = load_workbook(BytesIO(await made(busy.director, "monthly", "xlsx")))
    drill = next(
        row
        for row in book["工作记录"].iter_rows(min_row=5, values_only=True)
        if row[3] == "消防演练"
    )
    assert [part.split("#")[0] for part in drill[7].split("、")] == ["R-3.10.1-6", "R-2.7.2-1"]
    assert drill[7].count("（合并计入）") == 1


async def test_layout_as_offices_expect(busy: Office) -> None:
    book = load_workbook(BytesIO(await made(busy.director, "half_month", "xlsx")))
    page = book.worksheets[0]
    assert (page.page_setup.orientation, page.page_setup.paperSize) == ("landscape", 9)
    assert page["A1"].font.name == "黑体"
    assert page["B6"].font.name == "仿宋"
    assert page.oddFooter.center.text == "第 &P 页 共 &N 页"
    assert page.freeze_panes == "A5"
    assert "负责人签字（盖章）" in str(page.cell(page.max_row, 1).value)
    grouped = book["任务汇总"]
    assert str(grouped.merged_cells).count(":") >= 5
    assert grouped["D4"].value == "台账统计"
    word = Document(BytesIO(await made(busy.director, "half_month", "docx")))
    section = word.sections[0]
    assert section.page_width
    assert section.page_height
    assert (round(section.page_width.mm), round(section.page_height.mm)) == (297, 210)
    assert "PAGE" in section.footer._element.xml
    fonts = word.part.part_related_by(
        "http://schemas.openxmlformats.org/officeDocument/2006/relationships/fontTable"
    ).blob.decode()
    assert 'w:name="方正小标宋简体"><w:altName w:val="方正小标宋_GBK,黑体' in fonts
    assert 'w:name="仿宋"><w:altName w:val="仿宋_GB2312' in fonts
    assert 'w:eastAsia="方正小标宋简体"' in word.paragraphs[0]._p.xml
    assert "tblHeader" in word.tables[0]._tbl.xml


async def test_papers_are_listed_with_maker_and_kept_byte_for_byte(busy: Office) -> None:
    answer = await busy.director.post(REPORTS, kind="weekly", form="docx")
    issued = answer.json()
    assert issued["name"] == "示范小学_周调度_2026年第12周.docx"
    assert (issued["author"], issued["made_at"]) == ("王芳", "2026-03-16T00:00:00Z")
    file = await busy.director.get(f"{REPORTS}/{issued['id']}/file")
    assert sha256(file.content).hexdigest() == issued["sha256"]
    assert "%E5%91%A8%E8%B0%83%E5%BA%A6" in file.headers["content-disposition"]
    await busy.hazard("h9", "新的隐患")
    again = await busy.director.get(f"{REPORTS}/{issued['id']}/file")
    assert again.content == file.content
    assert [one["id"] for one in (await busy.director.get(REPORTS)).json()] == [issued["id"]]


@pytest.mark.parametrize("path", ["", "/preview?kind=weekly", "/1/file"])
async def test_another_schools_papers_are_404(busy: Office, path: str) -> None:
    await busy.director.post(REPORTS, kind="weekly", form="xlsx")
    assert (await busy.stranger.get(REPORTS + path)).status_code == 404
    guard = Person(busy.client, "保安", role="security_room")
    assert (await guard.get(REPORTS + path)).status_code == 403
    other = Person(busy.client, "赵六", "sample-middle")
    foreign = "/api/v1/plan/units/sample-middle/reports/1/file"
    assert (await other.get(foreign)).status_code == 404


async def test_the_receipt_counts_for_the_duty_that_asks_for_it(busy: Office) -> None:
    issued = (await busy.director.post(REPORTS, kind="half_month", form="xlsx")).json()
    before = (await busy.director.get(f"{REPORTS}/preview?kind=half_month")).json()
    assert {"what": "inspections_without_receipt", "count": 1} in before["gaps"]
    path = f"{REPORTS}/{issued['id']}/receipt"
    noted = (await busy.director.post(path, receipt_no="CC-2026-0316")).json()
    assert (noted["receipt_no"], noted["receipt_by"]) == ("CC-2026-0316", "王芳")
    assert (await busy.director.post(path, receipt_no="CC-2")).json()["code"] == (
        "plan_no_receipt_now"
    )
    day = TODAY.replace(day=31)
    listed = await busy.director.get(f"{BASE}/occurrences?from={TODAY}&to={day}")
    upload = [one for one in listed.json() if one["rule_id"] == "R-3.9.1-5"]
    assert [one["done"] for one in upload] == [1]
    after = (await busy.director.get(f"{REPORTS}/preview?kind=half_month")).json()
    assert "inspections_without_receipt" not in {one["what"] for one in after["gaps"]}


async def self_inspection(office: Office, key: str, day: str) -> int:
    answer = await office.director.post(
        f"{BASE}/records",
        client_key=f"phone-{key}",
        kind="inspection",
        kind_type="self",
        happened_on=day,
        title="自查",
        details={"inspector": "李明", "places": "食堂", "result": "good"},
    )
    return int(answer.json()["id"])


async def acts(office: Office, record: int) -> list[str]:
    lines = (await office.director.get(f"{BASE}/history/record/{record}")).json()
    return [line["action"] for line in lines]


async def test_a_receipt_counts_for_the_records_of_its_pack_alone(busy: Office) -> None:
    issued = (await busy.director.post(REPORTS, kind="half_month", form="xlsx")).json()
    busy.clock.advance(3 * 86_400.0)
    later = await self_inspection(busy, "late", "2026-03-17")
    answer = await busy.director.post(f"{REPORTS}/{issued['id']}/receipt", receipt_no="CC-1")
    assert answer.status_code == 200
    assert await acts(busy, 1) == ["handed_in", "receipt"]
    assert await acts(busy, later) == ["handed_in"]


async def test_a_paper_without_its_records_gives_its_receipt_to_older_ones(busy: Office) -> None:
    issued = (await busy.director.post(REPORTS, kind="half_month", form="xlsx")).json()
    async with busy.plan.database.write() as connection:
        await connection.execute(update(PLAN_PAPERS).values(records_json=None))
    busy.clock.advance(3_600.0)
    later = await self_inspection(busy, "late", "2026-03-16")
    await busy.director.post(f"{REPORTS}/{issued['id']}/receipt", receipt_no="CC-1")
    assert await acts(busy, 1) == ["handed_in", "receipt"]
    assert await acts(busy, later) == ["handed_in"]


async def test_who_takes_a_pack_or_a_photograph_away_stands_in_the_audit_log(
    busy: Office,
) -> None:
    photo = await attach(busy, "hazard:1", "东楼梯.jpg", jpeg("red"))
    await made(busy.director, "weekly", "xlsx")
    assert (await busy.teacher.get(f"{BASE}/attachments/{photo}")).content == jpeg("red")
    assert (await busy.stranger.get(f"{BASE}/attachments/{photo}")).status_code == 404
    async with busy.plan.database.read() as connection:
        log = await audit.listed(connection, before=2**53, limit=10)
        assert (await audit.verify(connection)).fault == ""
    taken = [(one.actor, one.action, one.subject) for one in log if "downloaded" in one.action]
    assert taken == [
        ("李明", "plan.attachment.downloaded", f"attachment:{photo}"),
        ("王芳", "plan.paper.downloaded", "paper:1"),
    ]


async def test_the_weekly_paper_of_a_past_week_stands_as_the_week_ended(busy: Office) -> None:
    """One hazard was open when the week ended and is closed since."""
    busy.clock.advance(7 * 86_400.0)
    path = f"{BASE}/hazards/2"
    steps: tuple[tuple[Person, str, dict[str, str]], ...] = (
        (busy.director, "assign", {"fixer": "张强", "due_on": "2026-03-30"}),
        (busy.teacher, "fixed", {"note": "已加固"}),
        (busy.director, "accept", {}),
    )
    for version, (person, step, body) in enumerate(steps, start=1):
        assert (await person.post(f"{path}/{step}", version=version, **body)).status_code == 200
    answer = await busy.director.post(REPORTS, kind="weekly", form="xlsx", day="2026-03-16")
    content = (await busy.director.get(f"{REPORTS}/{answer.json()['id']}/file")).content
    book = load_workbook(BytesIO(content))
    figures = {row[1]: row[2] for row in book.worksheets[0].iter_rows(min_row=5, values_only=True)}
    rows = list(book["未销隐患"].iter_rows(min_row=5, values_only=True))
    assert figures["期末未销"] == len(rows) == 2
    assert [(row[1], row[6]) for row in rows] == [("=操场看台", "期末未销"), ("食堂后门", "已登记")]
    answer = await busy.director.post(REPORTS, kind="half_month", form="xlsx", day="2026-03-16")
    content = (await busy.director.get(f"{REPORTS}/{answer.json()['id']}/file")).content
    ledger = list(
        load_workbook(BytesIO(content))["隐患台账"].iter_rows(min_row=5, values_only=True)
    )
    closed = {row[1]: (row[8], row[10], row[11]) for row in ledger}
    assert closed["=操场看台"] == ("已销号", "王芳", "2026-03-23")


async def test_incidents_stand_at_the_districts_time(busy: Office) -> None:
    form = {"client_key": "phone-night", "category": "踩踏", "place": "楼梯"}
    await busy.director.post(f"{BASE}/incidents", **form, occurred_at="2026-03-16T00:30:00+08:00")
    book = load_workbook(BytesIO(await made(busy.director, "monthly", "xlsx")))
    (row,) = book["事件"].iter_rows(min_row=5, values_only=True)
    assert row[3] == "2026-03-16 00:30"


LONG = "".join(f"第{number:03d}处扶手松动；" for number in range(1, 91))


async def test_a_long_hazard_stands_whole_in_rows_that_a_workbook_can_show(
    office: Office,
) -> None:
    await office.hazard("h1", "教学楼", description=LONG)
    await office.hazard("h2", "操场")
    page = load_workbook(BytesIO(await made(office.director, "half_month", "xlsx")))["隐患台账"]
    rows = list(page.iter_rows(min_row=5))
    parts = [row for row in rows if row[0].value in (1, "续")]
    assert len(parts) > 1
    assert "".join(row[2].value for row in parts) == LONG
    assert not any(row[1].value for row in parts[1:])
    assert rows[-1][1].value == "操场"
    # Ten characters are seven of two columns and three of one; 27 columns make a line.
    for row in parts:
        height = page.row_dimensions[row[0].row].height
        assert len(row[2].value) / 10 * 17 / 27 * 15.0 < height < 409.0


async def test_the_bureaus_papers_hold_every_school(busy: Office) -> None:
    base = "/api/v1/plan/units/bureau"
    book = load_workbook(BytesIO(await made(busy.bureau, "weekly", "xlsx", base)))
    rows = list(book["各校情况"].iter_rows(min_row=6, values_only=True))
    assert {row[1] for row in rows} == {"示范小学", "示范中学", "示范幼儿园", "合计"}
    for column in (*range(2, 10), *range(11, 16)):
        assert sum(row[column] for row in rows[:-1]) == rows[-1][column]
    own = next(row for row in rows if row[1] == "示范小学")
    assert own[11:] == (0, 3, 1, 2, 0)


@pytest.mark.parametrize("body", [{"kind": "yearly"}, {"kind": "weekly", "form": "exe"}, {}])
async def test_orders_that_are_none(office: Office, body: dict[str, str]) -> None:
    assert (await office.director.post(REPORTS, **body)).status_code == 422


async def test_nobody_gets_in(office: Office) -> None:
    answer: httpx.Response = await office.client.get(REPORTS)
    assert answer.status_code == 401
