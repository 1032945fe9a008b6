"""The site: buildings' floors, zones and cameras as frozen values, checked when they were loaded.

Every floor has a metric plan frame of its own: x right, y up, z up from the floor's zero level.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from shapely.geometry import Polygon

from config.camera_uri import CameraUri
from config.errors import FileProblem
from config.site_folder import SiteFolder
from vision.geometry.camera import Camera, Pose
from vision.geometry.zones import Zone

PointXYM = tuple[float, float]

RANGE_M = 100.0
"""How far coverage counts a camera of which the site file says nothing."""


@dataclass(frozen=True, slots=True)
class LocalText:
    """A name in Chinese and English."""

    zh: str
    en: str

    def in_language(self, language: str) -> str:
        """The English text for `en`, the Chinese one for anything else."""
        return self.en if language == "en" else self.zh


@dataclass(frozen=True, slots=True)
class Wall:
    """A wall along a polyline, from the floor up to `height_m` (z in the plan frame).

    Glass is a barrier to people and none to sight.
    """

    points_xy_m: tuple[PointXYM, ...]
    height_m: float
    material: Literal["solid", "glass"] = "solid"


@dataclass(frozen=True, slots=True)
class Door:
    """A door leaf on the plan from `start_xy_m` to `end_xy_m`; shut and solid, it hides."""

    id: str
    name: LocalText
    start_xy_m: PointXYM
    end_xy_m: PointXYM
    state: Literal["open", "shut"]
    material: Literal["solid", "glass"] = "solid"
    height_m: float = 2.1


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A solid thing on the floor up to `height_m`, such as a cupboard or a table."""

    id: str
    name: LocalText
    polygon_xy_m: Polygon
    height_m: float


@dataclass(frozen=True, slots=True)
class RequiredArea:
    """An area that must be seen.

    Attributes:
        level: a step of a pixel-density ladder by name, e.g. `recognise`; the ladder's edition
            gives the number.
        planes: which planes must be seen: `floor`, `head` or both.
        head_height_m: height of the head plane above the floor.
        weight: in the weighted coverage.
        critical: listed by itself, and an alarm when it goes blind.
        redundancy: how many cameras must see each place.
        retention_days: how long recordings are kept.
        key_areas: kinds of key places that it belongs to, see `config.key_areas`.
    """

    id: str
    floor_id: str
    name: LocalText
    polygon_xy_m: Polygon
    level: str
    planes: tuple[Literal["floor", "head"], ...] = ("head",)
    head_height_m: float = 1.5
    weight: float = 1.0
    critical: bool = False
    redundancy: int = 1
    retention_days: int = 30
    key_areas: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ForbiddenArea:
    """A place that no camera may see into, such as a toilet or a dormitory room."""

    id: str
    floor_id: str
    name: LocalText
    polygon_xy_m: Polygon
    kind: str


Area = RequiredArea | ForbiddenArea


