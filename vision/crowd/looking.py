"""Which part of a camera's picture has to be judged, and how small heads are in it.

A camera shows more than its zones. What lies outside their reach on the head plane is not given to
the network, and the calibrated geometry says how small the heads of the rest can be: a network can
then work at the size at which it still finds them, and no larger. Both follow from the site file
alone and never from the load.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely

from vision.arrays import Float64Array
from vision.crowd.zone_view import ZoneView
from vision.geometry.camera import Camera
from vision.observations import Region

# People are followed a little outside a zone, so that who enters it is already known.
MARGIN_M = 0.6
# A head at the border lies in the region whole, with as much of what is around it.
_MARGIN_HEADS = 1.0
# The smallest heads of all but this share of a zone's seen cells: its farthest corner alone does
# not set the size for the rest.
_FAR_SHARE = 0.05
_STEP_M = 0.25


def region_of(
    camera: Camera, views: Sequence[ZoneView], beside_px: Sequence[Float64Array] = ()
) -> Region | None:
    """The part of the camera's picture in which heads of its zones can stand.

    Args:
        views: what the camera sees of its zones.
        beside_px: pixels (N, 2) that lie in it too, where it sees its zones.

    Returns:
        A region in pixels of the calibrated lens; `None` without zones: then there is nothing to
        leave out.
    """
    if not views:
        return None
    left, top, right, bottom = np.inf, np.inf, -np.inf, -np.inf
    least_px = np.inf
    for view in views:
        seen = view.seen.ravel()
        sizes_px = view.expected_head_px(view.grid.centres_xy_m[seen])
        least_px = min(least_px, float(np.quantile(sizes_px, _FAR_SHARE)))
        uv_px = np.concatenate([view.cell_uv_px[seen], _around(camera, view)])
        margin_px = _MARGIN_HEADS * float(sizes_px.max())
        left, top = (
            min(left, uv_px[:, 0].min() - margin_px),
            min(top, uv_px[:, 1].min() - margin_px),
        )
        right = max(right, uv_px[:, 0].max() + margin_px)
        bottom = max(bottom, uv_px[:, 1].max() + margin_px)
    for uv_px in beside_px:
        if len(uv_px):
            left, top = min(left, uv_px[:, 0].min()), min(top, uv_px[:, 1].min())
            right, bottom = max(right, uv_px[:, 0].max()), max(bottom, uv_px[:, 1].max())
    return Region(
        left_px=max(0, int(left)),
        top_px=max(0, int(top)),
        right_px=min(camera.lens.width_px, int(np.ceil(right))),
        bottom_px=min(camera.lens.height_px, int(np.ceil(bottom))),
        least_head_px=least_px,
    )


def _around(camera: Camera, view: ZoneView) -> np.ndarray:
    """Pixels (N, 2) of the border `MARGIN_M` outside the zone, as far as the picture shows it."""
    border = shapely.segmentize(view.zone.polygon_xy_m.buffer(MARGIN_M).exterior, _STEP_M)
    xy_m = shapely.get_coordinates(border)
    z_m = view.zone.head_plane.z_at(xy_m)
    uv_px, inside = camera.project(np.column_stack([xy_m, z_m]))
    return np.asarray(uv_px[inside])


__all__ = ["MARGIN_M", "region_of"]
