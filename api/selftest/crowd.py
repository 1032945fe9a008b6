"""A synthetic crowd in a zone, measured by the very functions that measure real ones."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

import numpy as np
import shapely

from api.alarms.routine import SELFTEST_WORKER
from config import Site
from streams.records import MeasurementData, ReadingData, ReasonData, TransitionRecord
from vision.arrays import Float64Array
from vision.crowd.density import density_peak, kernel_field
from vision.geometry.grid import PlanGrid
from vision.geometry.zones import Zone
from vision.risk.readings import Level

_SPACING_M = 0.5
"""Four heads to the square metre: no real place is shown, the test only has to be dense."""


def standing_heads_xy_m(zone: Zone) -> Float64Array:
    """Heads (N, 2) in plan metres on a lattice of `_SPACING_M` over the whole zone."""
    left, bottom, right, top = zone.polygon_xy_m.bounds
    x_m = np.arange(left + _SPACING_M / 2.0, right, _SPACING_M)
    y_m = np.arange(bottom + _SPACING_M / 2.0, top, _SPACING_M)
    grid_x, grid_y = np.meshgrid(x_m, y_m)
    points = np.column_stack([grid_x.ravel(), grid_y.ravel()])
    inside = shapely.contains_xy(zone.polygon_xy_m, points[:, 0], points[:, 1])
    return np.asarray(points[inside], dtype=np.float64)


def crowd_record(site: Site, zone_id: str, at: datetime) -> TransitionRecord:
    """The record of a crowd in `zone_id`, marked by its worker as a test.

    Raises:
        KeyError: the site has no such zone.
    """
    zone = next((one for one in site.zones if one.id == zone_id), None)
    if zone is None:
        raise KeyError(zone_id)
    heads = standing_heads_xy_m(zone)
    grid = PlanGrid.over(zone.polygon_xy_m)
    peak = density_peak(grid, kernel_field(grid, heads), np.ones(grid.shape, dtype=bool))
    measured = MeasurementData(
        people=float(len(heads)),
        people_std=0.0,
        density_peak_per_m2=peak.density_per_m2,
        density_peak_std_per_m2=peak.std_per_m2,
        peak_xy_m=peak.xy_m,
        density_mean_per_m2=len(heads) / float(zone.polygon_xy_m.area),
        visible_share=1.0,
    )
    reason = ReasonData(rule="test_alarm", measured=peak.density_per_m2, unit="1/m²")
    return TransitionRecord(
        record_id=f"{SELFTEST_WORKER}:{uuid4().hex[:12]}:00000001",
        site_id=site.id,
        worker_id=SELFTEST_WORKER,
        captured_at=at,
        previous_level=Level.L0,
        reading=ReadingData(
            zone_id=zone_id, level=Level.L4, reasons=(reason,), measurement=measured
        ),
    )
