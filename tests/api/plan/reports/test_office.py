"""The papers in LibreOffice, and the PDF's text: the right Chinese words and figures."""

import csv
import re
import shutil
import subprocess
from io import BytesIO
from pathlib import Path

import pytest
from openpyxl import load_workbook

from api.plan.reports.sheet import plan_paper
from api.plan.reports.write_docx import docx
from api.plan.reports.write_pdf import pdf
from api.plan.reports.write_xlsx import xlsx
from config.plan import load_catalogue
from tests.api.plan.reports.conftest import Office
from tests.api.plan.reports.test_making import LONG, made
from tests.conftest import need_peer

pytestmark = pytest.mark.peer

# Every worksheet as a file of its own, text as shown, UTF-8.
ALL_SHEETS = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"


class Office7:
    """LibreOffice with a profile of its own, so that tests do not meet a running one."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program, self.folder = program, folder

    def convert(self, content: bytes, suffix: str, target: str) -> Path:
        source = self.folder / f"paper.{suffix}"
        source.write_bytes(content)
        profile = f"-env:UserInstallation=file://{self.folder / 'profile'}"
        command = [self.program, profile, "--headless", "--norestore", "--convert-to", target]
        done = subprocess.run(
            [*command, "--outdir", str(self.folder), str(source)],
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return self.folder

    def tables(self, workbook: bytes) -> dict[str, list[list[str]]]:
        """Each worksheet's cells as LibreOffice shows them."""
        self.convert(workbook, "xlsx", ALL_SHEETS)
        found = {}
        for path in self.folder.glob("paper-*.csv"):
            with path.open(encoding="utf-8", newline="") as file:
                found[path.stem.removeprefix("paper-")] = list(csv.reader(file))
        return found

    def pdf_text(self, content: bytes, suffix: str) -> str:
        """The words of the document that LibreOffice lays out."""
        return text_of((self.convert(content, suffix, "pdf") / "paper.pdf").read_bytes())


@pytest.fixture
def libre(soffice: str, tmp_path: Path) -> Office7:
    folder = tmp_path / "office"
    folder.mkdir()
    return Office7(soffice, folder)


def text_of(content: bytes) -> str:
    """The PDF's words without blanks, as others' reader finds them."""
    found = shutil.which("pdftotext")
    need_peer(found, "pdftotext", "apt-get install poppler-utils")
    assert found is not None
    done = subprocess.run([found, "-raw", "-", "-"], input=content, check=True, capture_output=True)
    return plain(done.stdout.decode("utf-8"))


def plain(words: str) -> str:
    return re.sub(r"[\s“”]+", "", words)


def test_the_plan_table_opens_with_every_measure_word_for_word(libre: Office7) -> None:
    plan = load_catalogue()
    (rows,) = libre.tables(xlsx(plan_paper(plan))).values()
    body = [row for row in rows if row[0].isdigit()]
    assert [row[2] for row in body] == [measure.text_zh for measure in plan.measures()]
    assert [row[4] for row in body] == ["\n".join(m.deadline.raw) for m in plan.measures()]
    assert rows[1][:5] == ["序号", "工作任务", "推进措施", "责任单位", "落实时限"]
    assert sum(1 for row in rows if row[0][1:2] == "、") == 5


def test_the_plan_as_document_and_pdf(libre: Office7, chinese_font: None) -> None:
    plan = load_catalogue()
    laid_out = libre.pdf_text(docx(plan_paper(plan)), "docx")
    own = text_of(pdf(plan_paper(plan)))
    assert "二道区" in laid_out
    assert "二道区" in own
    for measure in plan.measures():
        # Long cells break over pages, where the repeated header stands between the words; the
        # reader puts quotation marks, which come out of another font, at the line's end.
        start = plain(measure.text_zh)[:12]
        assert start in laid_out, measure.id
        assert start in own, measure.id


async def test_the_half_month_pack_opens_with_its_figures(
    busy: Office, libre: Office7, chinese_font: None
) -> None:
    tables = libre.tables(await made(busy.director, "half_month", "xlsx"))
    figures = {row[1]: row[2] for row in tables["校园安全隐患排查整治半月报"][4:] if len(row) > 2}
    expected = {"排查次数": "1", "本期新增隐患": "3", "本期销号": "1", "期末未销": "2"}
    assert {name: figures[name] for name in expected} == expected
    assert figures["整改率"] == "33.3%"
    assert [row[1] for row in tables["隐患台账"][4:]] == [
        *("教学楼二层东侧楼梯", "=操场看台", "食堂后门"),
    ]
    written = libre.pdf_text(await made(busy.director, "half_month", "docx"), "docx")
    own = text_of(await made(busy.director, "half_month", "pdf"))
    for words in ("校园安全隐患排查整治半月报", "填报单位：示范小学", "教学楼二层东侧楼梯"):
        assert words in written
        assert words in own
    assert "3本期新增隐患3" in own
    assert "负责人签字（盖章）" in written
    assert "—1—" in written
    assert "—1—" in own


async def test_a_long_hazard_is_shown_to_its_last_word(office: Office, libre: Office7) -> None:
    """The workbook laid out for printing: nothing lies below the edge of a row."""
    await office.hazard("h1", "教学楼", description=LONG)
    shown = libre.pdf_text(await made(office.director, "half_month", "xlsx"), "xlsx")
    assert [n for n in range(1, 91) if f"{n:03d}" not in shown] == []


@pytest.mark.parametrize("kind", ["weekly", "monthly", "evaluation"])
async def test_other_papers_open_with_what_the_workbook_says(
    busy: Office, libre: Office7, chinese_font: None, kind: str
) -> None:
    content = await made(busy.director, kind, "xlsx")
    book = load_workbook(BytesIO(content))
    tables = libre.tables(content)
    assert sorted(tables) == sorted(book.sheetnames)
    for name in book.sheetnames:
        own = [
            ["" if cell is None else str(cell) for cell in row]
            for row in book[name].iter_rows(values_only=True)
        ]
        assert len(tables[name]) == len(own)
        for row, shown in zip(own, tables[name], strict=True):
            kept = [cell.removesuffix(".0") for cell in row]
            assert [cell.removesuffix(".0") for cell in shown[: len(row)]] == kept
    title = plain(book.sheetnames[0])
    assert title in libre.pdf_text(await made(busy.director, kind, "docx"), "docx")
    own_pdf = text_of(await made(busy.director, kind, "pdf"))
    assert title in own_pdf
    assert "填报单位：示范小学" in own_pdf


async def test_fonts_are_embedded(busy: Office, chinese_font: None, tmp_path: Path) -> None:
    found = shutil.which("pdffonts")
    need_peer(found, "pdffonts", "apt-get install poppler-utils")
    assert found is not None
    path = tmp_path / "paper.pdf"
    path.write_bytes(await made(busy.director, "monthly", "pdf"))
    done = subprocess.run([found, str(path)], check=True, capture_output=True, text=True)
    lines = done.stdout.splitlines()[2:]
    chinese = [line for line in lines if "TrueType" in line]
    assert chinese
    assert all(line.split()[-5] == "yes" for line in chinese)
