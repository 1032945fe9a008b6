"""What the system says about a zone at one instant."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vision.instants import Utc
from vision.risk.doors import DoorState


class Level(StrEnum):
    """Crowding of a zone. UNKNOWN is not a number below L0: nobody can say how full it is."""

    UNKNOWN = "UNKNOWN"
    L0 = "L0"
    L1 = "L1"
    L2 = "L2"
    L3 = "L3"
    L4 = "L4"

    @property
    def severity(self) -> int:
        """0 to 4.

        Raises:
            ValueError: for UNKNOWN, which has none.
        """
        if self is Level.UNKNOWN:
            raise ValueError("UNKNOWN has no severity; handle it by itself")
        return int(self.value[1])

    @classmethod
    def of_severity(cls, severity: int) -> Level:
        return cls(f"L{severity}")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a zone has its level: one rule with the numbers it compared.

    Attributes:
        rule: catalogue key, e.g. `density`, `slow_dense_queue`, `camera_lost`.
        measured, threshold: the compared numbers; `None` where the rule has none.
        unit: of both numbers, e.g. `1/m²`, `m/s`, `s`; empty where there are none.
        held_s: for how long the condition has held.
        source: where the threshold comes from (profile text), e.g. `Fruin F`.
    """

    rule: str
    measured: float | None = None
    threshold: float | None = None
    unit: str = ""
    held_s: float = 0.0
    source: str = ""


@dataclass(frozen=True, slots=True)
class ZoneMeasurement:
    """Numbers measured in a zone from one picture of each camera that sees it.

    Densities are persons per m² of horizontally projected area, counted on the head plane.

    Attributes:
        captured_at: capture time of the oldest picture that went in.
        people, people_std: persons inside the seen part of the zone, and its standard error.
        density_peak_per_m2, density_peak_std_per_m2: largest mean density within 1 m of any
            place in the zone, and its standard error.
        peak_xy_m: where that is on the plan; `None` where nobody is.
        density_mean_per_m2: people over the seen area.
        visible_share: seen share of the zone's area, 0..1.
        black_share: share of what its cameras are meant to see of it that is black in all their
            pictures, 0..1: a part of the lens is covered, or there is no light.
        lost_share: share of the same that only cameras see which give no picture now, or one that
            is not believed, 0..1.
        speed_mps: median speed of the people; `None` where it cannot be told.
        inflow_per_s, outflow_per_s: persons a second into and out of the zone.
        minority_share: share of those walking who walk against the main direction, 0..0.5.
        pressure_per_s2: density x velocity variance, only where density is at least 3 per m².
        luminance: mean brightness of the zone's picture area, 0..1.
        stopped_share: share of tracked people slower than 0.2 m/s.
        outflow_per_m_s: outflow per metre of the zone's clear width and second.
        demand_per_m_s: expected arrivals per metre of width and second over the next minute.
        along_share: share of those walking who walk along the zone's axis ("out"), 0..1.
        infrared: 1 when the zone's pictures were taken by infrared light, but for those that show
            it dark; 0 when one shows it in the light; `None` where it cannot be told.
        fallen_people: people lying in the zone; `None` where nothing looks for them.
        peak_to_exit_m: from the densest place to the nearest exit line; `None` without exits.
        exit_used_share: share of an exit's clear width that people use (`vision.crowd.exit_use`),
            0..1.
        exit_used_flow_per_m_s: flow per metre of that part and second.
        count_doubt: by which share of the people a count that is higher disagrees; it widens the
            upper end alone.
        exit_open_share: at most this share of the clear width is open, by the doors that are known
            to be shut, 0..1; `None` where no door is watched, or where nothing is known to be shut
            and of some door nothing is known (`vision.risk.doors`). Of several exits, those that
            are most pressed among those to which the same people walk (`vision.risk.arrivals`).
        arriving_per_m_s: the most who will reach these exits within any 8 s, per metre of their
            whole width and second, of those who walk to them now, here and upstream.
        upstream_people: people in the zones that lead here; `None` where none of them is seen now.
    """

    zone_id: str
    captured_at: Utc
    people: float
    people_std: float
    density_peak_per_m2: float
    density_peak_std_per_m2: float
    peak_xy_m: tuple[float, float] | None
    density_mean_per_m2: float
    visible_share: float
    speed_mps: float | None = None
    inflow_per_s: float | None = None
    outflow_per_s: float | None = None
    minority_share: float | None = None
    pressure_per_s2: float | None = None
    luminance: float | None = None
    stopped_share: float | None = None
    outflow_per_m_s: float | None = None
    demand_per_m_s: float | None = None
    along_share: float | None = None
    fallen_people: int | None = None
    infrared: float | None = None
    peak_to_exit_m: float | None = None
    exit_used_share: float | None = None
    exit_used_flow_per_m_s: float | None = None
    count_doubt: float = 0.0
    exit_open_share: float | None = None
    arriving_per_m_s: float | None = None
    upstream_people: float | None = None
    black_share: float = 0.0
    lost_share: float = 0.0


@dataclass(frozen=True, slots=True)
class ZoneReading:
    """A level with its reasons, and the measurement behind it.

    `measurement` is `None` exactly when the level is UNKNOWN because nothing could be measured.
    `could_be` is the level at the upper end of the uncertainty, when higher than `level`.
    `doors` are the doors of the zone's exits that have a contact, as they stood for this level.
    """

    zone_id: str
    captured_at: Utc
    level: Level
    reasons: tuple[Reason, ...]
    measurement: ZoneMeasurement | None
    could_be: Level | None = None
    profile_id: str = ""
    model_id: str = ""
    doors: tuple[tuple[str, DoorState], ...] = ()
