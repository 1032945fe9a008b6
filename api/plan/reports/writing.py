"""A paper in one of its file forms; the `reports` extra holds the libraries."""

from __future__ import annotations

from enum import StrEnum

from api.coverage.errors import ReportError
from api.plan.errors import StepRefusal
from api.plan.reports.sheet import Paper


class Form(StrEnum):
    """File form of a paper; the ZIP holds the other three."""

    XLSX = "xlsx"
    DOCX = "docx"
    PDF = "pdf"
    ZIP = "zip"


def write_paper(paper: Paper, form: Form) -> bytes:
    """XLSX, DOCX or PDF. Raises `StepRefusal` without the packages or without a Chinese font."""
    try:
        from api.plan.reports import write_docx, write_pdf, write_xlsx
    except ImportError as error:
        raise StepRefusal("plan_reports_missing") from error
    paper = paper.writable()
    if form is Form.XLSX:
        return write_xlsx.xlsx(paper)
    if form is Form.DOCX:
        return write_docx.docx(paper)
    try:
        return write_pdf.pdf(paper)
    except ReportError as error:
        raise StepRefusal("plan_font_missing") from error
