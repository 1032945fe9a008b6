"""Read one YAML file of the plan into frozen values, or say by line what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from config.errors import ConfigFileError
from config.plan.errors import PlanFileError
from config.schema_problems import report_refusal
from config.yaml_source import YamlSource, read_yaml

Value = TypeVar("Value")


def read_values(
    path: Path, adapter: TypeAdapter[Value], shape: object = None
) -> tuple[Value, YamlSource]:
    """Parse and validate `path`; the source is kept for problems that are found later.

    Args:
        shape: the dataclass that the adapter is of, if it is one; a misspelt key is then told with
            the known ones.

    Raises `PlanFileError` with all faults, each with its line.
    """
    try:
        source = read_yaml(path)
    except ConfigFileError as error:
        raise PlanFileError(error.problems) from error
    try:
        values = adapter.validate_python(source.data)
    except ValidationError as refusal:
        report_refusal(refusal, shape, at=(), source=source)
        raise PlanFileError(source.problems) from refusal
    refuse_problems(source)
    return values, source


def refuse_problems(source: YamlSource) -> None:
    """Raises `PlanFileError` when anything was reported to `source`."""
    if source.problems:
        raise PlanFileError(source.problems)
