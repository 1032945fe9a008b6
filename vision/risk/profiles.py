"""Thresholds of a kind of place: when its level rises, when it falls, and which rules promote it.

A profile carries no number of its own: `config/profiles/default.yaml` is the packaged set and names
where each number comes from. "engineering judgement" there means that no standard states it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from vision.errors import VisionError
from vision.geometry.zones import ZoneType
from vision.risk.readings import Level


class ProfileError(VisionError):
    """A profile that cannot be used; `key` names the wrong value inside the profile."""

    def __init__(self, key: str, text: str) -> None:
        super().__init__(f"{key}: {text}")
        self.key = key
        self.text = text


@dataclass(frozen=True, slots=True)
class LevelThreshold:
    """A density that starts a level, and how long it must hold first."""

    threshold_per_m2: float
    dwell_s: float
    source: str


@dataclass(frozen=True, slots=True)
class SlowDenseQueue:
    """At least `level` when density is high and hardly anybody moves.

    `stopped_share` asks for more than the half that a low median means: beside pupils who stand in
    line along a wall others still walk past. Farther than `reach_m` from every exit of the zone it
    counts only while at least `growth_per_s` more come in than go: a few parents who stand and wait
    are as dense, and nobody presses on.
    """

    density_per_m2: float = 3.0
    speed_mps: float = 0.2
    stopped_share: float = 0.0
    reach_m: float = math.inf
    growth_per_s: float = 0.3
    dwell_s: float = 5.0
    level: Level = Level.L3
    enabled: bool = True
    source: str = ""


@dataclass(frozen=True, slots=True)
class OutflowStop:
    """At least `level` when a queue's outflow per metre collapses while more people come in.

    A queue has its densest place within `reach_m` of an exit, where the zone has exits: parents who
    stand beside the way of a class are none.
    """

    flow_per_m_s: float = 0.8
    density_per_m2: float = 2.5
    reach_m: float = 3.0
    dwell_s: float = 15.0
    level: Level = Level.L3
    enabled: bool = True
    source: str = ""


@dataclass(frozen=True, slots=True)
class GrowingQueue:
    """At least `level` when a slow queue grows although people still get out.

    A jam forms at a bottleneck before the inflow passes what the width can carry, so the sign is
    the growth and not the demand. Its densest place lies within `reach_m` of an exit, where the
    zone has exits: pupils who stand and talk elsewhere are no queue. It is longer by `longer_by`
    people than when it was shortest in the forecast's window (0: nobody counts): of those who come
    to a crowd that waits two now and then come together.
    """

    density_per_m2: float = 1.5
    speed_mps: float = 0.4
    flow_per_m_s: float = 0.8
    growth_per_s: float = 0.1
    longer_by: float = 0.0
    people: float = 4.0
    reach_m: float = 3.0
    dwell_s: float = 4.0
    level: Level = Level.L2
    enabled: bool = True
    source: str = ""


@dataclass(frozen=True, slots=True)
class StopAndGo:
    """At least `level` when a dense crowd stands and sets off again and again.

    A stop is a fall of the median speed from above `walk_mps` to below `stand_mps`, within the
    window of the forecast.
    """

    density_per_m2: float = 2.0
    stand_mps: float = 0.15
    walk_mps: float = 0.35
    stops: float = 2.0
    dwell_s: float = 3.0
    level: Level = Level.L2
    enabled: bool = True
    source: str = ""


@dataclass(frozen=True, slots=True)
class NarrowedExit:
    """At least `level` when people bend into at most `share` of an exit and fill that part.

    The rest of the exit lets nobody through: a leaf that stayed shut, or something in the way.
    `flow_per_m_s` is the flow through the used part, per metre of it.
    """

    share: float = 0.5
    flow_per_m_s: float = 0.66
    people: float = 4.0
    dwell_s: float = 0.0
    level: Level = Level.L2
    enabled: bool = True
    source: str = ""


@dataclass(frozen=True, slots=True)
class ShutDoor:
    """At least `level` when a door is known to be shut and more people come than the rest passes.

    More than `share` of `flow_per_m_s` through the open width, and at least `arrivals_per_m_s` per
    metre of the whole width. Arrivals are of those who walk to the exit, here and upstream, so the
    sign needs no queue. Silent where no door is known to be shut.
    """

    share: float = 0.7
    flow_per_m_s: float = 1.1
    arrivals_per_m_s: float = 0.12
    dwell_s: float = 2.0
    level: Level = Level.L2
    enabled: bool = True
    source: str = ""


@dataclass(frozen=True, slots=True)
class DemandOverCapacity:
    """At least `level` when people arrive faster than the width can pass them.

    `against_per_m_s` is the capacity against the zone's axis (up a stair).
    """

    along_per_m_s: float = 1.3
    against_per_m_s: float = 1.3
    dwell_s: float = 5.0
    level: Level = Level.L1
    enabled: bool = True
    source: str = ""


@dataclass(frozen=True, slots=True)
class JamDensity:
    """In a jam - while `GrowingQueue` counts - density that passes a threshold counts at once.

    Up to `ceiling` where the jam is slower than `speed_mps`, or has passed L3's threshold while
    less than `flow_per_m_s` leave; else up to `flowing_ceiling`.
    """

    speed_mps: float = 0.25
    flow_per_m_s: float = 0.5
    dwell_s: float = 3.0
    ceiling: Level = Level.L4
    flowing_ceiling: Level = Level.L2
    enabled: bool = True
    source: str = ""


@dataclass(frozen=True, slots=True)
class TimeToNextLevel:
    """One level more when density, rising as it did over `window_s`, reaches it in `horizon_s`.

    L3 and L4 are foretold by `alarm_horizon_s` at most: a jam that slows its growth reaches them
    later than its rise says, or never.
    A jam counts as having the level that `JamDensity` gives it, and the forecast may give it up to
    `ceiling`. A crowd that flows gets no forecast above `flowing_ceiling`: a class that arrives is
    denser every second too.
    """

    horizon_s: float = 60.0
    alarm_horizon_s: float = 40.0
    window_s: float = 25.0
    dwell_s: float = 3.0
    ceiling: Level = Level.L4
    flowing_ceiling: Level = Level.L2
    enabled: bool = True
    source: str = ""


@dataclass(frozen=True, slots=True)
class CounterFlow:
    """One level more, up to `ceiling`, when a good part of the crowd walks against the rest."""

    minority_share: float = 0.25
    density_per_m2: float = 1.5
    dwell_s: float = 10.0
    ceiling: Level = Level.L4
    enabled: bool = True
    source: str = ""


@dataclass(frozen=True, slots=True)
class DarkOccupied:
    """At least `level` at once when the place is dark and more than `people` are in it.

    A picture taken by infrared light is bright and says nothing of what people can see: a camera
    that changes to infrared says that the place is dark.

    `blind_luminance`: below it a picture says nothing about absence, so the zone is UNKNOWN
    unless what is seen is already a warning.
    """

    luminance: float = 0.12
    blind_luminance: float = 0.03
    people: float = 3.0
    dwell_s: float = 0.0
    level: Level = Level.L2
    enabled: bool = True
    source: str = ""


@dataclass(frozen=True, slots=True)
class BlockedExit:
    """At least `level` when people keep coming in, nobody gets out, and they begin to stand.

    Density, the share of standing people and a densest place within `reach_m` of an exit (where
    the zone has exits) keep a corridor that just fills, or one where pupils chat, out of it.
    """

    inflow_per_s: float = 0.2
    outflow_per_s: float = 0.0
    people: float = 4.0
    density_per_m2: float = 1.0
    stopped_share: float = 0.3
    reach_m: float = 3.0
    dwell_s: float = 10.0
    level: Level = Level.L3
    enabled: bool = True
    source: str = ""


@dataclass(frozen=True, slots=True)
class FallenPerson:
    """At least `level` when somebody lies in the way while others come on."""

    inflow_per_s: float = 0.2
    dwell_s: float = 2.0
    level: Level = Level.L4
    enabled: bool = True
    source: str = ""


@dataclass(frozen=True, slots=True)
class Pressure:
    """One level more, up to `ceiling`, when a dense crowd is pushed to and fro as one.

    Density x velocity variance supports what density says and is no alarm by itself: a class that
    sets off together moves as one too.
    """

    pressure_per_s2: float = 0.02
    density_per_m2: float = 3.0
    dwell_s: float = 5.0
    ceiling: Level = Level.L4
    enabled: bool = True
    source: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """The promotion rules of a profile, each with its switch."""

    slow_dense_queue: SlowDenseQueue = field(default_factory=SlowDenseQueue)
    outflow_stop: OutflowStop = field(default_factory=OutflowStop)
    growing_queue: GrowingQueue = field(default_factory=GrowingQueue)
    stop_and_go: StopAndGo = field(default_factory=StopAndGo)
    narrowed_exit: NarrowedExit = field(default_factory=NarrowedExit)
    shut_door: ShutDoor = field(default_factory=ShutDoor)
    demand_over_capacity: DemandOverCapacity = field(default_factory=DemandOverCapacity)
    jam_density: JamDensity = field(default_factory=JamDensity)
    time_to_next_level: TimeToNextLevel = field(default_factory=TimeToNextLevel)
    counter_flow: CounterFlow = field(default_factory=CounterFlow)
    dark_occupied: DarkOccupied = field(default_factory=DarkOccupied)
    blocked_exit: BlockedExit = field(default_factory=BlockedExit)
    fallen_person: FallenPerson = field(default_factory=FallenPerson)
    pressure: Pressure = field(default_factory=Pressure)


@dataclass(frozen=True, slots=True)
class ZoneProfile:
    """How one kind of place is judged.

    Attributes:
        id: stored with every reading.
        levels: thresholds of L1, L2, L3, L4, rising.
        leave_ratio, leave_s: a level is left when density stays below `leave_ratio` x its
            threshold for `leave_s`; a rule is left when it has not held for `leave_s`.
        confidence_sigma: a level is raised when density minus this many standard errors passes
            its threshold; `could_be` uses density plus as many.
        smoothing_s: density is judged by its median over this long.
        max_gap_s: a longer silence restarts every dwell.
        reviewer: who reviewed these numbers; empty where nobody has.

    Raises:
        ProfileError: naming the key, for thresholds that do not rise, negative times and the like.
    """

    id: str
    zone_type: ZoneType
    levels: tuple[LevelThreshold, LevelThreshold, LevelThreshold, LevelThreshold]
    leave_ratio: float = 0.8
    leave_s: float = 30.0
    rules: Rules = field(default_factory=Rules)
    confidence_sigma: float = 0.5
    smoothing_s: float = 2.0
    max_gap_s: float = 2.0
    reviewer: str = ""

    def __post_init__(self) -> None:
        if len(self.levels) != 4:
            raise ProfileError("levels", f"needs L1, L2, L3 and L4, got {len(self.levels)}")
        before = 0.0
        for name, level in zip(("L1", "L2", "L3", "L4"), self.levels, strict=True):
            if not (math.isfinite(level.threshold_per_m2) and level.threshold_per_m2 > before):
                raise ProfileError(
                    f"levels.{name}.threshold_per_m2",
                    f"must be above {before:g} per m² (the levels rise), "
                    f"got {level.threshold_per_m2:g}",
                )
            if not 0.0 <= level.dwell_s <= 600.0:
                raise ProfileError(f"levels.{name}.dwell_s", "must lie in 0..600 s")
            before = level.threshold_per_m2
        self._check_ranges()

    def _check_ranges(self) -> None:
        ranges = {
            "leave_ratio": (self.leave_ratio, 0.1, 1.0),
            "leave_s": (self.leave_s, 0.0, 3600.0),
            "confidence_sigma": (self.confidence_sigma, 0.0, 3.0),
            "smoothing_s": (self.smoothing_s, 0.0, 10.0),
            "max_gap_s": (self.max_gap_s, 0.5, 60.0),
        }
        for key, (value, low, high) in ranges.items():
            if not low <= value <= high:
                raise ProfileError(key, f"must lie in {low:g}..{high:g}, got {value:g}")

    def threshold_of(self, level: Level) -> LevelThreshold:
        """The threshold that starts `level`, which must be L1 to L4."""
        return self.levels[level.severity - 1]


__all__ = [
    "BlockedExit",
    "CounterFlow",
    "DarkOccupied",
    "DemandOverCapacity",
    "FallenPerson",
    "GrowingQueue",
    "JamDensity",
    "LevelThreshold",
    "NarrowedExit",
    "OutflowStop",
    "Pressure",
    "ProfileError",
    "Rules",
    "ShutDoor",
    "SlowDenseQueue",
    "StopAndGo",
    "TimeToNextLevel",
    "ZoneProfile",
]
