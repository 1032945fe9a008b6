"""What changed between two audits of a site."""

from __future__ import annotations

from dataclasses import dataclass

from api.coverage.document import AreaPart, AreaThen, AuditDocument, CameraPart, SinceLast
from api.coverage.errors import AuditFileError

_NOTICED_M2 = 0.005
_HUNG = {
    "x_m", "y_m", "z_m", "pan_deg", "tilt_deg", "roll_deg", "hfov_deg", "width_px", "height_px",
    "range_m", "calibrated", "ptz", "presets",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class AreaChange:
    """One area that differs; a side is `None` where the area did not exist."""

    area_id: str
    before: AreaPart | None
    after: AreaPart | None

    @property
    def assured_change_m2(self) -> float:
        before = self.before.assured_m2 if self.before else 0.0
        after = self.after.assured_m2 if self.after else 0.0
        return round(after - before, 3)

    @property
    def worse(self) -> bool:
        """Less is assured than before, or the area is no longer asked for."""
        return self.after is None or self.assured_change_m2 < -_NOTICED_M2


@dataclass(frozen=True, slots=True)
class AuditDifference:
    """All changes from an old audit to a new one.

    Attributes:
        cameras_added, cameras_removed, cameras_changed: ids; changed in pose, lens, picture,
            calibration or presets.
        views_added, views_removed: (forbidden place, camera) pairs.
        same_ladder: whether the figures can be compared step by step.
    """

    areas: tuple[AreaChange, ...]
    cameras_added: tuple[str, ...]
    cameras_removed: tuple[str, ...]
    cameras_changed: tuple[str, ...]
    views_added: tuple[tuple[str, str], ...]
    views_removed: tuple[tuple[str, str], ...]
    same_ladder: bool

    @property
    def is_empty(self) -> bool:
        return self.same_ladder and not any(
            (
                self.areas,
                self.cameras_added,
                self.cameras_removed,
                self.cameras_changed,
                self.views_added,
                self.views_removed,
            )
        )


def difference(old: AuditDocument, new: AuditDocument) -> AuditDifference:
    """Compare two audits; areas whose assured, seen or required area moved are listed.

    Raises:
        AuditFileError: they are of different sites, whose areas may well bear the same ids.
    """
    if old.site_id != new.site_id:
        raise AuditFileError(
            f"the earlier audit is of the site {old.site_id}, the later one of {new.site_id}; "
            "give two of the same site"
        )
    before = {area.id: area for _, area in old.areas}
    after = {area.id: area for _, area in new.areas}
    ids = [*before, *(area_id for area_id in after if area_id not in before)]
    changes = (AreaChange(name, before.get(name), after.get(name)) for name in ids)
    old_cameras = {camera.id: camera for floor in old.floors for camera in floor.cameras}
    new_cameras = {camera.id: camera for floor in new.floors for camera in floor.cameras}
    old_views, new_views = _views(old), _views(new)
    return AuditDifference(
        areas=tuple(change for change in changes if _moved(change)),
        cameras_added=tuple(name for name in new_cameras if name not in old_cameras),
        cameras_removed=tuple(name for name in old_cameras if name not in new_cameras),
        cameras_changed=tuple(
            name
            for name, camera in new_cameras.items()
            if name in old_cameras and _hung(old_cameras[name]) != _hung(camera)
        ),
        views_added=tuple(sorted(new_views - old_views)),
        views_removed=tuple(sorted(old_views - new_views)),
        same_ladder=old.ladder_id == new.ladder_id,
    )


def since_last(old: AuditDocument, new: AuditDocument) -> SinceLast:
    """The difference as a part of the newer audit's own document."""
    found = difference(old, new)
    return SinceLast(
        sha256=old.sha256,
        made_at=old.made_at,
        same_ladder=found.same_ladder,
        areas=[_then(change) for change in found.areas],
        cameras_added=list(found.cameras_added),
        cameras_removed=list(found.cameras_removed),
        cameras_changed=list(found.cameras_changed),
        views_added=list(found.views_added),
        views_removed=list(found.views_removed),
    )


def _then(change: AreaChange) -> AreaThen:
    known = change.after or change.before
    if known is None:
        raise ValueError(f"area {change.area_id} is in neither audit")
    return AreaThen(
        area_id=change.area_id,
        name=known.name,
        assured_before_m2=change.before.assured_m2 if change.before else None,
        assured_after_m2=change.after.assured_m2 if change.after else None,
        change_m2=change.assured_change_m2,
    )


def _moved(change: AreaChange) -> bool:
    if change.before is None or change.after is None:
        return True
    return any(
        abs(getattr(change.after, name) - getattr(change.before, name)) > _NOTICED_M2
        for name in ("area_m2", "seen_m2", "assured_m2", "seen_twice_m2", "least_px_per_m")
    )


def _hung(camera: CameraPart) -> dict[str, object]:
    """How a camera hangs, looks and turns; what only follows from it may be told otherwise."""
    return camera.model_dump(include=_HUNG)


def _views(document: AuditDocument) -> set[tuple[str, str]]:
    return {
        (place.id, f"{view.camera_id} / {view.preset}" if view.preset else view.camera_id)
        for floor in document.floors
        for place in floor.forbidden
        for view in place.views
    }
