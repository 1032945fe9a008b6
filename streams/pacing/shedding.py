"""How much less the cameras of a worker that is short of time are analysed: as much as its time
asks for, and no more.

Once a second the worker tells what its processor time went to. From that follows what an analysed
picture and each camera's decoding cost, and from those the highest rates for which the time is
enough: a shortage is met in one step by what is missing, and processor time that falls free is
given back within seconds. Rates go down only where frames were lost *and* the time was used up:
frames lost beside idle cores come from pictures that arrive together, and slower rates would not
mend that.

What costs nothing of the rate comes first: pictures of all cameras are taken in bunches
(`streams.pacing.sampling`), so that fewer between them are decoded. Only where that is not enough
rates go down.

Whose rate goes down first is told by the cameras' order: all of a class evenly down to 2 pictures a
second, then one camera after the other to the least rate, at which keyframes are enough and a
720p stream costs a fifth of its decoding; only then the next class. Pure but for its own memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from streams.pacing.turn_costs import Costs, FrameTotals, WorkerTurn

# Of the time that a worker could use, what its cameras are given: the last twentieth is queueing.
# Where frames are lost in spite of that, the aim goes down, and comes back while all is well.
MOST_AIM, LEAST_AIM = 0.95, 0.85
_AIM_DOWN, _AIM_UP = 0.02, 0.004
# More of the lost frames than this is a shortage, if the time is used up as well.
SHORT_SHARE = 0.08
# So old frames are when decoding does not keep up, whether or not any is lost.
SHORT_AGE_S = 0.4
_WINDOW_TURNS, _FIRST_TURNS, _NEXT_TURNS = 4, 3, 2
# While a worker starts its network is compiled and its cameras are opened: what is lost then says
# nothing of the hours that follow.
WARM_TURNS = 12
# Free time is given out by and by: what it buys shows a turn later.
_GIVEN_AT_ONCE = 0.6
# Changes smaller than these shares of the time are noise; a camera that leaves the least rate needs
# so much more than it costs, or it would come and go.
_STILL, _RELEASE = 0.015, 0.03
_KNEE_FPS = 2.0
# Other programs that take what a worker leaves show no idle time: what would be given to it is
# found by asking, a part of the way at a time, and after each refusal twice as much later.
_OTHERS_SHARE, _EASY_SHARE, _EASY_AGE_S = 0.15, 0.03, 0.3
_ASK_AFTER_TURNS, _MOST_ASK_AFTER_TURNS = 3, 48
_ASKED = 0.35
_HALVINGS = 12
# Bunches save about a fifth of a worker's time. Where more than that is free for so many
# turns, pictures are taken evenly again.
_FREE_SHARE, _FREE_TURNS = 0.25, 20


def _lost_share(turns: Sequence[tuple[int, int, float]]) -> float:
    delivered = sum(turn[0] for turn in turns)
    return sum(turn[1] for turn in turns) / delivered if delivered else 0.0


@dataclass(slots=True)
class _Asking:
    """When more time is asked of other programs that leave none idle."""

    wait_turns: int = _ASK_AFTER_TURNS
    easy_turns: int = 0
    turns_since: int = _MOST_ASK_AFTER_TURNS

    def may_ask(self, turn: WorkerTurn, lost_share: float) -> bool:
        """Whether now; called once a turn."""
        self.turns_since += 1
        contended = turn.others_s > _OTHERS_SHARE * max(turn.passed_s, 1e-6)
        easy = lost_share < _EASY_SHARE and (turn.age_s or 0.0) < _EASY_AGE_S
        self.easy_turns = self.easy_turns + 1 if contended and easy else 0
        if self.easy_turns < self.wait_turns:
            return False
        self.easy_turns, self.turns_since = 0, 0
        return True

    def refused(self) -> None:
        """A shortage: if it follows what was asked for, the next time is later."""
        recent = self.turns_since <= 2 * _WINDOW_TURNS
        self.wait_turns = (
            min(2 * self.wait_turns, _MOST_ASK_AFTER_TURNS) if recent else _ASK_AFTER_TURNS
        )
        self.easy_turns, self.turns_since = 0, _MOST_ASK_AFTER_TURNS


class Shedding:
    """Rates under load. `turn` is called once a second by one thread."""

    def __init__(self, least_fps: Mapping[str, float]) -> None:
        """`least_fps` names every camera, and the rate below which it never goes."""
        self._least = dict(least_fps)
        self._costs = Costs()
        self._aim = MOST_AIM
        self._last: dict[str, FrameTotals] = {}
        self._window: list[tuple[int, int, float]] = []
        # Frames before a change of rates say nothing of those after it.
        self._fresh_turns = 0
        self._needed_turns = _FIRST_TURNS
        self._asking = _Asking()
        self._warm_turns = 0
        self._limits: dict[str, float] = {}
        self._classes: Sequence[Sequence[str]] = ()
        self._thrifty: dict[str, bool] = {}
        self._bunched = False
        self._free_turns = 0

    def follow(self, least_fps: Mapping[str, float]) -> None:
        """Pace these cameras from now on; what is known of those that stay is kept."""
        self._least = dict(least_fps)
        for known in (self._last, self._limits, self._thrifty, self._costs.cameras):
            for gone in known.keys() - least_fps.keys():
                del known[gone]
        self._fresh_turns = 0

    def needs(self, camera_id: str, fps: float) -> float:
        """Core-seconds a second of a camera at a rate, if the network looks at each frame."""
        looked_cpu_s = self._costs.frame_cpu_s / self._costs.mean_share
        return self._costs.decoding(camera_id, thrifty=False) + fps * looked_cpu_s

    @property
    def bunched(self) -> bool:
        """Whether pictures are taken in bunches, to save decoding."""
        return self._bunched

    @property
    def lost_share(self) -> float:
        """Share of the frames of the last seconds that were replaced before analysis."""
        return _lost_share(self._window)

    def turn(
        self, turn: WorkerTurn, wanted: Mapping[str, float], classes: Sequence[Sequence[str]]
    ) -> dict[str, float]:
        """The rates from now on, each at most the wanted one.

        Args:
            wanted: for each camera the rate that it has while there is time enough.
            classes: cameras whose rates go down first come first; each camera once.
        """
        delivered, superseded = self._count(turn.frames)
        before = {one: min(self._limits.get(one, fps), fps) for one, fps in wanted.items()}
        self._note(turn, delivered - superseded, before, wanted)
        if self._warm_turns < WARM_TURNS:
            self._warm_turns += int(delivered > 0)
            return before
        self._window = [*self._window, (delivered, superseded, turn.age_s or 0.0)][-_WINDOW_TURNS:]
        self._fresh_turns += 1
        short = turn.used_up and self._is_short()
        self._aim = (
            max(self._aim - _AIM_DOWN, LEAST_AIM) if short else min(self._aim + _AIM_UP, MOST_AIM)
        )
        rates = before
        if self._rebunched(turn, all_wanted=before == dict(wanted), short=short):
            # What is missing at the new cost of decoding is seen in the turns that follow.
            self._fresh_turns, self._needed_turns = 0, _NEXT_TURNS
        elif short or before != dict(wanted):
            rates = self._replanned(turn, before, wanted, classes, short=short)
        self._limits = {one: fps for one, fps in rates.items() if fps < wanted[one]}
        self._classes = [tuple(members) for members in classes]
        return rates

    def _rebunched(self, turn: WorkerTurn, *, all_wanted: bool, short: bool) -> bool:
        """Begin or end to take pictures in bunches; whether that is so."""
        before = self._bunched
        free = all_wanted and turn.spent_s < (1.0 - _FREE_SHARE) * turn.usable_s
        self._free_turns = self._free_turns + 1 if free else 0
        self._bunched = short or (before and self._free_turns < _FREE_TURNS)
        return self._bunched is not before

    def _count(self, frames: Mapping[str, FrameTotals]) -> tuple[int, int]:
        delivered = superseded = 0
        for camera_id, now in frames.items():
            last = self._last.get(camera_id, FrameTotals(0, 0))
            delivered += max(now.delivered - last.delivered, 0)
            superseded += max(now.superseded - last.superseded, 0)
        self._last = dict(frames)
        return delivered, superseded

    def _note(
        self,
        turn: WorkerTurn,
        analysed: int,
        rates: Mapping[str, float],
        wanted: Mapping[str, float],
    ) -> None:
        now = {one: self._is_thrifty(one, fps, wanted) for one, fps in rates.items()}
        settled = {
            one: thrifty if self._thrifty.get(one, thrifty) == thrifty else None
            for one, thrifty in now.items()
        }
        self._thrifty = now
        self._costs.note(turn, analysed, settled)

    def _is_thrifty(self, camera_id: str, fps: float, wanted: Mapping[str, float]) -> bool:
        """Whether keyframes are enough: at the least rate, calm or short."""
        least = self._least[camera_id]
        return fps <= least and (fps < wanted[camera_id] or fps <= 1.0)

    def _is_short(self) -> bool:
        if self._fresh_turns < self._needed_turns:
            return False
        fresh = self._window[-self._fresh_turns :]
        old = min(turn[2] for turn in fresh[-_NEXT_TURNS:]) > SHORT_AGE_S
        return _lost_share(fresh) > SHORT_SHARE or old

    def _replanned(
        self,
        turn: WorkerTurn,
        before: dict[str, float],
        wanted: Mapping[str, float],
        classes: Sequence[Sequence[str]],
        *,
        short: bool,
    ) -> dict[str, float]:
        usable = turn.usable_s / max(turn.passed_s, 1e-6)
        spent = turn.spent_s / max(turn.passed_s, 1e-6)
        spare = self._aim * usable - spent
        needed = self._cost(before, wanted)
        if self._asking.may_ask(turn, _lost_share(self._window[-self._fresh_turns :])):
            room = max(self._aim - turn.thread_share, 0.0) * turn.usable_s
            spare = max(spare, _ASKED * room / max(turn.thread_share, 0.1))
        if short:
            self._asking.refused()
            # What was done, not what was asked for, is what the time is enough for.
            least_budget = most_budget = min(spent, needed) + min(spare, 0.0)
            frames = self._frames_in_time(turn)
        else:
            if spare < _STILL * usable and not self._reordered(classes):
                return before
            least_budget = needed + _GIVEN_AT_ONCE * max(spare, 0.0)
            most_budget = needed + max(spare, 0.0) - _RELEASE * usable
            frames = max(self._frames_in_time(turn), sum(before.values()))
        at_least = self._at_least(before)

        def fits(rates: Mapping[str, float]) -> bool:
            held = at_least <= self._at_least(rates)
            budget = least_budget if held else most_budget
            return self._cost(rates, wanted) <= budget and sum(rates.values()) <= frames

        rates = _Plan(wanted, self._least, classes, fits).rates()
        if short and rates != before:
            self._fresh_turns, self._needed_turns = 0, _NEXT_TURNS
        sinks = not self._at_least(rates) <= at_least
        return before if sinks and not short and not self._reordered(classes) else rates

    def _frames_in_time(self, turn: WorkerTurn) -> float:
        """Frames a second that the one thread that analyses can do, if its core has the time."""
        if not turn.thread_bounds:
            return math.inf
        return self._aim / max(self._costs.frame_wall_s, 1e-6)

    def _reordered(self, classes: Sequence[Sequence[str]]) -> bool:
        return [tuple(members) for members in classes] != list(self._classes)

    def _at_least(self, rates: Mapping[str, float]) -> set[str]:
        return {one for one, fps in rates.items() if fps <= self._least[one]}

    def _cost(self, rates: Mapping[str, float], wanted: Mapping[str, float]) -> float:
        """Core-seconds a second at these rates."""
        return sum(
            self._costs.decoding(one, thrifty=self._is_thrifty(one, fps, wanted))
            + fps * self._costs.frame_cpu_s
            for one, fps in rates.items()
        )


@dataclass(frozen=True, slots=True)
class _Plan:
    """The highest rates for which the time is enough, as `fits` tells."""

    wanted: Mapping[str, float]
    least: Mapping[str, float]
    classes: Sequence[Sequence[str]]
    fits: Callable[[Mapping[str, float]], bool]

    def rates(self) -> dict[str, float]:
        found = dict(self.wanted)
        for members in self.classes:
            if self.fits(found):
                break
            found = self._class_lowered(found, members)
        return {one: round(fps, 2) if fps > 1.0 else fps for one, fps in found.items()}

    def _class_lowered(
        self, found: Mapping[str, float], members: Sequence[str]
    ) -> dict[str, float]:
        """This class as much lower as is needed; if nothing is enough, at the least rates."""
        for count in range(len(members) + 1):
            lowered, rest = members[:count], members[count:]
            full = dict(found) | {one: self._floor(one) for one in lowered}
            slow = full | {one: self._knee(one) for one in rest}
            if self.fits(slow):
                return self._evenly(slow, full)
        return dict(found) | {one: self._floor(one) for one in members}

    def _evenly(self, slow: Mapping[str, float], full: Mapping[str, float]) -> dict[str, float]:
        """As near to `full` as fits, all by the same share of the way."""
        low, high = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2.0
            if self.fits(_between(slow, full, middle)):
                low = middle
            else:
                high = middle
        return _between(slow, full, low)

    def _floor(self, camera_id: str) -> float:
        return min(self.wanted[camera_id], self.least[camera_id])

    def _knee(self, camera_id: str) -> float:
        return min(self.wanted[camera_id], max(_KNEE_FPS, self.least[camera_id]))


def _between(
    slow: Mapping[str, float], full: Mapping[str, float], share: float
) -> dict[str, float]:
    return {one: fps + share * (full[one] - fps) for one, fps in slow.items()}


__all__ = ["WARM_TURNS", "Shedding"]
