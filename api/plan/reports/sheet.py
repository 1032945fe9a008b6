"""What a paper says, as plain tables; the modules `write_...` make files of them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from config.plan import PlanCatalogue
from config.plan.values import Responsible
from config.texts import text

Cell = str | int | float
Row = tuple[Cell, ...]

PLAN_COLUMNS = ("no", "task", "measure", "responsible", "deadline")


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table of a paper.

    Attributes:
        notes: lines between the title and the table (填报单位, 日期 ...).
        groups: cells above the header as (words, columns); empty words join the cell below.
        rows: cells in order; a row of one cell spans the whole width (a section's heading).
        widths: column widths in characters.
        links: (row, column) of a cell -> (title of another sheet, its row); counted from 0.
        footer: lines below the table, such as the one to sign.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[Row, ...]
    widths: tuple[int, ...]
    notes: tuple[str, ...] = ()
    groups: tuple[tuple[str, int], ...] = ()
    links: tuple[tuple[tuple[int, int], tuple[str, int]], ...] = ()
    footer: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """A photograph of a paper: caption and JPEG."""

    caption: str
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Paper:
    """A whole paper.

    Attributes:
        name: file name without its ending, as offices write it: `学校_半月报_2027-03上`.
    """

    name: str
    sheets: tuple[Sheet, ...]
    pictures: tuple[Picture, ...] = ()

    def writable(self) -> Paper:
        """The paper without characters that no document may hold."""
        return Paper(
            self.name,
            tuple(map(_writable_sheet, self.sheets)),
            tuple(Picture(_writable(one.caption), one.jpeg) for one in self.pictures),
        )


# What XML 1.0 cannot hold: control characters, half characters and two noncharacters.
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


# What Windows or a zip takes for more than a letter of a name, and marks that turn the reading.
_NOT_IN_NAMES = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]')
# In UTF-8 with what stands around it below the 255 bytes of a file name.
_MOST_IN_NAMES = 60


def file_word(words: str) -> str:
    """Words as a part of a file's name on every system, also within a zip."""
    return _NOT_IN_NAMES.sub("_", words)[:_MOST_IN_NAMES].strip(" .") or "_"


def _writable(words: str) -> str:
    return _NOT_IN_XML.sub("", words)


def _writable_sheet(sheet: Sheet) -> Sheet:
    return replace(
        sheet,
        rows=tuple(
            tuple(_writable(one) if isinstance(one, str) else one for one in row)
            for row in sheet.rows
        ),
        notes=tuple(map(_writable, sheet.notes)),
    )


_FIGURE = re.compile(r"^[\d.,/%—-]*$")


def is_figure(value: Cell) -> bool:
    """Whether a cell stands in the middle: numbers, rates, parts such as 3/4."""
    return not isinstance(value, str) or bool(_FIGURE.match(value))


def word(name: str, **values: object) -> str:
    """A word of the papers; they are filed in Chinese."""
    return text(f"plan.report.{name}", "zh", **values)


def heads(*names: str) -> tuple[str, ...]:
    """Column headings."""
    return tuple(word(f"column.{name}") for name in names)


def rate_words(rate: float | None) -> str:
    """A share in per cent with one digit; a dash where nothing was asked.

    Only a whole share is 100 %: what is short of it by less than a digit shows stays below.
    """
    if rate is None:
        return "—"
    shown = f"{rate:.1%}"
    return "99.9%" if rate < 1 and shown == f"{1:.1%}" else shown


def signing() -> tuple[str, ...]:
    """The line that people sign."""
    return (word("signing"),)


def plan_paper(plan: PlanCatalogue) -> Paper:
    """The plan as its own five-column table, word for word."""
    rows: list[Row] = []
    for section in plan.sections:
        rows.append((f"{section.no_zh}、{section.title_zh}",))
        for task in section.tasks:
            rows.extend(
                (
                    task.no,
                    task.title_zh,
                    measure.text_zh,
                    responsible_words(measure.responsible),
                    "\n".join(measure.deadline.raw),
                )
                for measure in task.measures
            )
    sheet = Sheet(plan.title_zh, heads(*PLAN_COLUMNS), tuple(rows), (6, 22, 70, 18, 12))
    return Paper(f"{word('plan_name')}_{plan.version}", (sheet,))


def responsible_words(who: Responsible) -> str:
    return word(f"responsible.{who.value}")


def state_words(state: str) -> str:
    return text(f"plan.state.{state}", "zh")


def reference_words(name: str) -> str:
    """`occurrence:12` as 台账#12."""
    kind, _, number = name.partition(":")
    return f"{word(f'reference.{kind}')}#{number}"
