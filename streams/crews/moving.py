"""When cameras should go to another worker, and which.

A worker that falls behind borrows an idle core at once (`streams.cores`); where that lasts, a part
of its cameras moves to a worker that has time. A move costs a second of double decoding, so it is
made only where it lasts, one at a time, and what has moved stays for a while: places that fill by
turns must not make cameras wander. Pure but for its own memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vision.instants import Monotonic

# A worker must be behind, and the other one not, for so long.
BEHIND_S, FREE_S = 20.0, 20.0
# Between two moves, and before the same cameras move again.
REST_S, STAYS_S = 60.0, 600.0
# No worker should be fuller than this. What counts is what the taker does now: its calm cameras may
# wake, but on a large site they never all do at once, or nobody could take anything.
_FULLEST = 0.9


@dataclass(frozen=True, slots=True)
class WorkerView:
    """How a worker stands.

    Attributes:
        behind: frames are lost, rates are lowered, or it needs a borrowed core.
        needs_cores: of each of its cameras at its full rate.
        spare_cores: of its own core, what it does not take.
        own_cores: cores of its own.
    """

    worker_id: str
    behind: bool
    needs_cores: Mapping[str, float]
    spare_cores: float
    own_cores: float = 1.0


@dataclass(frozen=True, slots=True)
class PlannedMove:
    """Cameras that should go from one worker to another."""

    camera_ids: tuple[str, ...]
    giver: str
    taker: str


class MovePlanner:
    """`turn` is called every few seconds.

    Args:
        groups: cameras that go together, because they share zones.
    """

    def __init__(self, groups: Sequence[tuple[str, ...]]) -> None:
        self._groups = tuple(groups)
        self._behind_since: dict[str, Monotonic] = {}
        self._free_since: dict[str, Monotonic] = {}
        self._moved: Monotonic | None = None
        self._moved_at: dict[tuple[str, ...], Monotonic] = {}

    def turn(self, workers: Sequence[WorkerView], now: Monotonic) -> PlannedMove | None:
        """What to move now; whoever asks reports by `moved` whether it was done."""
        self._note(workers, now)
        if self._moved is not None and now - self._moved < REST_S:
            return None
        givers = [one for one in workers if self._lasts(self._behind_since, one, now, BEHIND_S)]
        takers = [one for one in workers if self._lasts(self._free_since, one, now, FREE_S)]
        for giver in sorted(givers, key=lambda one: -sum(one.needs_cores.values())):
            for taker in sorted(takers, key=lambda one: -one.spare_cores):
                group = self._fitting(giver, taker, now)
                if group is not None:
                    return PlannedMove(group, giver.worker_id, taker.worker_id)
        return None

    def moved(self, camera_ids: tuple[str, ...], now: Monotonic) -> None:
        """A move was made or called off: nothing moves for a while, these cameras for longer."""
        self._moved = self._moved_at[camera_ids] = now
        self._behind_since.clear()
        self._free_since.clear()

    def _note(self, workers: Sequence[WorkerView], now: Monotonic) -> None:
        for one in workers:
            is_now, was = (
                (self._behind_since, self._free_since)
                if one.behind
                else (self._free_since, self._behind_since)
            )
            is_now.setdefault(one.worker_id, now)
            was.pop(one.worker_id, None)
        known = {one.worker_id for one in workers}
        for since in (self._behind_since, self._free_since):
            # A worker that does not answer starts anew.
            for worker_id in since.keys() - known:
                del since[worker_id]

    @staticmethod
    def _lasts(
        since: Mapping[str, Monotonic], one: WorkerView, now: Monotonic, lasts_s: float
    ) -> bool:
        began = since.get(one.worker_id)
        return began is not None and now - began >= lasts_s

    def _fitting(
        self, giver: WorkerView, taker: WorkerView, now: Monotonic
    ) -> tuple[str, ...] | None:
        """The group that helps most: the smallest that covers what is missing, or the largest."""
        missing = sum(giver.needs_cores.values()) - _FULLEST * giver.own_cores
        mine = [group for group in self._groups if set(group) <= giver.needs_cores.keys()]
        if len(mine) < 2:
            return None
        room = taker.spare_cores - (1.0 - _FULLEST) * taker.own_cores
        need = {group: sum(giver.needs_cores[one] for one in group) for group in mine}
        may = [group for group in mine if 0.0 < need[group] <= room and self._may_move(group, now)]
        covering = [group for group in may if need[group] >= missing]
        if covering:
            return min(covering, key=lambda group: (need[group], group))
        return max(may, key=lambda group: (need[group], group), default=None)

    def _may_move(self, group: tuple[str, ...], now: Monotonic) -> bool:
        last = self._moved_at.get(group)
        return last is None or now - last >= STAYS_S


__all__ = ["BEHIND_S", "FREE_S", "REST_S", "STAYS_S", "MovePlanner", "PlannedMove", "WorkerView"]
