"""Pages of the risk wall: the district's tiles, and one school's map with what stands on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from shapely.geometry import Polygon

from api.plan import hazard_store, task_store
from api.plan.asking import PlanDep, UnitId
from api.plan.errors import NotFoundRefusal
from api.plan.page_frame import Answer, Frame, WallPage, absent
from api.plan.service import PlanService
from api.plan.wall import Colour, SiteStand
from api.plan.wall_routes import body_of
from api.plan.wall_source import ledger_side, with_cameras
from config.site import Floor, Site
from config.texts import text
from vision.risk.readings import Level

router = APIRouter(prefix="/plan", tags=["plan pages"], include_in_schema=False)

_MARGIN_M = 1.0


@dataclass(frozen=True, slots=True)
class ZoneShape:
    """A zone on a floor: SVG points and the place of its words, metres, y downwards."""

    id: str
    zh: str
    en: str
    points: str
    x_m: float
    y_m: float


@dataclass(frozen=True, slots=True)
class FloorShape:
    """A floor as it is drawn; `view_box` is that of the SVG, in metres."""

    zh: str
    en: str
    view_box: str
    outline: str
    walls: tuple[str, ...]
    zones: tuple[ZoneShape, ...]


@router.get("/wall")
async def wall_page(request: Request, plan: PlanDep, viewer: WallPage) -> Answer:
    """One tile a unit, the worst first: colour, shape and words; old data grey with its time."""
    wall = await with_cameras(plan, await ledger_side(plan, viewer))
    frame = Frame(request, plan, viewer)
    values = {"wall": body_of(plan, wall), "clock": _clock(plan), "words": _words(frame.language)}
    return frame.draw("wall.html", values)


@router.get("/units/{unit_id}/map")
async def map_page(request: Request, unit_id: UnitId, plan: PlanDep, viewer: WallPage) -> Answer:
    """One school: floors with the level of each zone, its hazards and tasks, and the evidence."""
    try:
        async with plan.reading(viewer, unit_id) as (connection, desk):
            hazards = await hazard_store.listed(connection, desk.unit_no)
            tasks = await task_store.listed(connection, desk.unit_no)
    except NotFoundRefusal as error:
        raise absent(error) from error
    stand: SiteStand | None = None
    floors: tuple[FloorShape, ...] = ()
    if plan.cameras is not None and plan.watches(desk.unit):
        stand = await plan.cameras.stand()
        if plan.cameras.site is not None:
            floors = floor_shapes(plan.cameras.site)
    names = {} if plan.cameras is None else plan.cameras.desk.board.site.zone
    values = {
        "unit": desk.unit,
        "stand": stand,
        "elsewhere": plan.watched_elsewhere(desk.unit),
        "floors": floors,
        "zone_names": names,
        "level_of": {} if stand is None else {one.id: one for one in stand.zones},
        "hazards": hazards,
        "tasks": tasks,
        "clock": _clock(plan),
    }
    frame = Frame(request, plan, viewer)
    return frame.draw("map.html", {**values, "words": _words(frame.language)})


def floor_shapes(site: Site) -> tuple[FloorShape, ...]:
    """The floors that hold zones."""
    found = (_floor_shape(site, floor) for floor in site.floors)
    return tuple(floor for floor in found if floor.zones)


def _floor_shape(site: Site, floor: Floor) -> FloorShape:
    left, low, right, high = floor.outline.buffer(_MARGIN_M).bounds
    zones = tuple(
        ZoneShape(
            zone.id,
            site.zone_name(zone.id).zh,
            site.zone_name(zone.id).en,
            _points(zone.polygon_xy_m),
            round(zone.polygon_xy_m.representative_point().x, 2),
            round(-zone.polygon_xy_m.representative_point().y, 2),
        )
        for zone in site.zones
        if zone.floor_id == floor.id
    )
    return FloorShape(
        zh=floor.name.zh,
        en=floor.name.en,
        view_box=f"{left:.2f} {-high:.2f} {right - left:.2f} {high - low:.2f}",
        outline=_points(floor.outline),
        walls=tuple(
            " ".join(f"{x:.2f},{-y:.2f}" for x, y in one.points_xy_m) for one in floor.walls
        ),
        zones=zones,
    )


def _points(polygon: Polygon) -> str:
    return " ".join(f"{x:.2f},{-y:.2f}" for x, y, *_ in polygon.exterior.coords)


def _words(lang: str) -> dict[str, str]:
    """What the script writes: words of the wall, and of the levels."""
    names = (
        *(*Colour, "overdue", "missed", "hazards", "alarms", "unseen", "since", "no_cameras"),
        *("elsewhere", "stale", "lost", "signed_out", "sign_in", "page_of", "hold", "turn"),
    )
    words = {str(name): text(f"plan.wall.{name}", lang) for name in names}
    return words | {level.value: _level_words(level, lang) for level in Level}


def _level_words(level: Level, lang: str) -> str:
    short = text(f"level.{level.value}.short", lang)
    return short if level is Level.UNKNOWN else f"{level.value} {short}"


def _clock(plan: PlanService) -> Callable[[str], str]:
    def told(iso: str) -> str:
        """An ISO instant as the district's clock shows it."""
        if not iso:
            return "—"
        return datetime.fromisoformat(iso).astimezone(plan.zone).strftime("%m-%d %H:%M")

    return told
