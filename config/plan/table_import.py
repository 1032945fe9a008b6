"""A plan typed as the five-column table, read row by row and mapped onto known duties. Pure.

Rows that are wrong are named by row and column; all others load. A measure whose text is known
keeps its id, duties and rules; one that was reworded keeps them as long as the quoted words are
still there, and says which it lost; a new one waits for a person to give it rules. A person may
say which measure a row continues, and with which words it now states a duty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from enum import StrEnum

from config.plan.errors import PlanChoiceError
from config.plan.values import Measure, PlanCatalogue, Responsible

COLUMNS = ("no", "task", "measure", "responsible", "deadline")
HEADERS_ZH = dict(
    zip(COLUMNS, ("序号", "工作任务", "推进措施", "责任单位", "落实时限"), strict=True)
)
MOST_CHARACTERS = 1_000
ALIKE = 0.6

_HEADER_WORDS = {
    "no": ("序号", "编号"),
    "task": ("工作任务", "任务"),
    "measure": ("推进措施", "措施", "工作措施"),
    "responsible": ("责任单位", "责任部门"),
    "deadline": ("落实时限", "完成时限", "时限"),
}
_SECTION = re.compile(r"^[一二三四五六七八九十]+、\S")
_DEADLINE = re.compile(
    r"^(全年|每季度|上半年|下半年|每学期初|每学期末|每学期|每月|长期|(1[0-2]|[1-9])月(底|前|份)?)$"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffd]")
_BUREAU, _SCHOOL = ("区局", "教育局", "科"), ("学校", "中小学", "幼儿园")


class FaultKind(StrEnum):
    """What can be wrong in a row; texts `plan.fault.<value>`."""

    NO_HEADER = "no_header"
    TOO_FEW_CELLS = "too_few_cells"
    NO_NUMBER = "no_number"
    NUMBER_ORDER = "number_order"
    NO_TASK = "no_task"
    NO_MEASURE = "no_measure"
    TOO_LONG = "too_long"
    UNREADABLE = "unreadable"
    FORMULA = "formula"
    REPEATED = "repeated"
    RESPONSIBLE = "responsible"
    DEADLINE = "deadline"
    NO_SECTION = "no_section"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; `row` counts from 1 as the office program shows it, `column` names the column."""

    row: int
    column: str
    kind: FaultKind
    found: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the file, cells as text."""

    number: int
    cells: tuple[str, ...]


class RowKind(StrEnum):
    """What a row of the file is; texts `plan.import.row.<value>`."""

    ABOVE = "above"
    HEADER = "header"
    SECTION = "section"
    EMPTY = "empty"
    MEASURE = "measure"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class RowNote:
    """One row explained: what it is, with its words where it is a heading."""

    row: int
    kind: RowKind
    words: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a person says about the table.

    Attributes:
        measures: row -> id of the measure that it continues, or an empty text for a new one.
        quotes: duty -> the words with which the new text states it.
    """

    measures: Mapping[int, str] = field(default_factory=dict)
    quotes: Mapping[str, str] = field(default_factory=dict)


NOTHING_CHOSEN = Chosen()


