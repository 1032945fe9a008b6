"""What a promotion rule says of one measurement."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vision.risk.readings import Level


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule says of one measurement.

    Attributes:
        holds: `None` where a number that the rule needs is missing.
        target: the level that the rule gives, or `None` for one level above density's.
        ceiling: the highest level that it may give.
        key: under which its dwell is remembered, where that is not the rule's name: a forecast of
            L3 that held says nothing of L4.
        told: whether it is a reason that people read.
        unknown_s: a rule that counts ends when its numbers were missing, or said no in between, for
            so long.
    """

    rule: str
    holds: bool | None
    measured: float | None
    threshold: float
    unit: str
    dwell_s: float
    source: str
    target: Level | None
    ceiling: Level = Level.L4
    key: str = ""
    told: bool = True
    unknown_s: float = math.inf

    @property
    def timer(self) -> str:
        return self.key or self.rule


__all__ = ["Finding"]
