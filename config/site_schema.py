"""The site file as it is written: one pydantic model per group of keys.

Lengths are metres, angles degrees, in the plan frame of the floor (x right, y up, z up). What can
be said of a value by itself is said here; what needs other values is checked in `site_build`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from config.secret_reference import SecretReference
from config.words import Words

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
Metres = Annotated[float, Field(ge=-100_000.0, le=100_000.0)]
PointXY = tuple[Metres, Metres]
PointXYZ = tuple[Metres, Metres, Metres]
HeightM = Annotated[float, Field(gt=0.0, le=200.0)]

AreaLevel = Literal[
    "detect",
    "observe",
    "recognise",
    "identify",
    "overview",
    "outline",
    "discern",
    "perceive",
    "characterise",
    "validate",
    "scrutinise",
]
AreaPlane = Literal["floor", "head"]
ForbiddenKind = Literal[
    "dormitory_room", "toilet", "bath", "changing_room", "nursing_room", "fitting_room"
]
Material = Literal["solid", "glass"]
DoorState = Literal["open", "shut"]


class Keys(BaseModel):
    """A group of keys: unknown ones are refused, numbers in quotes are not numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class TextKeys(Keys):
    zh: Words
    en: Words


class AbsentKeyAreaKeys(Keys):
    """A key place that the site does not have, and why."""

    id: Id
    because: Annotated[str, Field(min_length=1, max_length=200)]


class SiteKeys(Keys):
    id: Id
    name: TextKeys
    timezone: str
    absent_key_areas: tuple[AbsentKeyAreaKeys, ...] = ()
    profiles: Annotated[str, Field(min_length=1)] | None = None


class WallKeys(Keys):
    points: Annotated[tuple[PointXY, ...], Field(min_length=2)]
    # Not written: up to the floor's ceiling, and 3 m where it has none.
    height_m: HeightM | None = None
    material: Material = "solid"


class DoorKeys(Keys):
    id: Id
    name: TextKeys
    start: Annotated[PointXY, Field(alias="from")]
    end: Annotated[PointXY, Field(alias="to")]
    state: DoorState = "shut"
    material: Material = "solid"
    height_m: HeightM = 2.1


class ObstacleKeys(Keys):
    id: Id
    name: TextKeys
    polygon: tuple[PointXY, ...]
    height_m: HeightM


class RequiredAreaKeys(Keys):
    id: Id
    name: TextKeys
    polygon: tuple[PointXY, ...]
    level: AreaLevel
    planes: Annotated[tuple[AreaPlane, ...], Field(min_length=1)] = ("head",)
    head_height_m: Annotated[float, Field(ge=0.5, le=2.2)] = 1.5
    weight: Annotated[float, Field(gt=0.0, le=100.0)] = 1.0
    critical: bool = False
    redundancy: Annotated[int, Field(ge=1, le=4)] = 1
    # Order 799, article 17: at least 30 days.
    retention_days: Annotated[int, Field(ge=30, le=3650)] = 30
    key_areas: tuple[Id, ...] = ()


class ForbiddenAreaKeys(Keys):
    id: Id
    name: TextKeys
    polygon: tuple[PointXY, ...]
    kind: ForbiddenKind


class UnderlayPointKeys(Keys):
    """A point of the picture, from its upper left corner, and where it lies on the plan."""

    px: tuple[float, float]
    at: PointXY


class UnderlayKeys(Keys):
    file: Annotated[str, Field(min_length=1, max_length=200)]
    points: Annotated[tuple[UnderlayPointKeys, ...], Field(min_length=2, max_length=2)]


class FloorKeys(Keys):
    id: Id
    name: TextKeys
    building: TextKeys | None = None
    elevation_m: Metres = 0.0
    outline: tuple[PointXY, ...]
    ceiling_m: HeightM | None = None
    underlay: UnderlayKeys | None = None
    walls: tuple[WallKeys, ...] = ()
    doors: tuple[DoorKeys, ...] = ()
    obstacles: tuple[ObstacleKeys, ...] = ()
    required_areas: tuple[RequiredAreaKeys, ...] = ()
    forbidden_areas: tuple[ForbiddenAreaKeys, ...] = ()


class PlaneKeys(Keys):
    z: Metres | None = None
    through: Annotated[tuple[PointXYZ, ...], Field(min_length=3)] | None = None


class ExitKeys(Keys):
    id: Id
    start: Annotated[PointXY, Field(alias="from")]
    end: Annotated[PointXY, Field(alias="to")]


class ZoneKeys(Keys):
    id: Id
    name: TextKeys
    floor: str
    type: Literal["stairs", "corridor", "gate", "square"]
    polygon: tuple[PointXY, ...]
    plane: PlaneKeys = PlaneKeys(z=0.0)
    head_height_m: Annotated[float, Field(ge=0.5, le=2.2)] = 1.5
    width_m: Annotated[float, Field(gt=0.0, le=200.0)] | None = None
    axis_deg: Annotated[float, Field(ge=-360.0, le=360.0)] | None = None
    exits: tuple[ExitKeys, ...] = ()


class PoseKeys(Keys):
    x_m: Metres
    y_m: Metres
    z_m: Annotated[float, Field(gt=0.0, le=200.0)]
    pan_deg: Annotated[float, Field(ge=-360.0, le=360.0)]
    tilt_deg: Annotated[float, Field(ge=-45.0, le=90.0)]
    roll_deg: Annotated[float, Field(ge=-180.0, le=180.0)] = 0.0


_Side = Annotated[int, Field(ge=64, le=16384)]


class LensKeys(Keys):
    width_px: _Side
    height_px: _Side
    hfov_deg: Annotated[float, Field(ge=1.0, le=170.0)] | None = None
    focal_px: Annotated[float, Field(gt=1.0, le=1_000_000.0)] | None = None
    k1: Annotated[float, Field(ge=-1.0, le=1.0)] = 0.0
    k2: Annotated[float, Field(ge=-1.0, le=1.0)] = 0.0


class PresetKeys(Keys):
    """Another direction that a camera which turns is sent to, from the same mount."""

    id: Id
    name: TextKeys
    pan_deg: Annotated[float, Field(ge=-360.0, le=360.0)]
    tilt_deg: Annotated[float, Field(ge=-45.0, le=90.0)]
    hfov_deg: Annotated[float, Field(ge=1.0, le=170.0)] | None = None


class CalibrationKeys(Keys):
    """What `xiaoan calibrate` notes beside the pose it wrote."""

    date: str
    pairs: Annotated[int, Field(ge=1)]
    rms_px: Annotated[float, Field(ge=0.0)]
    rms_m: Annotated[float, Field(ge=0.0)]


class CameraKeys(Keys):
    id: Id
    name: TextKeys
    floor: str
    uri: str
    sub_uri: str | None = None
    squeezed_px: tuple[_Side, _Side] | None = None
    credentials: SecretReference | None = None
    lens: LensKeys | None = None
    pose: PoseKeys | None = None
    planned_pose: PoseKeys | None = None
    ptz: bool = False
    presets: tuple[PresetKeys, ...] = ()
    range_m: Annotated[float, Field(ge=1.0, le=500.0)] = 100.0
    calibration: CalibrationKeys | None = None
    zones: tuple[str, ...] = ()
    analysed_fps: Annotated[float, Field(ge=0.1, le=30.0)] = 5.0


class SiteFileKeys(Keys):
    """The root. The lists are read item by item, so that one bad item hides no other."""

    format: Literal[1]
    site: Any
    floors: tuple[Any, ...]
    zones: tuple[Any, ...] = ()
    cameras: tuple[Any, ...] = ()
