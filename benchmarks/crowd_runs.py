"""One story, picture by picture: what was true, what was measured, and what was said of it.

What was measured is kept whole, one JSON line a story in a results file: a bench that is broken off
loses nothing, and rules judge the same measurements again, with the doors' contacts or without.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

import numpy as np

from benchmarks.report import kept_lines
from vision.arrays import Float64Array
from vision.instants import Utc
from vision.risk.levels import RiskState, advance
from vision.risk.profiles import ZoneProfile
from vision.risk.readings import Level, ZoneMeasurement, ZoneReading

# A speed that few people have says nothing of a crowd.
FEWEST_WALKERS = 3


@dataclass(frozen=True, slots=True)
class Key:
    """Which run it is; equal keys give equal runs. `network` is the versioned id, empty where heads
    are stated."""

    story: str
    seed: int
    depth: str
    degraded: str
    pictures_per_s: float
    network: str = ""


BEGAN = Utc.from_iso("2026-03-02T08:00:00+08:00")
_MEASURED = tuple(
    item.name for item in fields(ZoneMeasurement) if item.name not in ("zone_id", "captured_at")
)


@dataclass(slots=True)
class Recording:
    """Truth and measurements of one story; lists run along pictures of the judged zone.

    Attributes:
        zone_id: the judged zone.
        truth_per_m2: true density peak.
        true_mps: median true speed of the people in the zone; `None` with fewer than three.
        columns: names of the numbers in each row of `measured`.
        measured: every number of each measurement but zone and time, as `columns` names them. The
            open share of the exits is what contacts at the story's doors say.
    """

    key: Key
    zone_id: str
    times_s: list[float] = field(default_factory=list)
    truth_per_m2: list[float] = field(default_factory=list)
    true_mps: list[float | None] = field(default_factory=list)
    columns: tuple[str, ...] = _MEASURED
    measured: list[list[object]] = field(default_factory=list)

    def add(
        self,
        t_s: float,
        truth_per_m2: float,
        speeds_mps: Float64Array,
        measurement: ZoneMeasurement,
    ) -> None:
        """Take one picture; `speeds_mps` (N,) are those of the people in the zone."""
        self.times_s.append(round(t_s, 3))
        self.truth_per_m2.append(round(truth_per_m2, 4))
        enough = len(speeds_mps) >= FEWEST_WALKERS
        self.true_mps.append(round(float(np.median(speeds_mps)), 4) if enough else None)
        self.measured.append([getattr(measurement, name) for name in self.columns])

    def measurement(self, number: int) -> ZoneMeasurement:
        """What was measured in one picture."""
        numbers = dict(zip(self.columns, self.measured[number], strict=True))
        place = numbers["peak_xy_m"]
        if isinstance(place, list):
            numbers["peak_xy_m"] = tuple(place)
        at = BEGAN.plus(self.times_s[number])
        return ZoneMeasurement(zone_id=self.zone_id, captured_at=at, **numbers)  # type: ignore[arg-type]

    def judged(self, profile: ZoneProfile, *, contacts: bool) -> Run:
        """What these rules say of it, with the doors' contacts or as if there were none."""
        run, state = Run(self.key), RiskState()
        speeds = zip(self.times_s, self.truth_per_m2, self.true_mps, strict=True)
        for number, (t_s, truth_per_m2, true_mps) in enumerate(speeds):
            measured = self.measurement(number)
            if not contacts:
                measured = replace(measured, exit_open_share=None)
            judged = advance(state, measured, profile, measured.captured_at)
            state = judged.state
            reading = ZoneReading(
                self.zone_id,
                measured.captured_at,
                judged.level,
                judged.reasons,
                measured,
                judged.could_be,
            )
            run.add(t_s, truth_per_m2, true_mps, reading)
        return run

    def as_line(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))


