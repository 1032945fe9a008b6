"""Turn an imported table into a catalogue file for the bureau to look through. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from config.plan.table_import import ImportedMeasure, Preview
from config.plan.values import Measure, PlanCatalogue

_MEASURE: TypeAdapter[Measure] = TypeAdapter(Measure)
_CATALOGUE: TypeAdapter[PlanCatalogue] = TypeAdapter(PlanCatalogue)


@dataclass(frozen=True, slots=True)
class _Before:
    """The plan in force, the id of each row's measure, and the new words of its duties."""

    plan: PlanCatalogue
    ids: Mapping[int, str]
    quotes: Mapping[str, str]


def new_edition(
    preview: Preview,
    in_force: PlanCatalogue,
    year: int,
    title: str,
    used: Collection[str] = (),
) -> dict[str, Any]:
    """The catalogue of `year` as plain data: known measures keep ids, duties and rules.

    A rule goes only when the words of its duty are gone; a measure with no duty left gets one
    standing duty that quotes its whole text. A known measure keeps its id wherever its row stands:
    the ledger knows duties by it. A new one gets the next id of its task that neither the plan in
    force nor `used`, the measures of earlier plans, has ever given.
    """
    base: dict[str, Any] = _CATALOGUE.dump_python(in_force, mode="json", exclude_defaults=True)
    sections = _sections(preview.measures)
    given = {measure.id for measure in in_force.measures()} | set(used)
    before = _Before(in_force, _ids(sections, given), preview.quotes)
    base |= {
        "version": f"{year}.1",
        "title_zh": title,
        "source_plan_year": year,
        "sections": [
            _section(number, heading, tasks, before)
            for number, (heading, tasks) in enumerate(sections, start=1)
        ],
    }
    _drop_dangling(base)
    return base


Tasks = dict[int, list[ImportedMeasure]]


def _ids(sections: Sequence[tuple[str, Tasks]], given: Collection[str]) -> dict[int, str]:
    """Row -> id of its measure."""
    last: dict[str, int] = {}
    for identity in given:
        task, _, position = identity.rpartition(".")
        last[task] = max(last.get(task, 0), int(position))
    found = {}
    for section_no, (_, tasks) in enumerate(sections, start=1):
        for task_no, rows in tasks.items():
            task = f"{section_no}.{task_no}"
            for row in rows:
                if not row.known_id:
                    last[task] = last.get(task, 0) + 1
                found[row.row] = row.known_id or f"{task}.{last[task]}"
    return found


def _sections(measures: Sequence[ImportedMeasure]) -> list[tuple[str, Tasks]]:
    sections: dict[str, Tasks] = {}
    for one in measures:
        sections.setdefault(one.section, {}).setdefault(one.task_no, []).append(one)
    return list(sections.items())


def _section(number: int, heading: str, tasks: Tasks, before: _Before) -> dict[str, Any]:
    no_zh, _, title = heading.partition("、")
    return {
        "id": str(number),
        "no_zh": no_zh,
        "title_zh": title,
        "title_en": title,
        "tasks": [
            {
                "id": f"{number}.{task_no}",
                "no": task_no,
                "title_zh": rows[0].task_title,
                "title_en": rows[0].task_title,
                "measures": [_measure(before.ids[row.row], row, before) for row in rows],
            }
            for task_no, rows in tasks.items()
        ],
    }


def _measure(identity: str, row: ImportedMeasure, before: _Before) -> dict[str, Any]:
    known: dict[str, Any] = {}
    if row.known_id:
        measure = before.plan.measure(row.known_id)
        known = _MEASURE.dump_python(measure, mode="json", exclude_defaults=True)
    quoted = [
        {**one, "quote_zh": before.quotes.get(one["id"], one["quote_zh"])}
        for one in known.get("obligations", ())
    ]
    kept = [one for one in quoted if one["quote_zh"] in row.text_zh]
    kept_ids = {one["id"] for one in kept}
    rules = [rule for rule in known.get("rules", ()) if rule["obligation"] in kept_ids]
    return {
        "title_zh": row.text_zh[:30],
        "gloss_en": "",
        "evidence_to_file": [],
        "camera": {"level": "none"},
        "data_objects": [],
        **known,
        "id": identity,
        "text_zh": row.text_zh,
        "responsible": row.responsible.value,
        "deadline": {"raw": list(row.deadline), "type": "as_printed"},
        "obligations": kept or [_whole(identity, row.text_zh)],
        "rules": rules,
    }


def _whole(identity: str, words: str) -> dict[str, Any]:
    return {"id": f"{identity}a", "quote_zh": words, "en": "", "kind": "standing"}


def _drop_dangling(base: dict[str, Any]) -> None:
    """Merging refers to duties of other measures, which the new table may not have."""
    measures = [m for s in base["sections"] for t in s["tasks"] for m in t["measures"]]
    duties = {one["id"] for measure in measures for one in measure["obligations"]}
    for measure in measures:
        for rule in measure["rules"]:
            also = [one for one in rule.get("satisfied_also_by", ()) if one in duties]
            rule["satisfied_also_by"] = also
