"""Which pictures are analysed: sampling by capture time, and the latest picture wins."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from vision.instants import Utc

_Item = TypeVar("_Item")
_Event = TypeVar("_Event")
_NS_PER_S = 1_000_000_000
_WAIT_STEP_S = 0.25
# A slot opens so long before the picture that it is laid for, whose time is known to a few
# milliseconds; at most the second share of a slot.
_AHEAD_NS, _AHEAD_SLOTS = 20_000_000, 0.5
# Pictures that come apart by a whole number of slots to this share of one are in step: more than
# the twentieth by which a clock runs slower after it was set back. At that share itself they would
# be in step and out of it in turn, and every second one would find its slot taken.
_OUT_OF_STEP = 0.07
# The longest slot where pictures are bunched, and how much shorter the others may become: what
# walks is still followed over that gap (decision 15).
_LONGEST_NS, _LEAST_OF_SLOT = 520_000_000, 0.6


@dataclass(frozen=True, slots=True)
class _Slots:
    """Slots of capture time from `first_ns` on: `count` of `slot_ns` fill `group_ns`, of which the
    last one takes what is left."""

    first_ns: float
    slot_ns: float
    group_ns: float
    count: int = 1

    def number(self, captured_at: Utc) -> int:
        # Half a millisecond of slack: 25 pictures a second rounded to ns must not miss a slot.
        group, within_ns = divmod(captured_at.ns - self.first_ns + 500_000, self.group_ns)
        return int(group) * self.count + min(int(within_ns // self.slot_ns), self.count - 1)


class Sampler:
    """Takes at most `fps` pictures a second of capture time.

    Capture time is cut into slots of 1/fps second; the first picture of each slot is taken. So the
    mean rate is exact whatever the source's rate, and equal recordings give equal samples.

    Slots are counted from the first picture. With a `phase` (0..1) they lie on the clock instead,
    shifted by that share of a slot: cameras with different phases are not analysed all at once.

    Slots are laid so that each picture from which decoding can begin is the first of its own: what
    lies between the last one that is taken and it need not be decoded. That is a sixth of 25
    pictures a second with one such picture a second. A whole number of slots lies between two of
    them, a little longer or shorter ones in turn, as the mean rate asks: a rate that load has
    lowered to 3.4 would need all 25 pictures otherwise, and so cost more than 4.

    With `bunched` those slots are shorter, and the last one before such a picture is longer, up to
    0.52 s: as many pictures are taken, and nearly half of them need not be decoded.
    """

    def __init__(self, fps: float, phase: float | None = None, *, bunched: bool = False) -> None:
        if not fps > 0.0:
            raise ValueError(f"analysed_fps must be positive, got {fps:g}")
        self._mean_slot_ns = _NS_PER_S / fps
        self._phase, self._bunched = phase, bunched
        self._slots = None if phase is None else self._even(phase * self._mean_slot_ns)
        self._last_slot: int | None = None
        self._last_taken: Utc | None = None
        self._anew_at: Utc | None = None
        self._apart_ns = 0
        # Of a slot, what the whole numbers of slots so far fell short of the mean rate.
        self._owed = 0.0

    def at_rate(self, fps: float, *, bunched: bool = False) -> Sampler:
        """One of another rate that goes on after this one's last picture, and takes none extra."""
        other = Sampler(fps, self._phase, bunched=bunched)
        other._last_taken = self._last_taken
        other._anew_at, other._apart_ns = self._anew_at, self._apart_ns
        other._owed = self._owed
        if self._last_taken is not None:
            slots = other._slots = other._since_anew() or other._even(self._last_taken.ns)
            other._last_slot = slots.number(self._last_taken)
        return other

    def take(self, captured_at: Utc) -> bool:
        """Whether to analyse this picture; then its slot is taken."""
        slots = self._slots = self._slots or self._even(captured_at.ns)
        wanted = self.wants(captured_at)
        if wanted:
            self._last_slot, self._last_taken = slots.number(captured_at), captured_at
        return wanted

    def wants(self, captured_at: Utc, *, anew: bool = False) -> bool:
        """Whether `take` would take this picture; with `anew`, decoding can begin with it."""
        if anew:
            self._keep_step(captured_at)
        if self._slots is None or self._last_slot is None:
            return True
        return self._slots.number(captured_at) > self._last_slot

    def _keep_step(self, at: Utc) -> None:
        """Lay the slots so that the picture of `at`, where decoding can begin, opens one."""
        before, self._anew_at = self._anew_at, at
        laid = self._slots
        if before is None or laid is None or self._last_taken is None:
            return
        # As far apart as the last two were; where the next one is late, slots go on as they are.
        apart_ns = self._apart_ns = at.ns - before.ns
        if apart_ns / self._mean_slot_ns < 1.0 - _OUT_OF_STEP:
            return
        # One that came just now stands for the slot that opens: no camera is looked at once more.
        soon = at.ns - self._last_taken.ns < min(laid.slot_ns, self._mean_slot_ns) / 2
        slots = self._between_keys(apart_ns, self._count(apart_ns, one_more=soon))
        ahead_ns = _ahead_ns(slots)
        opens_ns = at.ns - ahead_ns
        shift = (opens_ns - laid.first_ns) / slots.group_ns
        aside_ns = abs(shift - round(shift)) * slots.group_ns
        if replace(laid, first_ns=0.0) == slots and aside_ns < ahead_ns / 2:
            return
        self._slots = replace(slots, first_ns=opens_ns)
        self._last_slot = self._slots.number(at if soon else self._last_taken)

    def _since_anew(self) -> _Slots | None:
        """Slots that go on from the last picture where decoding could begin; `None` where those
        on the clock do.

        Rates change by a little every second under load, and each change would else be followed by
        one second in which all pictures are decoded.
        """
        if self._anew_at is None or self._apart_ns / self._mean_slot_ns < 1.0 - _OUT_OF_STEP:
            return self._slots
        # Those since then were counted by the rate before: the mean rate is owed nothing for them.
        count = max(1, round(self._apart_ns / self._mean_slot_ns))
        slots = self._between_keys(self._apart_ns, count)
        return replace(slots, first_ns=self._anew_at.ns - _ahead_ns(slots))

    def _even(self, first_ns: float) -> _Slots:
        return _Slots(first_ns, self._mean_slot_ns, self._mean_slot_ns)

    def _between_keys(self, apart_ns: float, count: int) -> _Slots:
        """So many slots for the time up to the next picture where decoding can begin."""
        in_step = abs(apart_ns / self._mean_slot_ns - count) <= _OUT_OF_STEP
        slot_ns = self._mean_slot_ns if in_step else apart_ns / count
        if not self._bunched or count < 2 or slot_ns >= _LONGEST_NS:
            return _Slots(0.0, slot_ns, slot_ns)
        group_ns = count * slot_ns
        shorter_ns = max((group_ns - _LONGEST_NS) / (count - 1), _LEAST_OF_SLOT * slot_ns)
        return _Slots(0.0, shorter_ns, group_ns, count)

    def _count(self, apart_ns: float, *, one_more: bool) -> int:
        """How many slots lie in this time; a whole number, at the mean rate over time."""
        slots = apart_ns / self._mean_slot_ns
        if abs(slots - round(slots)) <= _OUT_OF_STEP:
            return round(slots)
        return self._whole(slots, one_more=one_more)

    def _whole(self, slots: float, *, one_more: bool) -> int:
        """The slots that are made of so many, and what the mean rate is owed after them.

        Where the first of them is taken already they are one more: if they ended as they did, the
        last one would stand for the next first one too, and so on.
        """
        if one_more:
            return int(slots) + 1
        whole = int(self._owed + slots)
        self._owed += slots - whole
        return whole


