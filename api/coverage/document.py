"""The audit as a document: what JSON, CSV, PDF and the next audit's comparison all read.

Figures are rounded once, here: m² and m to the millimetre, shares to four decimals. Every other
form prints these values, so the forms cannot differ from each other.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from api.coverage.document_uptime import Uptime
from api.coverage.errors import AuditFileError
from api.coverage.seal import digest_of

Point = tuple[float, float]
Rings = list[list[Point]]
"""A polygon: its outer ring, then its holes."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Name(_Part):
    """A name in both languages."""

    zh: str
    en: str


class Totals(_Part):
    """Sums over areas; an overlap of two areas counts in both.

    `weighted_share` is sum(weight x assured) / sum(weight x area); `least_critical_share` the
    worst assured share of a critical area.
    """

    areas: int
    areas_met: int
    required_m2: float
    seen_m2: float
    seen_twice_m2: float
    single_m2: float
    assured_m2: float
    blind_m2: float
    assured_share: float
    weighted_share: float
    least_critical_share: float | None
    largest_blind_m2: float
    forbidden_views: int


class Spot(_Part):
    """A blind spot; `number` is unique in the audit and stands on the drawing.

    `cause` is a `vision.coverage.blind_causes.BlindCause`; empty in audits from before it was told.
    """

    number: int
    area_m2: float
    radius_m: float
    centre_xy_m: Point
    polygon: Rings
    cause: str = ""


class StepSeen(_Part):
    """What is seen at one step of the ladder."""

    name: str
    px_per_m: float
    seen_m2: float
    polygons: list[Rings]


class OnlyBy(_Part):
    """Area that one camera shows, or alone shows."""

    camera_id: str
    area_m2: float


class RetentionPart(_Part):
    """How long the recordings of an area's cameras are kept, against what the area asks for.

    `state` is `unstated` where nobody said how long the school's own recorder keeps. `kept_days`
    is that of the camera that is kept the least; `short_cameras` those that fall short.
    """

    asked_days: int
    state: Literal["met", "short", "unstated"]
    kept_days: float | None
    short_cameras: list[str]


class AreaPart(_Part):
    """One required area.

    `steep_faces_m2` is seen area in which every camera looks down on faces more steeply than the
    method's limit; null where faces do not matter.
    """

    id: str
    name: Name
    level: str
    least_px_per_m: float
    planes: list[str]
    redundancy: int
    weight: float
    critical: bool
    retention_days: int
    area_m2: float
    seen_m2: float
    seen_twice_m2: float
    single_m2: float
    assured_m2: float
    assured_share: float
    blind_m2: float
    met: bool
    steepest_face_deg: float | None
    steep_faces_m2: float | None = None
    steps: list[StepSeen]
    seen_by: list[OnlyBy] = []
    retention: RetentionPart | None = None
    only_by: list[OnlyBy]
    blind: list[Spot]
    slivers_m2: float
    polygon: Rings


class ForbiddenPart(_Part):
    """A forbidden place; each view into it is a finding."""

    id: str
    name: Name
    kind: str
    polygon: Rings
    views: list[ForbiddenSeen]


class ForbiddenSeen(_Part):
    """A camera that can see into a forbidden place: even with doors as drawn, or only open.

    `preset` is where a camera that turns has to look for it; empty for its home preset.
    """

    camera_id: str
    preset: str = ""
    seen_m2: float
    most_px_per_m: float
    doors_as_drawn: bool


class Deviation(_Part):
    """As built against planned."""

    turn_deg: float
    moved_m: float
    footprint_share: float
    differs: bool


class PresetPart(_Part):
    """Where else a camera that turns is sent; coverage does not count it."""

    id: str
    name: Name
    pan_deg: float
    tilt_deg: float
    hfov_deg: float


class CameraPart(_Part):
    """One camera with what follows from its pose and lens.

    `reach_m` is the depth along the axis at which a step ends; `range_m` is told where the site
    file counts the camera no further than that.
    """

    id: str
    name: Name
    x_m: float
    y_m: float
    z_m: float
    pan_deg: float
    tilt_deg: float
    roll_deg: float
    hfov_deg: float
    width_px: int
    height_px: int
    dead_zone_floor_m: float | None
    dead_zone_head_m: float | None
    reach_m: dict[str, float]
    range_m: float | None = None
    calibrated: bool
    deviation: Deviation | None
    ptz: bool = False
    presets: list[PresetPart] = []


