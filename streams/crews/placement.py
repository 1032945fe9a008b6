"""Which worker gets which camera: cameras that see a common zone stay together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from streams.errors import PlacementError


def place_cameras(
    zone_ids_of_camera: Mapping[str, Sequence[str]],
    workers: int,
    cost_of_camera: Mapping[str, float] | None = None,
) -> tuple[tuple[str, ...], ...]:
    """Divide cameras among at most `workers` workers; no share is empty.

    Cameras that share a zone, directly or through others, go to one worker, because their
    pictures are fused there. Groups are placed from the dearest to the cheapest, each on the worker
    that has least so far (longest processing time first, at most 4/3 of the best balance; Graham
    1969). Equal input gives equal shares.

    Args:
        zone_ids_of_camera: for each camera the zones that it measures.
        workers: at least 1.
        cost_of_camera: relative cost, e.g. core-milliseconds a second; 1 where it is not given.

    Raises:
        PlacementError: for fewer than one worker, or a cost that is not positive.
    """
    if workers < 1:
        raise PlacementError(f"needs at least one worker, got {workers}")
    costs = dict.fromkeys(zone_ids_of_camera, 1.0) | dict(cost_of_camera or {})
    for camera, cost in costs.items():
        if not cost > 0.0:
            raise PlacementError(f"camera {camera}: cost must be positive, got {cost:g}")
    groups = camera_groups(zone_ids_of_camera)
    groups.sort(key=lambda group: (-sum(costs[camera] for camera in group), group))
    shares: list[list[str]] = [[] for _ in range(min(workers, len(groups)))]
    loads = [0.0] * len(shares)
    for group in groups:
        lightest = loads.index(min(loads))
        shares[lightest].extend(group)
        loads[lightest] += sum(costs[camera] for camera in group)
    return tuple(tuple(sorted(share)) for share in shares)


def camera_groups(zone_ids_of_camera: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    """Cameras joined by common zones: connected parts of the camera-zone graph."""
    leader = {camera: camera for camera in zone_ids_of_camera}

    def find(camera: str) -> str:
        while leader[camera] != camera:
            leader[camera] = leader[leader[camera]]
            camera = leader[camera]
        return camera

    first_of_zone: dict[str, str] = {}
    for camera, zone_ids in zone_ids_of_camera.items():
        for zone_id in zone_ids:
            leader[find(camera)] = find(first_of_zone.setdefault(zone_id, camera))
    groups: dict[str, list[str]] = {}
    for camera in zone_ids_of_camera:
        groups.setdefault(find(camera), []).append(camera)
    return [tuple(sorted(group)) for group in groups.values()]


__all__ = ["camera_groups", "place_cameras"]
