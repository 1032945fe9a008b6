"""Who walks to which exits of a zone, when they will be there, and what stands open there.

A stair has a way out at its foot and one at its top, a gate two leaves side by side. Who walks down
can only leave by the foot, and what stands open at the top is of no use to them; who walks to the
gate takes the leaf that is open. So those who come are compared with the exits that they come
nearer to: a group of exits is pressed by all who come nearer to none but exits of this group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from vision.arrays import BoolArray, Float64Array, median
from vision.crowd.movement import FLOW_WINDOW_S, STOPPED_MPS
from vision.geometry.segments import Segments
from vision.geometry.zones import Line
from vision.risk.profiles import ShutDoor


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """When heads and cells of density maps, N of them, reach the nearest of those exits that they
    come nearer to.

    Attributes:
        after_s: (N,) seconds from now.
        exits: (N, E) which of the exits each comes nearer to, at least one.
        people: (N,) for how many each stands.
    """

    after_s: Float64Array = field(default_factory=lambda: np.zeros(0))
    exits: BoolArray = field(default_factory=lambda: np.zeros((0, 0), dtype=np.bool_))
    people: Float64Array = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, slots=True)
class Pressed:
    """The group of exits that is most pressed.

    Attributes:
        arriving_per_m_s: the most who will be there within any 8 s, per metre of the group's whole
            width and second.
        open_share: at most this share of that width is open, 0..1; `None` where it is not known.
    """

    arriving_per_m_s: float
    open_share: float | None


def arrivals(
    lines: Sequence[Line],
    xy_m: Float64Array,
    velocity_mps: Float64Array,
    people: Float64Array | None = None,
) -> Arrivals:
    """When people reach one of some lines if they go on as they walk now.

    All who come are taken to walk at the median of their pace: that of one head, seen twice from
    afar, is the noise of its place. Those whose velocity is not known yet come where most of the
    others do.

    Args:
        xy_m, velocity_mps: (N, 2) places and velocities on the plan; unknown velocities are NaN.
        people: (N,) for how many each stands; `None` for one each.

    Returns:
        those who come nearer to a line by at least 0.2 m/s, soonest first.
    """
    if not lines or not len(xy_m):
        return Arrivals(exits=np.zeros((0, len(lines)), dtype=np.bool_))
    away, left = zip(*(Segments.of_lines((line,)).to_nearest(xy_m) for line in lines), strict=True)
    left_m = np.stack(left, axis=1)
    on_it: BoolArray = np.any(left_m < 1e-6, axis=1)
    ahead = np.stack([(one * velocity_mps).sum(axis=1) for one in away], axis=1)
    pace_mps = np.where(on_it[:, None], np.nan, ahead / np.maximum(left_m, 1e-6))
    nearer: BoolArray = np.asarray(np.nan_to_num(pace_mps) >= STOPPED_MPS)
    comes: BoolArray = np.any(nearer, axis=1)
    known: BoolArray = np.all(np.isfinite(pace_mps), axis=1)
    if not comes.any():
        return Arrivals(exits=np.zeros((0, len(lines)), dtype=np.bool_))
    which, first = np.where(nearer, left_m, np.inf).argmin(axis=1), np.flatnonzero(comes)
    pace = median(pace_mps[first, which[first]])
    new = ~known & ~on_it
    if new.any() and comes.sum() > 0.5 * known.sum():
        sets, counts = np.unique(nearer[comes], axis=0, return_counts=True)
        nearer[new] = sets[counts.argmax()]
        comes = np.logical_or(comes, new)
    after_s = np.where(nearer, left_m, np.inf)[comes].min(axis=1) / pace
    order = np.argsort(after_s, kind="stable")
    each = np.ones(len(xy_m)) if people is None else people
    return Arrivals(after_s[order], nearer[comes][order], each[comes][order])


def densest_per_s(
    times_s: Float64Array, people: Float64Array | None = None, window_s: float = FLOW_WINDOW_S
) -> float:
    """The most people a second who arrive within any `window_s`.

    Args:
        times_s: (N,) of arrival.
        people: (N,) how many arrive then; `None` for one each.
    """
    times = np.asarray(times_s, dtype=np.float64)
    if not len(times):
        return 0.0
    order = np.argsort(times, kind="stable")
    times, each = times[order], np.ones(len(times)) if people is None else people[order]
    came = np.concatenate([[0.0], np.cumsum(each)])
    within = came[np.searchsorted(times, times + window_s, side="left")] - came[:-1]
    return float(within.max()) / window_s


def limit_per_m_s(rule: ShutDoor, open_share: float | None) -> float:
    """Arrivals per metre of exits and second that are too many for what is open of them.

    While nothing is known of the doors: those from which on anybody counts as coming.
    """
    return max(rule.share * rule.flow_per_m_s * (open_share or 0.0), rule.arrivals_per_m_s)


def most_pressed(
    coming: Sequence[Arrivals],
    widths_m: Sequence[float],
    open_shares: Sequence[float | None],
    rule: ShutDoor,
) -> Pressed:
    """The group of exits whose open part is too little, or is nearest to it.

    Args:
        coming: who walks to the exits (E of them, at least one), by where they are seen.
        widths_m: clear width of each exit (E).
        open_shares: share of each exit that is open at most; `None` where that is not known.
    """
    after_s = np.concatenate([one.after_s for one in coming])
    people = np.concatenate([one.people for one in coming])
    exits = np.concatenate([one.exits.reshape(-1, len(widths_m)) for one in coming])
    width_m, pressed = np.asarray(widths_m, dtype=np.float64), []
    # Few rows: plain tuples are told apart faster than arrays are.
    groups = {(True,) * len(widths_m), *map(tuple, exits.tolist())}
    for group in map(np.array, sorted(groups)):
        of_group = ~(exits & ~group).any(axis=1)
        shares = [share for share, mine in zip(open_shares, group, strict=True) if mine]
        arriving = densest_per_s(after_s[of_group], people[of_group]) / float(width_m[group].sum())
        pressed.append(Pressed(arriving, _open_share(width_m[group], shares)))
    return max(pressed, key=lambda one: _urgency(one, rule))


def _urgency(one: Pressed, rule: ShutDoor) -> tuple[bool, float]:
    """What is known to be too little comes first, then by how much it is."""
    over = one.arriving_per_m_s / max(limit_per_m_s(rule, one.open_share), 1e-9)
    shut = one.open_share is not None and one.open_share < 1.0
    return shut and over >= 1.0, over


def _open_share(widths_m: Float64Array, shares: Sequence[float | None]) -> float | None:
    """Of a group; a door that may be shut bars nothing where another one is known to be."""
    known = [share for share in shares if share is not None]
    if len(known) < len(shares) and min(known, default=1.0) >= 1.0:
        return None
    whole = [1.0 if share is None else share for share in shares]
    return float(np.average(whole, weights=widths_m))


__all__ = ["Arrivals", "Pressed", "arrivals", "densest_per_s", "limit_per_m_s", "most_pressed"]
