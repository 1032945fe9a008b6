"""The site's floors as the desk draws them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from shapely.geometry import Polygon

from api.access.actor import Actor
from api.access.guard import needs
from api.access.rights import Right
from api.access.scoping import Sight
from api.problems import responses
from api.schemas import Body, NameBody
from api.service import ServiceDep
from config.site import Floor, LocalText, Site

router = APIRouter(prefix="/api/v1", tags=["state"])

PointXYM = tuple[float, float]


class DoorShapeBody(Body):
    """A door leaf from end to end."""

    id: str
    name: NameBody
    state: Literal["open", "shut"]
    ends: tuple[PointXYM, PointXYM]


class ZoneShapeBody(Body):
    """A zone's polygon."""

    id: str
    name: NameBody
    polygon: tuple[PointXYM, ...]


class CameraPlaceBody(Body):
    """Where a camera hangs."""

    id: str
    xy: PointXYM


class FloorBody(Body):
    """One floor in metres: x right, y up."""

    id: str
    name: NameBody
    outline: tuple[PointXYM, ...]
    walls: tuple[tuple[PointXYM, ...], ...]
    doors: tuple[DoorShapeBody, ...]
    zones: tuple[ZoneShapeBody, ...]
    cameras: tuple[CameraPlaceBody, ...]


class SitePlanBody(Body):
    """All floors; empty where the service was started without a site file."""

    floors: tuple[FloorBody, ...]


@router.get("/site-plan", responses=responses(401, 403))
async def site_plan(
    service: ServiceDep, actor: Annotated[Actor, Depends(needs(Right.SEE_DESK))]
) -> SitePlanBody:
    """Floors with walls, doors, cameras and those zones that one may see."""
    site = service.response.site
    if site is None:
        return SitePlanBody(floors=())
    sight = Sight(actor, service.desk.board.site)
    return SitePlanBody(floors=tuple(_floor(site, floor, sight) for floor in site.floors))


def _floor(site: Site, floor: Floor, sight: Sight) -> FloorBody:
    return FloorBody(
        id=floor.id,
        name=_name(floor.name),
        outline=_points(floor.outline),
        walls=tuple(wall.points_xy_m for wall in floor.walls),
        doors=tuple(
            DoorShapeBody(
                id=door.id,
                name=_name(door.name),
                state=door.state,
                ends=(door.start_xy_m, door.end_xy_m),
            )
            for door in floor.doors
        ),
        zones=tuple(
            ZoneShapeBody(
                id=zone.id,
                name=_name(site.zone_name(zone.id)),
                polygon=_points(zone.polygon_xy_m),
            )
            for zone in site.zones
            if zone.floor_id == floor.id and sight.zone(zone.id)
        ),
        cameras=tuple(
            CameraPlaceBody(id=one.id, xy=(one.camera.pose.x_m, one.camera.pose.y_m))
            for one in site.cameras
            if one.floor_id == floor.id and sight.things_of(one.zone_ids)
        ),
    )


def _points(polygon: Polygon) -> tuple[PointXYM, ...]:
    return tuple((float(x), float(y)) for x, y, *_ in polygon.exterior.coords)


def _name(text: LocalText) -> NameBody:
    return NameBody(zh=text.zh, en=text.en)