class UnderlayPart(_Part):
    """The picture under a floor's plan; `matrix` as in `config.site.Underlay`."""

    file: str
    sha256: str
    width_px: int
    height_px: int
    matrix: tuple[float, float, float, float]


class KeyAreaPart(_Part):
    """One kind of key place: which areas belong to it, or why the site has none."""

    id: str
    name: Name
    area_ids: list[str]
    absent_because: str
    filled: bool


class WallPart(_Part):
    """A wall or door as drawn, for the plan drawing."""

    points: list[Point]
    kind: Literal["wall", "glass", "door_open", "door_shut"]


class FloorPart(_Part):
    """One floor."""

    id: str
    name: Name
    building: Name | None
    totals: Totals
    outline: Rings
    lines: list[WallPart]
    obstacles: list[Rings]
    areas: list[AreaPart]
    forbidden: list[ForbiddenPart]
    cameras: list[CameraPart]
    underlay: UnderlayPart | None = None


class BuildingPart(_Part):
    """Sums of the floors that name the same building."""

    name: Name
    totals: Totals


class Method(_Part):
    """How the figures came about."""

    assured_chance: float
    draws: int
    cell_m: float
    pose_error: dict[str, float]
    calibrated_error: dict[str, float]
    most_face_pitch_deg: float | None = None


class Confirmation(_Part):
    """The named person who read the audit and stands for it."""

    name: str
    at: str


class AreaThen(_Part):
    """An area that changed since the last audit; a side is null where it did not exist."""

    area_id: str
    name: Name
    assured_before_m2: float | None
    assured_after_m2: float | None
    change_m2: float


class SinceLast(_Part):
    """What changed since the last audit; views as (forbidden place, camera)."""

    sha256: str
    made_at: str
    same_ladder: bool
    areas: list[AreaThen]
    cameras_added: list[str]
    cameras_removed: list[str]
    cameras_changed: list[str]
    views_added: list[tuple[str, str]]
    views_removed: list[tuple[str, str]]


class AuditDocument(_Part):
    """A coverage audit of a site. `sha256` covers everything else in it.

    `timezone` is the site's own, for people who read the times; `made_at` itself is UTC.
    """

    format: Literal["xiaoan-coverage-audit-1"] = "xiaoan-coverage-audit-1"
    site_id: str
    site_name: Name
    site_sha256: str
    recording_sha256: str = ""
    made_at: str
    timezone: str = ""
    ladder_id: str
    ladder_edition: str
    method: Method
    totals: Totals
    buildings: list[BuildingPart]
    floors: list[FloorPart]
    key_areas: list[KeyAreaPart] = []
    uptime: Uptime | None = None
    since_last: SinceLast | None = None
    confirmation: Confirmation | None = None
    sha256: str = ""

    @property
    def areas(self) -> list[tuple[FloorPart, AreaPart]]:
        return [(floor, area) for floor in self.floors for area in floor.areas]

    def digest(self) -> str:
        """The sha256 of the canonical JSON without the sha256 itself."""
        return digest_of(self.model_dump(mode="json", exclude={"sha256"}))

    def sealed(self) -> AuditDocument:
        """The same document with its sha256 filled in."""
        return self.model_copy(update={"sha256": self.digest()})

    def with_uptime(self, uptime: Uptime) -> AuditDocument:
        """The same audit with the running record, sealed anew."""
        return self.model_copy(update={"uptime": uptime}).sealed()

    def with_since_last(self, since_last: SinceLast) -> AuditDocument:
        """The same audit with what changed since the last one, sealed anew."""
        return self.model_copy(update={"since_last": since_last}).sealed()

    def confirmed(self, name: str, at: str) -> AuditDocument:
        """The same figures, confirmed by a named person, sealed anew.

        Raises:
            AuditFileError: without a name, or where somebody has confirmed them already.
        """
        if self.confirmation is not None:
            first = self.confirmation
            raise AuditFileError(
                f"the audit was confirmed by {first.name} at {first.at}; "
                "give the draft that was read, or audit again"
            )
        if not name.strip():
            raise AuditFileError("a confirmation needs a person's name; give one")
        who = Confirmation(name=name.strip(), at=at)
        return self.model_copy(update={"confirmation": who}).sealed()


ForbiddenPart.model_rebuild()