@dataclass(frozen=True, slots=True)
class Underlay:
    """A picture that lies under the plan, such as a scanned drawing.

    Attributes:
        file: relative to the site folder; `path` is where it lies.
        matrix: a, b, x0, y0: the pixel (u, v) lies at x = a u + b v + x0, y = b u - a v + y0, in
            metres. The picture is neither sheared nor mirrored.
    """

    file: str
    path: Path
    matrix: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Floor:
    """One floor, or a yard, with its plan frame.

    Attributes:
        elevation_m: height of the plan frame's zero level above the site's.
        outline: what belongs to the floor; zones and areas lie inside it.
        ceiling_m: height of the ceiling; `None` outdoors.
    """

    id: str
    name: LocalText
    elevation_m: float
    outline: Polygon
    building: LocalText | None = None
    ceiling_m: float | None = None
    walls: tuple[Wall, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    doors: tuple[Door, ...] = ()
    areas: tuple[Area, ...] = ()
    underlay: Underlay | None = None


@dataclass(frozen=True, slots=True)
class CalibrationNote:
    """How a camera's pose was found: the date, the number of pairs, and their residuals."""

    date: str
    pairs: int
    rms_px: float
    rms_m: float


@dataclass(frozen=True, slots=True)
class Preset:
    """Another direction of a camera that turns: pose and lens as they are there."""

    id: str
    name: LocalText
    camera: Camera


@dataclass(frozen=True, slots=True)
class SiteCamera:
    """A camera of the site.

    Attributes:
        uri: main stream; `sub_uri` the smaller stream that is analysed when there is one.
        camera: pose and lens as calibrated, in the plan frame of `floor_id`.
        zone_ids: the zones that it measures.
        squeezed_px: width and height of the analysed stream where it shows the calibrated view
            with pixels that are not square, as 704x576 of a 16:9 lens.
        analysed_fps: pictures analysed a second.
        planned_pose: where it was meant to hang and look, for the as-built check.
        ptz: it can turn; its pose is the home preset, the only one that coverage counts.
        presets: the other directions it is sent to; none may look into a forbidden place.
        range_m: as far as coverage counts it, e.g. as far as its infrared lamps reach.
    """

    id: str
    name: LocalText
    floor_id: str
    uri: CameraUri
    camera: Camera
    zone_ids: tuple[str, ...]
    sub_uri: CameraUri | None = None
    analysed_fps: float = 5.0
    planned_pose: Pose | None = None
    calibration: CalibrationNote | None = None
    ptz: bool = False
    squeezed_px: tuple[int, int] | None = None
    presets: tuple[Preset, ...] = ()
    range_m: float = RANGE_M


@dataclass(frozen=True, slots=True)
class Site:
    """Everything a site file says; ids are unique within their kind.

    Attributes:
        zone_names: name of each zone by id.
        directory: the folder of the site file, to which films, secrets, sounds and drawings that
            it names are relative.
        read_from: where its files are read, when that is a copy that a run took of them; see
            `config.site_in_force`.
        notes: what is doubtful in the site file, and no reason to refuse it.
        sha256: of the site file's bytes, to say which site a record belongs to.
        profiles_file: the site's own threshold profiles; `None` for the packaged ones.
        absent_key_areas: kinds of key places that the site does not have, each with the reason.
    """

    id: str
    name: LocalText
    timezone: str
    floors: tuple[Floor, ...]
    zones: tuple[Zone, ...]
    cameras: tuple[SiteCamera, ...]
    zone_names: tuple[tuple[str, LocalText], ...]
    directory: Path
    sha256: str
    profiles_file: Path | None = None
    absent_key_areas: tuple[tuple[str, str], ...] = ()
    read_from: Path | None = None
    notes: tuple[FileProblem, ...] = ()

    @property
    def folder(self) -> SiteFolder:
        return SiteFolder(self.directory, self.read_from or self.directory)

    def file(self, name: str) -> Path:
        """Where a file or folder of settings beside the site file is read; it need not exist."""
        return self.folder.read_from / name

    @property
    def areas(self) -> tuple[Area, ...]:
        """The areas of all floors."""
        return tuple(area for floor in self.floors for area in floor.areas)

    def floor(self, floor_id: str) -> Floor:
        """Raises `KeyError` for an unknown id; so do the look-ups below."""
        return _by_id(self.floors, floor_id, "floor")

    def zone(self, zone_id: str) -> Zone:
        return _by_id(self.zones, zone_id, "zone")

    def zone_name(self, zone_id: str) -> LocalText:
        names = dict(self.zone_names)
        if zone_id not in names:
            raise KeyError(f"the site has no zone {zone_id!r}")
        return names[zone_id]

    def camera(self, camera_id: str) -> SiteCamera:
        return _by_id(self.cameras, camera_id, "camera")

    def zones_of(self, camera_id: str) -> tuple[Zone, ...]:
        """The zones that a camera measures, in its own order."""
        return tuple(self.zone(zone_id) for zone_id in self.camera(camera_id).zone_ids)

    def cameras_of(self, zone_id: str) -> tuple[SiteCamera, ...]:
        """The cameras that measure a zone."""
        self.zone(zone_id)
        return tuple(camera for camera in self.cameras if zone_id in camera.zone_ids)


_Item = TypeVar("_Item", Floor, Zone, SiteCamera)


def _by_id(items: tuple[_Item, ...], item_id: str, kind: str) -> _Item:
    for item in items:
        if item.id == item_id:
            return item
    raise KeyError(f"the site has no {kind} {item_id!r}")
