"""The bureau's import over HTTP: a preview row by row, choices, a plan file that loads."""

import base64
from pathlib import Path

import pytest

from config.plan import load_catalogue
from config.plan.edition import load_edition
from tests.api.plan.reports.conftest import Office
from tests.api.plan.reports.test_table_files import as_docx, as_xlsx
from tests.api.plan.test_cli_plan import REWORDED, table_of
from tests.config.plan.test_table_import import EXPECTED, FAULTY

PATH = "/api/v1/plan/imports"


def form(name: str, content: bytes, **more: object) -> dict[str, object]:
    return {
        "name": name,
        "year": 2027,
        "content_base64": base64.b64encode(content).decode(),
        **more,
    }


async def test_each_fault_comes_back_by_row_and_column(office: Office) -> None:
    content = as_docx([row.cells for row in FAULTY])
    answer = await office.bureau.post(PATH, **form("表.docx", content))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert [(one["row"], one["column"], one["kind"]) for one in told["faults"]] == [
        (row, column, kind.value) for row, column, kind in EXPECTED
    ]
    assert [one["row"] for one in told["measures"]] == [5, 6, 18]
    assert len(told["lines"]) == len(FAULTY) + 2  # every row, what is missing, the sum
    assert told["lines"][-1]["zh"] == "可导入 3 行，有错 12 行。"


async def test_the_file_that_is_fetched_stands_beside_this_years(
    office: Office, tmp_path: Path
) -> None:
    content = table_of(tmp_path, {"1.2.4": REWORDED}).read_bytes()
    first = (await office.bureau.post(PATH, **form("计划.xlsx", content))).json()
    (lost,) = [one for one in first["measures"] if one["lost_rules"]]
    assert (lost["match"], lost["known_id"]) == ("reworded", "1.2.4")
    (duty,) = lost["lost_duties"]
    chosen = {"quotes": {duty: "召开2次形势研判会"}, "measures": {str(lost["row"]): "1.2.4"}}
    told = (await office.bureau.post(PATH, **form("计划.xlsx", content, **chosen))).json()
    assert all(one["lost_rules"] == [] for one in told["measures"])
    folder = tmp_path / "plan"
    folder.mkdir()
    (folder / told["file_name"]).write_text(told["file_yaml"], "utf-8")
    edition = load_edition(folder)
    assert edition.catalogue_of(2027).measure("1.2.4").text_zh == REWORDED
    assert len(list(edition.catalogue_of(2027).rules())) == 61
    assert edition.catalogue_of(2026).version == load_catalogue().version


REFUSED = [
    ({"name": "a.pdf"}, 422),
    ({"year": 1999}, 422),
    ({"content_base64": "not base64!"}, 409),
    ({"content_base64": base64.b64encode(b"PK broken").decode()}, 422),
    ({"measures": {"99": "1.1.1"}}, 422),
    ({"quotes": {"1.1.1a": "无此文字"}}, 422),
]


@pytest.mark.parametrize(("wrong", "status"), REFUSED)
async def test_what_is_no_table_is_refused(
    office: Office, wrong: dict[str, object], status: int
) -> None:
    good = form("a.xlsx", as_xlsx([row.cells for row in FAULTY]))
    answer = await office.bureau.post(PATH, **{**good, **wrong})
    assert answer.status_code == status, answer.text
    assert answer.json()["mend"]["zh"]


async def test_only_the_bureau_imports(office: Office) -> None:
    good = form("a.xlsx", as_xlsx([row.cells for row in FAULTY]))
    assert (await office.director.post(PATH, **good)).status_code == 403
    assert (await office.director.get("/plan/import")).status_code == 403
    page = await office.bureau.get("/plan/import")
    assert page.status_code == 200
    assert 'src="/plan-files/import.js"' in page.text
    assert "导入新年度计划" in page.text
    assert (await office.bureau.get("/plan/import?lang=en")).status_code == 200
