"""Where the wall clock was set while an alarm was open: its clip is of several spans of time.

A look every few seconds compares the wall clock with the monotonic one, also over a restart of the
service, which ends when the clock is set. What was seen is kept beside the clips. Over a restart of
the computer nobody can tell a clock that was set forward from a time in which it was off.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from config.whole_files import replace_whole
from streams.clock import SET_BACK_S, Clock
from streams.recording import ClockRun
from vision.instants import Monotonic, Utc

_log = structlog.get_logger(__name__)

JUMPS_FILE = "clock.jsonl"
LOOK_FILE = "looked.json"
# A shorter way forward is a gap like others.
_FORWARD_S = 60.0
_KEPT_EVERY_S = 10.0

Span = tuple[Utc, Utc]


@dataclass(frozen=True, slots=True)
class Jump:
    """The wall clock was set.

    Attributes:
        until: by the old clock it was set before this.
        since: and by the new clock after this.
        old: how the old clock stood; `None` where an earlier version noted it.
    """

    until: Utc
    since: Utc
    old: ClockRun | None = None

    def is_before(self, moment: Utc, now: Utc) -> bool:
        """Whether something is of the new clock that happened at `moment`."""
        return self.since <= moment <= now

    def is_same(self, other: Jump) -> bool:
        """Whether two looks that follow each other saw the same setting of the clock: the one that
        was set to another time cannot be set from once more."""
        if self.old is None or other.old is None:
            return abs(self.since - other.since) <= SET_BACK_S
        apart_s = abs(self.old.zero - other.old.zero)
        return self.old.boot == other.old.boot and apart_s <= SET_BACK_S


@dataclass(frozen=True, slots=True)
class _Look:
    wall: Utc
    ran: Monotonic
    boot: str

    @property
    def run(self) -> ClockRun:
        return ClockRun(self.wall.plus(-(self.ran - Monotonic(0))), self.boot)


@dataclass(slots=True)
class JumpWatch:
    """Notices that the clock was set; one for all clips."""

    folder: Path
    clock: Clock
    _before: _Look | None = field(default=None, init=False)
    _now: _Look | None = field(default=None, init=False)
    _kept: Monotonic | None = field(default=None, init=False)

    def look(self) -> Jump | None:
        """How the clock was set since the last look that was `done`, which may be that of an
        earlier service; the same again until it is."""
        # By one reading: the process may be held up between two.
        ran = self.clock.monotonic()
        self._now = now = _Look(self.clock.utc_at(ran), ran, self.clock.boot)
        if self._before is None:
            self._before = self._read()
        return None if self._before is None else _between(self._before, now)

    def done(self, *, keep: bool) -> None:
        """What this look told is dealt with; with `keep` the next service hears of it, too."""
        before, self._before = self._before, self._now
        if self._now is None or not keep:
            return
        look = self._now
        jumped = before is not None and _between(before, look) is not None
        if self._kept is not None and look.ran - self._kept < _KEPT_EVERY_S and not jumped:
            return
        fields = {"wall_ns": look.wall.ns, "ran_ns": look.ran.ns, "boot": look.boot}
        content = json.dumps(fields).encode()
        try:
            replace_whole(self.folder / LOOK_FILE, content, durable=False)
        except OSError as error:
            # A full disk must not keep clips from growing: this service remembers by itself.
            _log.debug("the look at the clock could not be kept", reason=error.strerror)
        self._kept = look.ran

    def _read(self) -> _Look | None:
        try:
            fields = json.loads((self.folder / LOOK_FILE).read_bytes())
            wall, ran = Utc(int(fields["wall_ns"])), Monotonic(int(fields["ran_ns"]))
            return _Look(wall, ran, str(fields.get("boot", "")))
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _between(before: _Look, now: _Look) -> Jump | None:
    # Monotonic time begins anew with the computer.
    booted = bool(before.boot and now.boot) and before.boot != now.boot
    same_run = now.ran >= before.ran and not booted
    passed_s = now.ran - before.ran if same_run else now.ran - Monotonic(0)
    jump_s = (now.wall - before.wall) - passed_s
    # Of a run of the computer nothing is older than its beginning.
    jumped = jump_s < -SET_BACK_S or (same_run and jump_s > _FORWARD_S)
    if not jumped:
        return None
    return Jump(before.wall.plus(passed_s), now.wall.plus(-passed_s), before.run)


def note_jump(folder: Path, jump: Jump) -> None:
    """Keep a jump with an alarm's clip. Raises `OSError`."""
    _note(folder, {"until_ns": jump.until.ns, "since_ns": jump.since.ns, **_fields(jump.old)})


def note_clock(folder: Path, old: ClockRun | None) -> None:
    """Keep with an alarm's clip that it ended by this clock, before it was set. Raises `OSError`.

    The first that is noted stands.
    """
    _note(folder, _fields(old))


def read_jumps(folder: Path) -> tuple[Jump, ...]:
    """The jumps of an alarm's clip, in order."""
    found = []
    for fields in _lines(folder):
        try:
            until, since = Utc(int(fields["until_ns"])), Utc(int(fields["since_ns"]))
            found.append(Jump(until, since, _run(fields)))
        except (ValueError, KeyError, TypeError):
            continue
    return tuple(found)


def read_clock(folder: Path) -> ClockRun | None:
    """By which clock an alarm's clip ended, where that was set since."""
    runs = (_run(fields) for fields in _lines(folder) if "until_ns" not in fields)
    return next((run for run in runs if run is not None), None)


def _note(folder: Path, fields: dict[str, Any]) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The first line break ends a line that a kill may have cut short.
    with (folder / JUMPS_FILE).open("a", encoding="utf-8") as file:
        file.write(f"\n{json.dumps(fields)}\n")


def _lines(folder: Path) -> list[dict[str, Any]]:
    try:
        lines = (folder / JUMPS_FILE).read_bytes().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return [fields for fields in found if isinstance(fields, dict)]


def _fields(run: ClockRun | None) -> dict[str, Any]:
    return {} if run is None else {"zero_ns": run.zero.ns, "boot": run.boot}


def _run(fields: dict[str, Any]) -> ClockRun | None:
    try:
        return ClockRun(Utc(int(fields["zero_ns"])), str(fields["boot"]))
    except (ValueError, KeyError, TypeError):
        return None


def stretches_of(start: Utc, end: Utc, jumps: Sequence[Jump]) -> tuple[Span, ...]:
    """The spans of a clip, one for each time that its clock told, as they happened."""
    begins = (start, *(jump.since for jump in jumps))
    ends = (*(jump.until for jump in jumps), end)
    return tuple(zip(begins, ends, strict=True))


def spans_of(stretches: Sequence[Span]) -> tuple[Span, ...]:
    """The same without overlaps: what a clock that was set back told twice is one span."""
    found: list[Span] = []
    for start, end in stretches:
        if end < start:
            continue
        touching = [span for span in found if span[0] <= end and start <= span[1]]
        at = found.index(touching[0]) if touching else len(found)
        found = [span for span in found if span not in touching]
        parts = [*touching, (start, end)]
        found.insert(at, (min(part[0] for part in parts), max(part[1] for part in parts)))
    return tuple(found)


__all__ = [
    "JUMPS_FILE",
    "LOOK_FILE",
    "Jump",
    "JumpWatch",
    "Span",
    "note_clock",
    "note_jump",
    "read_clock",
    "read_jumps",
    "spans_of",
    "stretches_of",
]
