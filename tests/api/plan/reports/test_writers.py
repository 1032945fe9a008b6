"""Writers: nothing that a person wrote gets lost on its way into a file."""

from dataclasses import replace
from io import BytesIO

import pytest
from docx import Document
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from api.plan.reports.sheet import Cell, Paper, Picture, Sheet, file_word
from api.plan.reports.write_pdf import _Writer
from api.plan.reports.write_xlsx import _parts, row_numbers, xlsx
from api.plan.reports.writing import Form, write_paper
from tests.api.plan.reports.conftest import jpeg

SHEET = Sheet("表", ("序号", "内容"), ((1, "一"), (2, "二")), (6, 28))
LONG = "长" * 900


@given(st.text(max_size=1_500), st.integers(2, 70))
def test_the_parts_of_a_row_hold_all_its_words(words: str, width: int) -> None:
    parts = _parts((7, words), (6, width))
    assert "".join(str(row[1]) for row in parts).replace("\n", "") == words.replace("\n", "")
    assert [row[0] for row in parts] == [7, *["续"] * (len(parts) - 1)]


def test_rows_after_a_long_one_are_found_by_links() -> None:
    first = replace(SHEET, title="甲", rows=((1, LONG), (2, "二")))
    linked = replace(SHEET, title="乙", links=(((1, 0), ("甲", 1)),))
    assert row_numbers(first) == (3, 7)
    book = load_workbook(BytesIO(xlsx(Paper("纸", (linked, first)))))
    assert book["乙"]["A4"].hyperlink.location == "'甲'!A7"
    assert [row[0].value for row in book["甲"].iter_rows(min_row=3)] == [1, *["续"] * 3, 2]


def test_a_short_row_stays_as_it_was_written() -> None:
    cells: tuple[Cell, ...] = (1, "甲\n乙\n", 0.5)
    assert _parts(cells, (6, 20, 8)) == [cells]
    assert row_numbers(replace(SHEET, rows=())) == ()


UNREADABLE = ["\uffff", "\ufffe", "\x0b", "\x00", "\ud83d"]


@pytest.mark.parametrize("mark", UNREADABLE)
@pytest.mark.parametrize("form", [Form.XLSX, Form.DOCX, Form.PDF])
def test_stored_text_that_no_document_can_hold_is_left_out(
    form: Form, mark: str, chinese_font: None
) -> None:
    sheet = replace(SHEET, rows=((1, f"扶手{mark}松动"),), notes=(f"填报{mark}",))
    content = write_paper(Paper("纸", (sheet,), (Picture(f"图{mark}", jpeg()),)), form)
    if form is Form.XLSX:
        assert load_workbook(BytesIO(content))["表"]["B4"].value == "扶手松动"
    elif form is Form.DOCX:
        assert Document(BytesIO(content)).tables[0].cell(1, 1).text == "扶手松动"
    else:
        assert content.startswith(b"%PDF")


def words_of(writer: _Writer, paper: Paper) -> list[str]:
    """The words of a paper's paragraphs outside its tables."""
    return [one.getPlainText() for one in writer.story(paper) if hasattr(one, "getPlainText")]


def test_a_character_that_the_font_lacks_leaves_a_mark_and_a_note(chinese_font: None) -> None:
    from api.coverage.fonts import register_font

    writer = _Writer(register_font())
    told = words_of(writer, Paper("纸", (replace(SHEET, notes=("张𠮷后门😀\ufe0f",)),)))
    assert "张〓后门〓" in told
    assert told[-1].startswith("〓 代替本文件字体所缺的字：U+1F600、U+20BB7。")
    plain = words_of(writer := _Writer(register_font()), Paper("纸", (SHEET,)))
    assert writer.lacking == set()
    assert plain == ["表"]


NAMES = [
    ("示范小学", "示范小学"),
    ("第二小学（东/西校区）", "第二小学（东_西校区）"),
    ("../../etc", "_.._etc"),
    ("=cmd|'/C calc'!A0", "=cmd_'_C calc'!A0"),
    ("楼\u202e梯:*?", "楼_梯___"),
    (" . ", "_"),
    ("长" * 200, "长" * 60),
]


@pytest.mark.parametrize(("words", "name"), NAMES)
def test_a_name_is_a_name_on_every_system(words: str, name: str) -> None:
    assert file_word(words) == name
    assert len(f"照片/01_隐患1_{file_word(words)}.jpg".encode()) < 255
