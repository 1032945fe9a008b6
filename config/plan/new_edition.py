"""Turn an imported table into a catalogue file for the bureau to look through. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from config.plan.table_import import ImportedMeasure, Preview
from config.plan.values import Measure, PlanCatalogue

_MEASURE: TypeAdapter[Measure] = TypeAdapter(Measure)
_CATALOGUE: TypeAdapter[PlanCatalogue] = TypeAdapter(PlanCatalogue)


@dataclass(frozen=True, slots=True)
class _Before:
    """The plan in force, the new ids of its measures, and the new words of its duties."""

    plan: PlanCatalogue
    names: Mapping[str, str]
    quotes: Mapping[str, str]


def new_edition(preview: Preview, in_force: PlanCatalogue, year: int, title: str) -> dict[str, Any]:
    """The catalogue of `year` as plain data: known measures keep duties and rules.

    A rule goes only when the words of its duty are gone; a measure with no duty left gets one
    standing duty that quotes its whole text. Ids follow the rows: section, task, position. Rules
    keep what they ask for; their ids and references follow their measure.
    """
    base: dict[str, Any] = _CATALOGUE.dump_python(in_force, mode="json", exclude_defaults=True)
    sections = _sections(preview.measures)
    names = {
        measure.known_id: f"{section_no}.{task_no}.{position}"
        for section_no, (_, tasks) in enumerate(sections, start=1)
        for task_no, rows in tasks.items()
        for position, measure in enumerate(rows, start=1)
        if measure.known_id
    }
    before = _Before(in_force, names, preview.quotes)
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
                "measures": [
                    _measure(f"{number}.{task_no}.{position}", row, before)
                    for position, row in enumerate(rows, start=1)
                ],
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
        "obligations": [{**one, "id": _renamed(one["id"], before.names)} for one in kept]
        or [_whole(identity, row.text_zh)],
        "rules": [_rule(rule, before.names) for rule in rules],
    }


def _whole(identity: str, words: str) -> dict[str, Any]:
    return {"id": f"{identity}a", "quote_zh": words, "en": "", "kind": "standing"}


def _rule(rule: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    measure_id, _, position = rule["id"].removeprefix("R-").rpartition("-")
    also = [_renamed(one, names) for one in rule.get("satisfied_also_by", ())]
    return {
        **rule,
        "id": f"R-{names[measure_id]}-{position}",
        "obligation": _renamed(rule["obligation"], names),
        "satisfied_also_by": also,
    }


def _renamed(obligation_id: str, names: Mapping[str, str]) -> str:
    measure_id, letter = obligation_id[:-1], obligation_id[-1]
    return f"{names.get(measure_id, measure_id)}{letter}"


def _drop_dangling(base: dict[str, Any]) -> None:
    """Merging refers to duties of other measures, which the new table may not have."""
    measures = [m for s in base["sections"] for t in s["tasks"] for m in t["measures"]]
    duties = {one["id"] for measure in measures for one in measure["obligations"]}
    for measure in measures:
        for rule in measure["rules"]:
            rule["satisfied_also_by"] = [o for o in rule["satisfied_also_by"] if o in duties]
