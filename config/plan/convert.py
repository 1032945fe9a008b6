"""Convert the district's plan inventory into the catalogue that is shipped.

    python -m config.plan.convert PLAN_INVENTORY.yaml

writes `catalogue.yaml` and `source_text.sha256` beside this file. Chinese text goes over
character for character; what the program needs besides (the record that counts for a rule, the
first month of a campaign) comes from `accepts.yaml` and from the rule's own wording.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from ruamel.yaml import YAML

from config.errors import ConfigError, FileProblem
from config.plan.catalogue import SHIPPED_CATALOGUE, SHIPPED_DIGESTS, load_catalogue, text_digest
from config.plan.errors import PlanFileError
from config.plan.plan_file import read_values

ACCEPTS_FILE = Path(__file__).with_name("accepts.yaml")
CATALOGUE_VERSION = "2020.1"

_ANY_MAPPING: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])
_ACCEPTS: TypeAdapter[dict[str, str]] = TypeAdapter(dict[str, str])
_CAMPAIGN_MONTH = re.compile(r"窗口(\d+)")
_COPIED_RULE_KEYS = (
    *("id", "obligation", "zh", "basis", "needs_bureau_confirmation", "rrule", "scope", "window"),
    *("quota", "calendar", "adjust", "applies_to", "actor", "remind_days_before", "escalation"),
)
_COPIED_MEASURE_KEYS = ("id", "title_zh", "text_zh", "gloss_en", "responsible")
_OPTIONAL_MEASURE_KEYS = ("event_triggers", "responsible_note", "note")


def convert(inventory: dict[str, Any], accepts: dict[str, str]) -> dict[str, Any]:
    """The catalogue as plain data. Raises `PlanFileError` for a rule without its record."""
    meta = inventory["meta"]
    return {
        "schema_version": 1,
        "version": CATALOGUE_VERSION,
        "title_zh": meta["title_zh"],
        "source_plan_year": meta["source_plan_year"],
        "source_file": meta["source_file"],
        "source_sha256": meta["source_sha256"],
        "ambiguities": meta["ambiguities"],
        "roles": inventory["roles"],
        "data_objects": inventory["data_object_catalogue"],
        "sections": [_section(section, accepts) for section in inventory["sections"]],
    }


def inventory_texts(inventory: dict[str, Any]) -> dict[str, str]:
    """Measure id -> its text."""
    return {
        measure["id"]: measure["text_zh"]
        for section in inventory["sections"]
        for task in section["tasks"]
        for measure in task["measures"]
    }


def digests(inventory: dict[str, Any]) -> str:
    """One line a measure: SHA-256 of its text, two spaces, its id."""
    texts = inventory_texts(inventory)
    return "".join(f"{text_digest(text)}  {identity}\n" for identity, text in texts.items())


def read_inventory(path: Path) -> dict[str, Any]:
    """The inventory as plain data. Raises `PlanFileError`."""
    inventory, _ = read_values(path, _ANY_MAPPING)
    missing = [key for key in ("meta", "roles", "sections") if key not in inventory]
    if missing:
        message = f"no plan inventory: {', '.join(missing)} missing"
        problem = FileProblem(path.name, 1, "", message, "name the inventory file of the plan")
        raise PlanFileError([problem])
    return inventory


def _section(section: dict[str, Any], accepts: dict[str, str]) -> dict[str, Any]:
    tasks = [
        {**task, "measures": [_measure(measure, accepts) for measure in task["measures"]]}
        for task in section["tasks"]
    ]
    return {**section, "tasks": tasks}


def _measure(measure: dict[str, Any], accepts: dict[str, str]) -> dict[str, Any]:
    camera = measure["camera_automation"]
    due = measure["deadline"].get("due") or []
    result = {key: measure[key] for key in _COPIED_MEASURE_KEYS}
    result["deadline"] = {**measure["deadline"], "due": [due] if isinstance(due, str) else due}
    result["obligations"] = measure["obligations"]
    result["rules"] = [_rule(rule, accepts) for rule in measure["recurrences"]]
    result["evidence_to_file"] = measure["evidence_to_file"]
    result["camera"] = camera
    result["data_objects"] = measure["data_objects"]
    for key in _OPTIONAL_MEASURE_KEYS:
        if key in measure:
            result[key] = measure[key]
    return result


def _rule(rule: dict[str, Any], accepts: dict[str, str]) -> dict[str, Any]:
    if rule["id"] not in accepts:
        problem = FileProblem(
            ACCEPTS_FILE.name, 0, rule["id"], "no record counts for this rule", "add a line"
        )
        raise PlanFileError([problem])
    result = {key: rule[key] for key in _COPIED_RULE_KEYS}
    result["accepts"] = _accepts(accepts[rule["id"]])
    result["expected_raw"] = rule["expected_raw"]
    campaign = _CAMPAIGN_MONTH.search(rule["zh"]) if rule["window"] == "campaign" else None
    if campaign:
        result["window_start_month"] = int(campaign[1])
    for key in ("satisfied_also_by", "note"):
        if key in rule:
            result[key] = rule[key]
    return result


def _accepts(text: str) -> dict[str, Any]:
    record, plus, _ = text.partition("+receipt")
    kind, _, types = record.partition(":")
    accepted: dict[str, Any] = {"kind": kind}
    if types:
        accepted["types"] = types.split("|")
    if plus:
        accepted["needs_receipt"] = True
    return accepted


def main(arguments: list[str]) -> int:
    """Write both files; the exit status."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m config.plan.convert PLAN_INVENTORY.yaml\n")
        return 2
    yaml = YAML()
    yaml.width = 10_000
    yaml.allow_unicode = True
    try:
        inventory = read_inventory(Path(arguments[0]))
        accepts, _ = read_values(ACCEPTS_FILE, _ACCEPTS)
        catalogue = convert(inventory, accepts)
        with SHIPPED_CATALOGUE.open("w", encoding="utf-8") as file:
            yaml.dump(catalogue, file)
        SHIPPED_DIGESTS.write_text(digests(inventory), encoding="utf-8")
        load_catalogue()
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
