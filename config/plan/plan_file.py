"""Read one YAML file of the plan into frozen values, or say by line what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from config.errors import ConfigFileError
from config.plan.errors import PlanFileError
from config.yaml_source import YamlSource, read_yaml

Value = TypeVar("Value")

_MENDS = {
    "extra_forbidden": "remove the key or correct its spelling",
    "unexpected_keyword_argument": "remove the key or correct its spelling",
    "missing": "add the key",
    "missing_argument": "add the key",
    "missing_keyword_only_argument": "add the key",
    "literal_error": "use one of the values named here",
    "enum": "use one of the values named here",
    "date_from_datetime_parsing": "write a day as 2026-09-01",
    "month_day": "write it as MM-DD in quotes, such as '07-15'",
    "string_pattern_mismatch": "write it in the form that is named here",
}


def read_values(path: Path, adapter: TypeAdapter[Value]) -> tuple[Value, YamlSource]:
    """Parse and validate `path`; the source is kept for problems that are found later.

    Raises `PlanFileError` with all faults, each with its line.
    """
    try:
        source = read_yaml(path)
    except ConfigFileError as error:
        raise PlanFileError(error.problems) from error
    try:
        values = adapter.validate_python(source.data)
    except ValidationError as refusal:
        for fault in refusal.errors(include_url=False):
            source.report(fault["loc"], fault["msg"], _MENDS.get(fault["type"], "correct it"))
        raise PlanFileError(source.problems) from refusal
    refuse_problems(source)
    return values, source


def refuse_problems(source: YamlSource) -> None:
    """Raises `PlanFileError` when anything was reported to `source`."""
    if source.problems:
        raise PlanFileError(source.problems)
