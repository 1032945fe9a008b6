"""What the judgement of a zone remembers between measurements, and what a gap leaves of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from vision.crowd.forecast import Sample, newest_of
from vision.instants import Utc
from vision.risk.profiles import ZoneProfile
from vision.risk.readings import ZoneMeasurement

# A camera that sent nothing for this long is lost, and its zone was not watched.
LOST_AFTER_S = 3.0
# Who was there when the light went: a walk through a flight takes about as long.
LIT_S = 8.0


@dataclass(frozen=True, slots=True)
class Timer:
    """One condition over time: since when it holds and is clear, and whether it counts.

    `unknown_since`: since when it is not known whether what counts holds; a no in between that
    did not last does not begin this anew.
    """

    held_since: Utc | None = None
    clear_since: Utc | None = None
    active: bool = False
    unknown_since: Utc | None = None

    def tick(
        self,
        holds: bool | None,
        clears: bool,
        *,
        dwell_s: float,
        leave_s: float,
        at: Utc,
        unknown_s: float = math.inf,
    ) -> Timer:
        """The timer after a measurement at `at`.

        With `holds=None` (not known) a dwell starts anew, and what counts still counts, for
        `unknown_s` at most since it last held.
        """
        if holds is None:
            since = self.unknown_since or at
            known = self.active and at - since < unknown_s
            return Timer(active=known, unknown_since=since if known else None)
        held_since = (self.held_since or at) if holds else None
        active = self.active or (held_since is not None and at - held_since >= dwell_s)
        clear_since = (self.clear_since or at) if active and clears else None
        if clear_since is not None and at - clear_since >= leave_s:
            return Timer(held_since=held_since)
        return Timer(held_since, clear_since, active, None if holds else self.unknown_since)

    def interrupted(self, gap_s: float) -> Timer:
        """The timer after a gap: what counts still counts, what was waiting starts anew."""
        return replace(self.unseen(gap_s), held_since=None)

    def unseen(self, gap_s: float) -> Timer:
        """The timer after a gap in which no camera was lost: that a level is left must be seen.

        So the gap is no time that is clear. What was seen before it is: a picture that is lost
        every half a minute would else keep an alarm for ever.
        """
        clear_since = None if self.clear_since is None else self.clear_since.plus(gap_s)
        return replace(self, clear_since=clear_since)

    def held_s(self, at: Utc) -> float:
        return 0.0 if self.held_since is None else max(0.0, at - self.held_since)


_FRESH = Timer()


@dataclass(frozen=True, slots=True)
class RiskState:
    """What a zone's judgement remembers.

    Attributes:
        levels: timers of L1 to L4.
        rules: timers by rule name.
        history: samples of the last forecast window, oldest first.
        at: capture time of the newest measurement.
        begun: since when the zone is watched again while what stood there before may still stand;
            `None` once its level is known.
        lit_at: capture time of the newest measurement in the light, `None` without one.
        lit_people: the most people that were seen in the last `LIT_S` before it.
    """

    levels: tuple[Timer, Timer, Timer, Timer] = (Timer(), Timer(), Timer(), Timer())
    rules: tuple[tuple[str, Timer], ...] = ()
    history: tuple[Sample, ...] = ()
    at: Utc | None = None
    begun: Utc | None = None
    lit_at: Utc | None = None
    lit_people: float = 0.0

    def rule(self, name: str) -> Timer:
        for known, timer in self.rules:
            if known == name:
                return timer
        return _FRESH


def after_gap(state: RiskState, profile: ZoneProfile, at: Utc) -> RiskState:
    """The state when the next measurement, at `at`, comes late or is the first one."""
    if state.at is None:
        return replace(state, begun=at)
    gap_s = at - state.at
    if gap_s <= profile.max_gap_s:
        return state
    if gap_s <= LOST_AFTER_S:
        return replace(
            state,
            levels=tuple(timer.unseen(gap_s) for timer in state.levels),  # type: ignore[arg-type]
            rules=tuple((name, timer.unseen(gap_s)) for name, timer in state.rules),
        )
    if gap_s > max(profile.leave_s, profile.max_gap_s):
        return RiskState(begun=at)
    return RiskState(
        levels=tuple(timer.interrupted(gap_s) for timer in state.levels),  # type: ignore[arg-type]
        rules=tuple((name, timer.interrupted(gap_s)) for name, timer in state.rules),
        at=state.at,
        begun=at,
        lit_at=state.lit_at,
        lit_people=state.lit_people,
    )


def seen_in_light(
    state: RiskState, history: tuple[Sample, ...], m: ZoneMeasurement, profile: ZoneProfile, at: Utc
) -> tuple[Utc | None, float]:
    """`lit_at` and `lit_people` after a measurement, whose sample is in `history`."""
    limit = profile.rules.dark_occupied.luminance
    if m.luminance is not None and m.luminance < limit:
        return state.lit_at, state.lit_people
    return at, max(sample.people for sample in newest_of(history, LIT_S))


__all__ = ["LOST_AFTER_S", "RiskState", "Timer", "after_gap", "seen_in_light"]
