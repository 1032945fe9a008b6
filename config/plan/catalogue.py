"""Load an edition of the plan and check that its parts fit together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from dateutil.rrule import rrulestr
from pydantic import TypeAdapter

from config.plan.plan_file import read_values, refuse_problems
from config.plan.values import Measure, PlanCatalogue, Rule, Window
from config.yaml_source import KeyPath, YamlSource

SHIPPED_CATALOGUE = Path(__file__).with_name("catalogue.yaml")
SHIPPED_DIGESTS = Path(__file__).with_name("source_text.sha256")

_ADAPTER = TypeAdapter(PlanCatalogue)
_ANY_DAY = datetime.combine(date(2026, 1, 1), time())


def load_catalogue(path: Path | None = None) -> PlanCatalogue:
    """The plan in `path`, or the one that is shipped.

    Raises `PlanFileError` with every fault: unknown or missing keys, wrong values, ids that occur
    twice, quotations that do not stand in their measure, references to nothing, rules that
    RFC 5545 does not know.
    """
    if path is None:
        return _shipped()
    return _load(path)


@lru_cache(maxsize=1)
def _shipped() -> PlanCatalogue:
    return _load(SHIPPED_CATALOGUE)


def _load(path: Path) -> PlanCatalogue:
    plan, source = read_values(path, _ADAPTER, PlanCatalogue)
    _report_faults(plan, source)
    refuse_problems(source)
    return plan


def text_digest(text_zh: str) -> str:
    """SHA-256 of a measure's text in UTF-8."""
    return sha256(text_zh.encode("utf-8")).hexdigest()


def load_digests(path: Path | None = None) -> dict[str, str]:
    """Measure id -> SHA-256 of the source text, from a file in the form of `sha256sum`."""
    lines = (SHIPPED_DIGESTS if path is None else path).read_text("utf-8").splitlines()
    pairs = (line.split(maxsplit=1) for line in lines if line.strip())
    return {measure_id.strip(): digest for digest, measure_id in pairs}


def _report_faults(plan: PlanCatalogue, source: YamlSource) -> None:
    obligations = {obligation.id for obligation in plan.obligations()}
    _report_repeated_ids(plan, source)
    for keys, measure in _measures(plan):
        _report_measure(keys, measure, plan, source)
        for position, rule in enumerate(measure.rules):
            place = (*keys, "rules", position)
            owned = {obligation.id for obligation in measure.obligations}
            for key, message, mend in _rule_faults(rule, owned, obligations):
                source.report((*place, key), message, mend)


def _measures(plan: PlanCatalogue) -> list[tuple[KeyPath, Measure]]:
    return [
        (("sections", s, "tasks", t, "measures", m), measure)
        for s, section in enumerate(plan.sections)
        for t, task in enumerate(section.tasks)
        for m, measure in enumerate(task.measures)
    ]


def _report_repeated_ids(plan: PlanCatalogue, source: YamlSource) -> None:
    named = {
        "measure": [measure.id for measure in plan.measures()],
        "obligation": [obligation.id for obligation in plan.obligations()],
        "rule": [rule.id for rule in plan.rules()],
        "task": [str(task.no) for _, task in plan.tasks()],
    }
    for what, ids in named.items():
        for identity, count in Counter(ids).items():
            if count > 1:
                message = f"the {what} {identity} stands {count} times"
                source.report(("sections",), message, "give each its own id")


def _report_measure(
    keys: KeyPath, measure: Measure, plan: PlanCatalogue, source: YamlSource
) -> None:
    for position, obligation in enumerate(measure.obligations):
        place = (*keys, "obligations", position)
        if not obligation.id.startswith(measure.id):
            source.report((*place, "id"), f"{obligation.id} is not of {measure.id}", "correct it")
        if obligation.quote_zh not in measure.text_zh:
            message = "the quotation is not in the measure's text"
            source.report((*place, "quote_zh"), message, "copy it anew")
    for position, name in enumerate(measure.data_objects):
        if name not in plan.data_objects:
            place = (*keys, "data_objects", position)
            source.report(place, f"no data object {name}", "add it under data_objects")


def _rule_faults(
    rule: Rule, owned: set[str], obligations: set[str]
) -> Iterator[tuple[str, str, str]]:
    """Key, message and mend of each fault of one rule."""
    if rule.obligation not in owned:
        message = f"the measure has no obligation {rule.obligation}"
        yield "obligation", message, "name an obligation of this measure"
    for other in rule.satisfied_also_by:
        if other not in obligations:
            yield "satisfied_also_by", f"the plan has no obligation {other}", "name an obligation"
    if (rule.window is Window.CAMPAIGN) != (rule.window_start_month is not None):
        message = "a campaign, and only a campaign, has a first month"
        yield "window_start_month", message, "add or remove the key"
    try:
        rrulestr(rule.rrule, dtstart=_ANY_DAY)
    except ValueError as error:
        message = f"not a recurrence rule of RFC 5545: {error}"
        yield "rrule", message, "write e.g. FREQ=MONTHLY;BYMONTHDAY=-1"