def _ahead_ns(slots: _Slots) -> float:
    return min(_AHEAD_NS, _AHEAD_SLOTS * slots.slot_ns)


class DropCounts:
    """Thread-safe counts by cause: nothing is dropped unseen."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def add(self, cause: str, count: int = 1) -> None:
        with self._lock:
            self._counts[cause] += count

    def snapshot(self) -> Mapping[str, int]:
        with self._lock:
            return dict(self._counts)


@dataclass(frozen=True, slots=True)
class Taken(Generic[_Item, _Event]):
    """What `Inbox.take` hands out: one event, one item, or neither."""

    item: _Item | None = None
    event: _Event | None = None


class Inbox(Generic[_Item, _Event]):
    """Between many camera threads and one analysis thread.

    Holds one item (a picture) for each key (a camera): a newer one replaces the older, and `put`
    says so, so that the caller counts the drop. Keys are served in turn. Events (state changes)
    come first and in order; they are few, and the bound drops the oldest.
    """

    def __init__(self, *, event_bound: int = 1024) -> None:
        self._ready = threading.Condition()
        self._items: dict[Hashable, _Item] = {}
        self._events: deque[_Event] = deque(maxlen=event_bound)

    def put(self, key: Hashable, item: _Item) -> bool:
        """Offer the newest item of `key`; returns whether an older one was replaced."""
        with self._ready:
            # A replaced item keeps its key's place in the turn, so a fast camera starves nobody.
            replaced = key in self._items
            self._items[key] = item
            self._ready.notify()
            return replaced

    def put_event(self, event: _Event) -> None:
        with self._ready:
            self._events.append(event)
            self._ready.notify()

    def take(self, seconds: float) -> Taken[_Item, _Event]:
        """The next event or item, waiting at most `seconds`; empty when none came."""
        with self._ready:
            if not self._events and not self._items:
                self._ready.wait(min(seconds, _WAIT_STEP_S))
            if self._events:
                return Taken(event=self._events.popleft())
            if self._items:
                key = next(iter(self._items))
                return Taken(item=self._items.pop(key))
            return Taken()

    def take_event(self) -> _Event | None:
        """The next event, without waiting; `None` when there is none."""
        with self._ready:
            return self._events.popleft() if self._events else None


__all__ = ["DropCounts", "Inbox", "Sampler", "Taken"]
