"""How a term is scored; the bureau's own numbers, none is built in as a norm."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from config.plan.plan_file import read_values, refuse_problems
from config.yaml_source import KeyPath, YamlSource

SHIPPED_SCORING = Path(__file__).with_name("scoring.yaml")

_STRICT = ConfigDict(extra="forbid")
Points = Annotated[float, Field(ge=0, le=1000)]


@dataclass(frozen=True, slots=True, config=_STRICT)
class Deductions:
    """Points for each occurrence that was missed, is overdue, or came late."""

    missed: Points
    overdue: Points
    late: Points


@dataclass(frozen=True, slots=True, config=_STRICT)
class Scoring:
    """A term's scoring.

    Attributes:
        full: the score without any deduction.
        measure_cap: most that the automatic column takes for one measure.
    """

    full: Points
    deductions: Deductions
    measure_cap: Points

    def tenths(self, state: str) -> int:
        """What an occurrence in `state` costs, in tenths of a point; 0 for other states."""
        points: float = getattr(self.deductions, state, 0.0)
        return round(points * 10)

    @property
    def cap_tenths(self) -> int:
        return round(self.measure_cap * 10)

    @property
    def full_tenths(self) -> int:
        return round(self.full * 10)


_ADAPTER = TypeAdapter(Scoring)


@lru_cache(maxsize=1)
def _shipped() -> Scoring:
    return _load(SHIPPED_SCORING)


def load_scoring(path: Path | None = None) -> Scoring:
    """The scoring in `path`, or the shipped one. Raises `PlanFileError` with every fault."""
    return _shipped() if path is None else _load(path)


def _load(path: Path) -> Scoring:
    scoring, source = read_values(path, _ADAPTER, Scoring)
    own = scoring.deductions
    for name in ("missed", "overdue", "late"):
        _refuse_finer(source, ("deductions", name), getattr(own, name))
    _refuse_finer(source, ("full",), scoring.full)
    _refuse_finer(source, ("measure_cap",), scoring.measure_cap)
    refuse_problems(source)
    return scoring


def _refuse_finer(source: YamlSource, place: KeyPath, points: float) -> None:
    if abs(points * 10 - round(points * 10)) > 1e-9:
        source.report(place, f"{points} is finer than a tenth", "use steps of 0.1")
