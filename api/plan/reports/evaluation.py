"""A term's evaluation: automatic, own and bureau columns; each deduction names its rows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.plan.errors import StepRefusal
from api.plan.reports.duty_figures import FAULTS, DutyFigures, of_lines
from api.plan.reports.gathering import Gathered
from api.plan.reports.measures import by_measure, unknown_rules
from api.plan.reports.scores import Judge, Score
from api.plan.reports.sheet import (
    Row,
    Sheet,
    heads,
    reference_words,
    signing,
    state_words,
    word,
)
from api.plan.reports.tables_of_work import Words, notes_of, withdrawn_sheets
from api.plan.today import Line
from config.plan import PlanEdition
from config.plan.scoring import Scoring

_FAULT_STATES = frozenset(FAULTS)


@dataclass(frozen=True, slots=True)
class Deduction:
    """Points taken, and the rows of the ledger that they rest on.

    Attributes:
        judge: `auto`, or who took them.
        references: `occurrence:12`, `record:3`, `hazard:7` ...; never empty.
    """

    measure_id: str
    judge: str
    tenths: int
    reason: str
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MeasureScore:
    """One measure: its duties and the points that each column takes."""

    measure_id: str
    title: str
    duties: DutyFigures
    auto: tuple[Deduction, ...]
    auto_tenths: int
    own: Score | None
    bureau: Score | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A term's scores in tenths of a point; no column falls below zero.

    A column that nobody has filled in has no score: untouched is not full marks.
    """

    rows: tuple[MeasureScore, ...]
    full_tenths: int

    @property
    def auto_tenths(self) -> int:
        return self._left(sum(one.auto_tenths for one in self.rows))

    @property
    def own_tenths(self) -> int | None:
        return self._given([one.own for one in self.rows if one.own])

    @property
    def bureau_tenths(self) -> int | None:
        return self._given([one.bureau for one in self.rows if one.bureau])

    def deductions(self) -> tuple[Deduction, ...]:
        """Every deduction of all columns, measure by measure."""
        found: list[Deduction] = []
        for row in self.rows:
            found += row.auto
            for score in (row.own, row.bureau):
                if score is not None and score.tenths:
                    found.append(
                        Deduction(
                            *(row.measure_id, score.judge.value, score.tenths),
                            *(score.reason, score.references),
                        )
                    )
        return tuple(found)

    def _given(self, scores: Sequence[Score]) -> int | None:
        return self._left(sum(one.tenths for one in scores)) if scores else None

    def _left(self, taken: int) -> int:
        return max(0, self.full_tenths - taken)


def evaluate(found: Gathered, edition: PlanEdition, scores: Sequence[Score]) -> Evaluation:
    """Score the term, each occurrence by the plan of its own year.

    Raises `StepRefusal` when rules of the ledger belong to no measure.
    """
    lost = sorted({line.rule_id for line in unknown_rules(edition, found.lines)})
    if lost:
        raise StepRefusal("plan_rules_unknown", rules="、".join(lost))
    scoring = edition.scoring
    by_judge = {(one.measure_id, one.judge): one for one in scores}
    records = _records_of(found)
    rows = []
    for measure, own in by_measure(edition, found.period, found.lines):
        judged = [by_judge.get((measure.id, judge)) for judge in (Judge.OWN, Judge.BUREAU)]
        if not own and judged == [None, None]:
            continue
        auto = _automatic(measure.id, own, records, scoring)
        taken = min(sum(one.tenths for one in auto), scoring.cap_tenths)
        figures = of_lines(own)
        rows.append(MeasureScore(measure.id, measure.title_zh, figures, auto, taken, *judged))
    return Evaluation(tuple(rows), scoring.full_tenths)


def _automatic(
    measure_id: str,
    lines: Sequence[Line],
    records: Mapping[int, tuple[int, ...]],
    scoring: Scoring,
) -> tuple[Deduction, ...]:
    return tuple(
        Deduction(
            measure_id,
            "auto",
            scoring.tenths(line.state.value),
            f"{state_words(line.state.value)} {line.due.isoformat()}",
            (f"occurrence:{line.id}", *(f"record:{one}" for one in records.get(line.id, ()))),
        )
        for line in lines
        if line.state in _FAULT_STATES and scoring.tenths(line.state.value)
    )