@dataclass(slots=True)
class Run:
    """Truth and readings of one run; lists run along pictures.

    Attributes:
        truth_per_m2: true density peak.
        true_mps: median true speed of the people in the zone; `None` with fewer than three.
        said: severity 0..4, -1 for UNKNOWN.
        could_be: severity at the upper end of the uncertainty, where it is higher.
        density_per_m2, speed_mps, std_per_m2: as measured, with the standard error of density;
            `None` where nothing was.
        warned_by: the rules among the reasons when L2 was first said.
        named_s: rule to when it was first among the reasons.
    """

    key: Key
    times_s: list[float] = field(default_factory=list)
    truth_per_m2: list[float] = field(default_factory=list)
    true_mps: list[float | None] = field(default_factory=list)
    said: list[int] = field(default_factory=list)
    could_be: list[int | None] = field(default_factory=list)
    density_per_m2: list[float | None] = field(default_factory=list)
    speed_mps: list[float | None] = field(default_factory=list)
    warned_by: list[str] = field(default_factory=list)
    std_per_m2: list[float | None] = field(default_factory=list)
    named_s: dict[str, float] = field(default_factory=dict)

    def add(
        self, t_s: float, truth_per_m2: float, true_mps: float | None, reading: ZoneReading
    ) -> None:
        """Take one picture; `true_mps` is the median true speed in the zone."""
        measured = reading.measurement
        severity = -1 if reading.level is Level.UNKNOWN else reading.level.severity
        if severity >= 2 and not self.warned_by:
            self.warned_by = [reason.rule for reason in reading.reasons]
        for reason in reading.reasons:
            self.named_s.setdefault(reason.rule, t_s)
        self.times_s.append(t_s)
        self.truth_per_m2.append(truth_per_m2)
        self.true_mps.append(true_mps)
        self.said.append(severity)
        self.could_be.append(None if reading.could_be is None else reading.could_be.severity)
        self.density_per_m2.append(
            None if measured is None else round(measured.density_peak_per_m2, 4)
        )
        self.std_per_m2.append(
            None if measured is None else round(measured.density_peak_std_per_m2, 4)
        )
        speed = None if measured is None else measured.speed_mps
        self.speed_mps.append(None if speed is None else round(speed, 4))

    def onset_s(self, level: Level, profile: ZoneProfile) -> float | None:
        """When the truth has been above the threshold for the dwell."""
        limit = profile.threshold_of(level)
        since: float | None = None
        for t_s, density in zip(self.times_s, self.truth_per_m2, strict=True):
            if density < limit.threshold_per_m2:
                since = None
                continue
            since = t_s if since is None else since
            if t_s - since >= limit.dwell_s:
                return t_s
        return None

    def first_s(self, level: Level) -> float | None:
        """When we first said `level` or worse."""
        for t_s, severity in zip(self.times_s, self.said, strict=True):
            if severity >= level.severity:
                return t_s
        return None

    def lead_s(self, profile: ZoneProfile) -> float | None:
        """From our first L2 to the truth's L3, 0 where it came later; `None` without an L3."""
        onset, first_l2 = self.onset_s(Level.L3, profile), self.first_s(Level.L2)
        if onset is None:
            return None
        return 0.0 if first_l2 is None else max(0.0, onset - first_l2)

    def possible_lead_s(self, profile: ZoneProfile) -> float | None:
        """From the first person in the zone to the true L3: no sign in this zone can lead more."""
        onset = self.onset_s(Level.L3, profile)
        times = zip(self.times_s, self.truth_per_m2, strict=True)
        first = next((t_s for t_s, density in times if density > 0.0), None)
        return None if onset is None or first is None else onset - first

    def density_errors(self) -> tuple[Float64Array, Float64Array]:
        """True densities and our error, both (T,) per m², where something was measured."""
        return _errors(self.truth_per_m2, self.density_per_m2)

    def speed_errors(self) -> tuple[Float64Array, Float64Array]:
        """True median speeds and our error, both (T,) in m/s, where both are known."""
        return _errors(self.true_mps, self.speed_mps)


def _errors(
    true: list[float] | list[float | None], measured: list[float | None]
) -> tuple[Float64Array, Float64Array]:
    pairs = [
        (truth, value - truth)
        for truth, value in zip(true, measured, strict=True)
        if truth is not None and value is not None
    ]
    table = np.array(pairs).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def read_recordings(path: Path | None) -> Iterator[Recording]:
    """The recordings of a results file; a last line that was cut off is left out."""
    for kept in kept_lines(path):
        of = {"key": Key(**kept["key"]), "columns": tuple(kept["columns"])}
        yield Recording(**(kept | of))


__all__ = ["BEGAN", "FEWEST_WALKERS", "Key", "Recording", "Run", "read_recordings"]
