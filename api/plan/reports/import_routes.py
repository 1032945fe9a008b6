"""The bureau's import of next year's table: a preview row by row, and the plan's file.

The service changes no plan by itself: the file goes into the plan's folder, where it stands beside
this year's, and is in force from its year on.
"""

from __future__ import annotations

import asyncio
from io import StringIO
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import Field, StringConstraints
from ruamel.yaml import YAML

from api.access.rights import Right
from api.place_names import Name
from api.plan.asking import PREFIX, PlanDep, PlanKeeper
from api.plan.attachments import decoded
from api.plan.errors import FormRefusal, StepRefusal
from api.plan.page_frame import Answer, Frame, page
from api.plan.reports.previewing import fault_words, measure_words, preview_lines
from api.plan.scopes import Part
from api.plan.viewer import PlanViewer
from api.problems import responses
from api.schemas import Body, NameBody, with_examples
from config.errors import ConfigFileError
from config.plan import PlanCatalogue, PlanEdition
from config.plan.edition import edition_file
from config.plan.errors import PlanChoiceError
from config.plan.new_edition import new_edition
from config.plan.table_import import Chosen, Match, Preview, preview
from config.refusals import chinese_line, in_chinese

router = APIRouter(prefix=PREFIX, tags=["plan reports"])
page_router = APIRouter(prefix="/plan", tags=["plan pages"], include_in_schema=False)

MeasureOrNew = Annotated[str, StringConstraints(pattern=r"^(new|\d{1,3}\.\d{1,3}\.\d{1,3})$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


SettingsPage = Annotated[PlanViewer, Depends(page(Right.ADMINISTER_PLAN, Part.SETTINGS))]


class ImportIn(Body):
    """A five-column table. `content_base64` decodes to at most 5 MiB."""

    model_config = with_examples(
        {
            "name": "二〇二七年计划.xlsx",
            "year": 2027,
            "content_base64": "UEsDBBQAAAAIAA==",
            "measures": {"12": "2.7.2"},
            "quotes": {"1.2.4b": "召开2次形势研判会"},
        }
    )

    name: Annotated[str, StringConstraints(pattern=r"^[^/\\\x00-\x1f]{1,150}\.(xlsx|docx)$")]
    year: Annotated[int, Field(ge=2000, le=2100)]
    content_base64: Annotated[str, StringConstraints(min_length=4, max_length=7_200_000)]
    measures: Annotated[dict[int, MeasureOrNew], Field(max_length=500)] = Field(
        default_factory=dict, description="row -> measure that it continues, or `new`"
    )
    quotes: Annotated[dict[str, Words], Field(max_length=500)] = Field(
        default_factory=dict, description="duty -> its words in the new text"
    )

    def chosen(self) -> Chosen:
        measures = {row: "" if one == "new" else one for row, one in self.measures.items()}
        return Chosen(measures, self.quotes)


class ImportedRowOut(Body):
    """A good row and what becomes of it."""

    row: int
    match: Match
    known_id: str
    text_zh: str
    kept_rules: tuple[str, ...]
    lost_rules: tuple[str, ...]
    lost_duties: tuple[str, ...] = Field(description="duties whose words are not in the new text")
    words: NameBody


class FaultOut(Body):
    """What is wrong in which row and column."""

    row: int
    column: str
    kind: str
    found: str
    words: NameBody


class ImportOut(Body):
    """The preview of an import, and the plan's file when a row loads."""

    lines: tuple[NameBody, ...]
    measures: tuple[ImportedRowOut, ...]
    faults: tuple[FaultOut, ...]
    missing_ids: tuple[str, ...]
    file_name: str
    file_yaml: str = Field(description="empty when no row loads")


@router.post("/imports", responses=responses(401, 403, 409, 413, 415, 422, 503))
async def import_table(body: ImportIn, plan: PlanDep, viewer: PlanKeeper) -> ImportOut:
    """Preview a table against the plan that is in force before its year."""
    del viewer
    content = decoded(body.content_base64)
    return await asyncio.to_thread(_imported, body, content, plan.edition)


def _imported(body: ImportIn, content: bytes, edition: PlanEdition) -> ImportOut:
    in_force = edition.catalogue_of(body.year - 1)
    try:
        from api.plan.reports.table_files import read_table  # the `reports` extra may be absent
    except ImportError as error:
        raise StepRefusal("plan_reports_missing") from error
    try:
        found = preview(read_table(content, body.name), in_force, body.chosen())
    except ConfigFileError as error:
        first = error.problems[0]
        told = Name(chinese_line(first) or str(first), str(first))
        raise FormRefusal("plan_form_wrong", fields=told) from error
    except PlanChoiceError as error:
        told = Name(in_chinese(str(error)) or str(error), str(error))
        raise FormRefusal("plan_form_wrong", fields=told) from error
    lines = zip(preview_lines(found, "zh"), preview_lines(found, "en"), strict=True)
    return ImportOut(
        lines=tuple(NameBody(zh=zh, en=en) for zh, en in lines),
        measures=_rows(found, in_force),
        faults=_faults(found),
        missing_ids=found.missing_ids,
        file_name=edition_file(body.year),
        file_yaml=_yaml(found, edition, body) if found.measures else "",
    )


def _rows(found: Preview, in_force: PlanCatalogue) -> tuple[ImportedRowOut, ...]:
    duties = {rule.id: rule.obligation for rule in in_force.rules()}
    return tuple(
        ImportedRowOut(
            row=one.row,
            match=one.match,
            known_id=one.known_id,
            text_zh=one.text_zh,
            kept_rules=one.kept_rules,
            lost_rules=one.lost_rules,
            lost_duties=tuple(sorted({duties[rule] for rule in one.lost_rules})),
            words=NameBody(zh=measure_words(one, "zh"), en=measure_words(one, "en")),
        )
        for one in found.measures
    )


def _faults(found: Preview) -> tuple[FaultOut, ...]:
    return tuple(
        FaultOut(
            row=one.row,
            column=one.column,
            kind=one.kind.value,
            found=one.found,
            words=NameBody(zh=fault_words(one, "zh"), en=fault_words(one, "en")),
        )
        for one in found.faults
    )


def _yaml(found: Preview, edition: PlanEdition, body: ImportIn) -> str:
    stream = StringIO()
    title = body.name.rpartition(".")[0]
    in_force = edition.catalogue_of(body.year - 1)
    used = edition.measure_ids(body.year)
    content = new_edition(found, in_force, body.year, title, used)
    YAML().dump(content, stream)
    return stream.getvalue()


@page_router.get("/import")
async def import_page(request: Request, plan: PlanDep, viewer: SettingsPage) -> Answer:
    """Choose a table, see what becomes of each row, map rows, fetch the plan's file."""
    year = plan.today().year + 1
    measures = tuple(plan.edition.catalogue_of(year - 1).measures())
    return Frame(request, plan, viewer).draw("import.html", {"year": year, "measures": measures})