class Match(StrEnum):
    """How a row relates to the plan that is in force."""

    SAME = "same"
    REWORDED = "reworded"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class ImportedMeasure:
    """One good row.

    Attributes:
        known_id: the measure in force that it continues; empty for a new one.
        kept_rules: rules that it keeps.
        lost_rules: rules whose quoted duty no longer stands in the text.
    """

    row: int
    section: str
    task_no: int
    task_title: str
    text_zh: str
    responsible: Responsible
    deadline: tuple[str, ...]
    match: Match = Match.NEW
    known_id: str = ""
    kept_rules: tuple[str, ...] = ()
    lost_rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import would load and what it would leave out.

    Attributes:
        notes: every row of the file, in order.
        missing_ids: measures in force that no row continues.
        quotes: duty -> its new words, as a person chose them.
    """

    measures: tuple[ImportedMeasure, ...]
    faults: tuple[Fault, ...]
    missing_ids: tuple[str, ...] = ()
    notes: tuple[RowNote, ...] = ()
    quotes: Mapping[str, str] = field(default_factory=dict)


def preview(
    rows: Sequence[Row], in_force: PlanCatalogue, chosen: Chosen = NOTHING_CHOSEN
) -> Preview:
    """Read the rows and relate the good ones to the plan in force.

    Raises `PlanChoiceError` when a choice names a row, a measure or a duty that is not there.
    """
    reader = _Reader()
    start = _header_at(rows, reader)
    measures = [found for row in rows[start:] for found in reader.read(row)]
    _refuse_choices(measures, in_force, chosen)
    matched = tuple(_matched(measures, in_force, chosen))
    known = {one.known_id for one in matched}
    missing = tuple(m.id for m in in_force.measures() if m.id not in known)
    notes = tuple(_notes(rows, start, reader, matched))
    return Preview(matched, tuple(reader.faults), missing, notes, chosen.quotes)


def responsible_of(words: str) -> Responsible | None:
    """Who a cell of the column 责任单位 means; `None` when nobody is recognised."""
    bureau = any(word in words for word in _BUREAU)
    school = any(word in words for word in _SCHOOL)
    if bureau and school:
        return Responsible.BOTH
    if bureau:
        return Responsible.BUREAU
    return Responsible.SCHOOL if school else None


class _Reader:
    """Walks down the table; merged cells of number and task carry on to the rows below."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._section = ""
        self._number = 0
        self._task = ""
        self._texts: dict[str, int] = {}

    def fault(self, row: Row, column: str, kind: FaultKind, found: str = "") -> None:
        self.faults.append(Fault(row.number, column, kind, found[:60]))

    def read(self, row: Row) -> Iterator[ImportedMeasure]:
        """The measure of one row, or nothing and its faults."""
        filled = [cell for cell in row.cells if cell.strip()]
        if not filled:
            return
        if len(set(filled)) == 1 and _SECTION.match(filled[0].strip()):
            self._section = filled[0].strip()
            return
        if len(row.cells) < len(COLUMNS):
            self.fault(row, HEADERS_ZH["deadline"], FaultKind.TOO_FEW_CELLS, str(len(row.cells)))
            return
        before = len(self.faults)
        values = dict(zip(COLUMNS, (cell.strip() for cell in row.cells), strict=False))
        self._refuse_cells(row, values)
        self._refuse_task(row, values)
        self._refuse_measure(row, values)
        responsible = responsible_of(values["responsible"])
        if responsible is None:
            self._column_fault(row, "responsible", FaultKind.RESPONSIBLE, values)
        deadline = tuple(part for part in re.split(r"[\n、/，,]+", values["deadline"]) if part)
        if not all(_DEADLINE.match(part) for part in deadline):
            self._column_fault(row, "deadline", FaultKind.DEADLINE, values)
        if len(self.faults) > before or responsible is None:
            return
        yield ImportedMeasure(
            row=row.number,
            section=self._section,
            task_no=self._number,
            task_title=self._task,
            text_zh=values["measure"],
            responsible=responsible,
            deadline=deadline,
        )

    def _refuse_cells(self, row: Row, values: dict[str, str]) -> None:
        for column, value in values.items():
            if value.startswith("="):
                self._column_fault(row, column, FaultKind.FORMULA, values)
            elif _CONTROL.search(value):
                self._column_fault(row, column, FaultKind.UNREADABLE, values)

    def _refuse_task(self, row: Row, values: dict[str, str]) -> None:
        if not self._section:
            self._column_fault(row, "task", FaultKind.NO_SECTION, values)
        if values["no"] and not values["no"].startswith("="):
            number = int(values["no"]) if values["no"].isascii() and values["no"].isdigit() else 0
            if number == 0:
                self._column_fault(row, "no", FaultKind.NO_NUMBER, values)
            elif number not in (self._number, self._number + 1):
                self._column_fault(row, "no", FaultKind.NUMBER_ORDER, values)
            if number not in (0, self._number):
                # The next rows are judged against this one, so that one slip is one fault.
                self._number, self._task = number, ""
        elif self._number == 0:
            self._column_fault(row, "no", FaultKind.NO_NUMBER, values)
        self._task = values["task"] or self._task
        if not self._task:
            self._column_fault(row, "task", FaultKind.NO_TASK, values)

    def _refuse_measure(self, row: Row, values: dict[str, str]) -> None:
        words = values["measure"]
        if not words:
            self._column_fault(row, "measure", FaultKind.NO_MEASURE, values)
        elif len(words) > MOST_CHARACTERS:
            self._column_fault(row, "measure", FaultKind.TOO_LONG, values)
        elif words in self._texts:
            self._column_fault(row, "measure", FaultKind.REPEATED, values)
        self._texts.setdefault(words, row.number)

    def _column_fault(self, row: Row, column: str, kind: FaultKind, values: dict[str, str]) -> None:
        self.fault(row, HEADERS_ZH[column], kind, values[column])