def _records_of(found: Gathered) -> dict[int, tuple[int, ...]]:
    records: dict[int, tuple[int, ...]] = {}
    for count in found.counts:
        kept = records.get(count.occurrence_id, ())
        records[count.occurrence_id] = (*kept, count.record_id)
    return records


def reference_in(found: Gathered, name: str) -> str:
    """`record:12` as 记录#12, with a mark when it was taken back since somebody named it."""
    gone = {f"record:{one.record.id}" for one in found.withdrawn}
    gone |= {f"hazard:{one.hazard.id}" for one in found.withdrawn_hazards}
    return reference_words(name) + (word("withdrawn_mark") if name in gone else "")


def points(tenths: int) -> float:
    return tenths / 10


def evaluation_sheets(found: Gathered, evaluation: Evaluation, words: Words) -> tuple[Sheet, ...]:
    """The table of scores, each deduction with its rows, and the ledger rows themselves."""
    deductions = evaluation.deductions()
    return (
        _scores(found, evaluation, deductions),
        _deductions(found, deductions, words),
        *withdrawn_sheets(found, (), words),
    )


def _scores(found: Gathered, evaluation: Evaluation, deductions: Sequence[Deduction]) -> Sheet:
    first_of: dict[tuple[str, str], int] = {}
    for position, one in enumerate(deductions):
        first_of.setdefault((one.measure_id, one.judge), position)
    rows: list[Row] = []
    links = []
    for number, row in enumerate(evaluation.rows):
        duties = row.duties
        rows.append(
            (
                *(row.measure_id, row.title, duties.asked, duties.on_time, duties.late),
                *(duties.overdue, duties.missed, _taken(row.own), points(row.auto_tenths)),
                *(_taken(row.bureau), _numbers(row, deductions)),
            )
        )
        for column, judge in ((7, Judge.OWN.value), (8, "auto"), (9, Judge.BUREAU.value)):
            target = first_of.get((row.measure_id, judge))
            if target is not None:
                links.append(((number, column), (word("deductions"), target)))
    rows.append(_totals(evaluation))
    names = ("measure_id", "measure", "asked", "on_time", "late", "overdue", "missed")
    return Sheet(
        word("title.evaluation"),
        heads(*names, "self_score", "auto_score", "bureau_score", "based_on"),
        tuple(rows),
        (8, 40, 8, 8, 8, 8, 8, 9, 9, 9, 30),
        (*notes_of(found), word("scoring_note", full=points(evaluation.full_tenths))),
        groups=(("", 2), (word("group.ledger"), 5), (word("group.taken"), 3), ("", 1)),
        links=tuple(links),
        footer=signing(),
    )


def _totals(evaluation: Evaluation) -> Row:
    duties = [one.duties for one in evaluation.rows]
    return (
        *("", word("score")),
        *(sum(getattr(one, name) for one in duties) for name in _SUMMED),
        *(_score(evaluation.own_tenths), points(evaluation.auto_tenths)),
        *(_score(evaluation.bureau_tenths), ""),
    )


_SUMMED = ("asked", "on_time", "late", "overdue", "missed")


def _score(tenths: int | None) -> str | float:
    return word("not_judged") if tenths is None else points(tenths)


def _taken(score: Score | None) -> str | float:
    return "" if score is None else points(score.tenths)


def _numbers(row: MeasureScore, deductions: Sequence[Deduction]) -> str:
    """Numbers of the deductions in the second table."""
    own = [n for n, one in enumerate(deductions, start=1) if one.measure_id == row.measure_id]
    if not own:
        return ""
    span = str(own[0]) if len(own) == 1 else f"{own[0]}–{own[-1]}"
    return word("deduction_numbers", span=span)


def _deductions(found: Gathered, deductions: Sequence[Deduction], words: Words) -> Sheet:
    lines = {f"occurrence:{line.id}": line for line in found.lines}
    rows: list[Row] = []
    for number, one in enumerate(deductions, start=1):
        line = next((lines[name] for name in one.references if name in lines), None)
        item = "" if line is None else words.title(line)
        where = "、".join(reference_in(found, name) for name in one.references)
        rows.append(
            (
                *(number, one.measure_id, word(f"judge.{one.judge}"), points(one.tenths)),
                *(one.reason, item, where),
            )
        )
    header = heads("no", "measure_id", "judge", "taken", "reason", "item", "linked_to")
    widths = (6, 10, 10, 8, 36, 40, 34)
    return Sheet(word("deductions"), header, tuple(rows), widths, notes_of(found))
