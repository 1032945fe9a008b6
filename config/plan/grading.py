"""How risks and hazards are graded: factors, their product, and the level that a product gives.

Methods, bands and the number of levels are the bureau's own; places differ, so none is built in.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from config.plan.errors import GradingError
from config.plan.plan_file import read_values, refuse_problems
from config.yaml_source import YamlSource

SHIPPED_GRADING = Path(__file__).with_name("grading.yaml")
LEVELS_ALLOWED = (3, 4)

_STRICT = ConfigDict(extra="forbid")
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,19}$")]


@dataclass(frozen=True, slots=True, config=_STRICT)
class GradeLevel:
    """One level. `major` asks for the whole plan of mending and the bureau's eye."""

    id: Word
    colour: Literal["red", "orange", "yellow", "blue"]
    zh: str
    en: str
    major: bool = False


@dataclass(frozen=True, slots=True, config=_STRICT)
class Factor:
    """One factor and the values that may be chosen for it."""

    id: Word
    zh: str
    en: str
    values: Annotated[tuple[float, ...], Field(min_length=2)]


class Band(BaseModel):
    """Scores of at least `start` (key `from`) have `level`."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    start: float = Field(alias="from", ge=0)
    level: Word


@dataclass(frozen=True, slots=True, config=_STRICT)
class Method:
    """One method: the product of its factors, cut into bands from the highest down."""

    id: Word
    zh: str
    en: str
    factors: Annotated[tuple[Factor, ...], Field(min_length=2)]
    bands: Annotated[tuple[Band, ...], Field(min_length=2)]


@dataclass(frozen=True, slots=True)
class Graded:
    """A graded thing: the method, its factors, their product and the level it gives."""

    method: str
    factors: Mapping[str, float]
    score: float
    level: GradeLevel


@dataclass(frozen=True, slots=True, config=_STRICT)
class Grading:
    """Levels, the worst first, and the methods that lead to them."""

    levels: tuple[GradeLevel, ...]
    methods: Annotated[tuple[Method, ...], Field(min_length=1)]

    def level(self, level_id: str) -> GradeLevel | None:
        """The level of this id, if there is one."""
        return next((level for level in self.levels if level.id == level_id), None)

    def grade(self, method_id: str, factors: Mapping[str, float]) -> Graded:
        """The level of a product of factors.

        Raises `GradingError` for an unknown method, or factors or values that are not its own.
        """
        method = next((one for one in self.methods if one.id == method_id), None)
        if method is None:
            known = ", ".join(one.id for one in self.methods)
            raise GradingError(f"there is no method {method_id}; use one of {known}")
        names = {factor.id: factor for factor in method.factors}
        if factors.keys() != names.keys():
            raise GradingError(f"{method_id} takes the factors {', '.join(names)}")
        for name, value in factors.items():
            if value not in names[name].values:
                allowed = ", ".join(f"{one:g}" for one in names[name].values)
                raise GradingError(f"{name} is {value:g}; choose one of {allowed}")
        score = round(prod(factors.values()), 6)
        band = next(band for band in method.bands if score >= band.start)
        level = self.level(band.level)
        if level is None:
            raise GradingError(f"{method_id} names no known level")
        return Graded(method_id, dict(factors), score, level)


_ADAPTER = TypeAdapter(Grading)


def load_grading(path: Path | None = None) -> Grading:
    """The grading in `path`, or the shipped one.

    Raises `PlanFileError`: not three or four levels, bands that do not fall to 0, unknown levels.
    """
    return _shipped() if path is None else _load(path)


@lru_cache(maxsize=1)
def _shipped() -> Grading:
    return _load(SHIPPED_GRADING)


def _load(path: Path) -> Grading:
    grading, source = read_values(path, _ADAPTER, Grading)
    if len(grading.levels) not in LEVELS_ALLOWED:
        found = len(grading.levels)
        source.report(("levels",), f"{found} levels", "give three or four, the worst first")
    ids = [level.id for level in grading.levels]
    if len(set(ids)) != len(ids):
        source.report(("levels",), "a level stands twice", "give each its own id")
    for position, method in enumerate(grading.methods):
        _report_method(("methods", position, "bands"), method, set(ids), source)
    refuse_problems(source)
    return grading


def _report_method(
    place: tuple[str | int, ...], method: Method, levels: set[str], source: YamlSource
) -> None:
    starts = [band.start for band in method.bands]
    if starts != sorted(set(starts), reverse=True):
        source.report(place, "the bands do not fall", "order them from the highest start down")
    if starts[-1] != 0:
        source.report(place, "the last band does not start at 0", "add a band `from: 0`")
    for number, band in enumerate(method.bands):
        if band.level not in levels:
            known = ", ".join(sorted(levels))
            source.report(
                (*place, number, "level"), f"no level {band.level}", f"use one of {known}"
            )
    if {band.level for band in method.bands} != levels:
        source.report(place, "not every level has a band", "give each level one band")