def _header_at(rows: Sequence[Row], reader: _Reader) -> int:
    """Position of the first row below the header; behind the last row where there is none."""
    for position, row in enumerate(rows):
        cells = ["".join(cell.split()) for cell in row.cells]
        if len(cells) >= len(COLUMNS) and all(
            cell in _HEADER_WORDS[column] for column, cell in zip(COLUMNS, cells, strict=False)
        ):
            return position + 1
    first = rows[0] if rows else Row(1, ())
    expected = " | ".join(HEADERS_ZH.values())
    reader.fault(first, HEADERS_ZH["no"], FaultKind.NO_HEADER, expected)
    return len(rows)


def _notes(
    rows: Sequence[Row], start: int, reader: _Reader, measures: Sequence[ImportedMeasure]
) -> Iterator[RowNote]:
    read = {one.row for one in measures}
    wrong = {fault.row for fault in reader.faults}
    for position, row in enumerate(rows):
        words = next((cell.strip() for cell in row.cells if cell.strip()), "")[:60]
        if row.number in wrong:
            yield RowNote(row.number, RowKind.WRONG, words)
        elif position < start:
            kind = RowKind.HEADER if position == start - 1 else RowKind.ABOVE
            yield RowNote(row.number, kind, words)
        elif row.number in read:
            yield RowNote(row.number, RowKind.MEASURE)
        else:
            yield RowNote(row.number, RowKind.SECTION if words else RowKind.EMPTY, words)


def _refuse_choices(
    measures: Sequence[ImportedMeasure], in_force: PlanCatalogue, chosen: Chosen
) -> None:
    rows = {one.row: one for one in measures}
    known = {measure.id for measure in in_force.measures()}
    duties = {one.id for one in in_force.obligations()}
    texts = [one.text_zh for one in measures]
    for row, identity in chosen.measures.items():
        if row not in rows:
            raise PlanChoiceError(f"row {row} holds no measure that loads")
        if identity and identity not in known:
            raise PlanChoiceError(f"the plan has no measure {identity}")
    taken = [identity for identity in chosen.measures.values() if identity]
    for identity in {one for one in taken if taken.count(one) > 1}:
        raise PlanChoiceError(f"two rows cannot both continue {identity}")
    for duty, words in chosen.quotes.items():
        if duty not in duties:
            raise PlanChoiceError(f"the plan has no duty {duty}")
        if not words or not any(words in text for text in texts):
            raise PlanChoiceError(f"no row says {words!r}, the new words of {duty}")


def _matched(
    measures: Sequence[ImportedMeasure], in_force: PlanCatalogue, chosen: Chosen
) -> Iterator[ImportedMeasure]:
    by_text = {measure.text_zh: measure for measure in in_force.measures()}
    taken = {identity for identity in chosen.measures.values() if identity}
    taken |= {
        by_text[one.text_zh].id
        for one in measures
        if one.text_zh in by_text and one.row not in chosen.measures
    }
    for one in measures:
        known = by_text.get(one.text_zh)
        if one.row in chosen.measures:
            identity = chosen.measures[one.row]
            known = in_force.measure(identity) if identity else None
        elif known is None:
            free = [m for m in in_force.measures() if m.id not in taken]
            known = _nearest(one.text_zh, free)
        if known is None:
            yield one
            continue
        taken.add(known.id)
        kept, lost = _rules(known, one.text_zh, chosen.quotes)
        match = Match.SAME if known.text_zh == one.text_zh else Match.REWORDED
        yield replace(one, match=match, known_id=known.id, kept_rules=kept, lost_rules=lost)


def _nearest(words: str, candidates: Sequence[Measure]) -> Measure | None:
    scored = [
        (SequenceMatcher(None, words, measure.text_zh, autojunk=False).ratio(), measure)
        for measure in candidates
    ]
    best = max(scored, key=lambda pair: pair[0], default=None)
    return best[1] if best is not None and best[0] >= ALIKE else None


def _rules(
    measure: Measure, words: str, quotes: Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Rules that the new words keep, and those that they lose."""
    stated = {one.id for one in measure.obligations if quotes.get(one.id, one.quote_zh) in words}
    kept = tuple(rule.id for rule in measure.rules if rule.obligation in stated)
    lost = tuple(rule.id for rule in measure.rules if rule.obligation not in stated)
    return kept, lost
