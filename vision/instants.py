"""Two kinds of time that cannot be mixed.

`Utc` is what a record carries; `Monotonic` is what a duration is measured with. Subtracting one
from the other is a type error for mypy and a `TypeError` at run time: wall time jumps.
Both count integer nanoseconds, so that they are exact as keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_NS_PER_S = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class Utc:
    """An instant of wall time: nanoseconds since 1970-01-01T00:00:00Z."""

    ns: int

    @classmethod
    def from_datetime(cls, moment: datetime) -> Utc:
        """Raises `ValueError` for a datetime without a time zone."""
        if moment.tzinfo is None:
            raise ValueError(f"a record needs a time zone, got the naive time {moment.isoformat()}")
        return cls((moment - _EPOCH) // timedelta(microseconds=1) * 1000)

    @classmethod
    def from_iso(cls, text: str) -> Utc:
        return cls.from_datetime(datetime.fromisoformat(text))

    def to_datetime(self) -> datetime:
        """The same instant as an aware datetime, cut to microseconds."""
        return _EPOCH + timedelta(microseconds=self.ns // 1000)

    def iso(self) -> str:
        return self.to_datetime().isoformat().replace("+00:00", "Z")

    def plus(self, seconds: float) -> Utc:
        return Utc(self.ns + round(seconds * _NS_PER_S))

    def __sub__(self, earlier: Utc) -> float:
        """Seconds from `earlier` to this instant."""
        if not isinstance(earlier, Utc):
            return NotImplemented
        return (self.ns - earlier.ns) / _NS_PER_S


@dataclass(frozen=True, slots=True, order=True)
class Monotonic:
    """A reading of a clock that never steps: nanoseconds since an arbitrary start."""

    ns: int

    def plus(self, seconds: float) -> Monotonic:
        return Monotonic(self.ns + round(seconds * _NS_PER_S))

    def __sub__(self, earlier: Monotonic) -> float:
        """Seconds from `earlier` to this reading."""
        if not isinstance(earlier, Monotonic):
            return NotImplemented
        return (self.ns - earlier.ns) / _NS_PER_S
