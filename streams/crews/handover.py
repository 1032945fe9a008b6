"""How a camera goes from one worker to another: files in one folder, written whole or not at all.

    order.json    by the supervisor: which cameras go from whom to whom
    ready         by the taker: it plays them already and judges nothing
    given.json    by the giver: it has stopped; levels, timers, last readings, last capture times
    done          by the taker: it judges them, from the first picture after the giver's last

Until `given.json` is there the cameras are the giver's, afterwards the taker's, whoever dies. There
is one move at a time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import structlog
from pydantic import TypeAdapter, ValidationError

from config.whole_files import replace_whole
from vision.risk.readings import ZoneReading
from vision.scene import ZoneMemory

_log = structlog.get_logger(__name__)

_ORDER, _READY, _GIVEN, _DONE = "order.json", "ready", "given.json", "done"
_Message = TypeVar("_Message")


@dataclass(frozen=True, slots=True)
class MoveOrder:
    """Cameras that go from one worker to another."""

    number: int
    camera_ids: tuple[str, ...]
    giver: str
    taker: str


@dataclass(frozen=True, slots=True)
class GivenZone:
    """A zone on its way: its last recorded reading, and what its judgement remembers."""

    zone_id: str
    last: ZoneReading
    memory: ZoneMemory | None


@dataclass(frozen=True, slots=True)
class Given:
    """What the giver leaves.

    Attributes:
        captured_ns: capture time of the last picture that it judged, by camera.
    """

    number: int
    zones: tuple[GivenZone, ...]
    captured_ns: Mapping[str, int]


class HandoverFolder:
    """The folder; every process has one of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def order(self) -> MoveOrder | None:
        """The move that is under way, if there is one."""
        return self._read(_ORDER, _ORDERS)

    def given(self, number: int) -> Given | None:
        """What was given in this move, once it was."""
        given = self._read(_GIVEN, _GIVENS)
        return given if given is not None and given.number == number else None

    def is_ready(self, number: int) -> bool:
        """Whether the taker plays the cameras of this move."""
        return self._number(_READY) == number

    def is_done(self, number: int) -> bool:
        """Whether the taker judges the cameras of this move."""
        return self._number(_DONE) == number

    def begin(self, order: MoveOrder) -> None:
        """Give the order; what an earlier move left is taken away first.

        Raises:
            OSError: it cannot be written.
        """
        self.clear()
        self._write(_ORDER, _ORDERS.dump_json(order))

    def call_off(self) -> None:
        """Take the order back: who has not begun will not."""
        (self._folder / _ORDER).unlink(missing_ok=True)

    def repeat(self, order: MoveOrder) -> None:
        """Give the order again; what was left for it stays."""
        self._write(_ORDER, _ORDERS.dump_json(order))

    def say_ready(self, number: int) -> None:
        """The taker plays the cameras."""
        self._write(_READY, f"{number}".encode())

    def give(self, given: Given) -> None:
        """The giver has stopped."""
        self._write(_GIVEN, _GIVENS.dump_json(given))

    def say_done(self, number: int) -> None:
        """The taker judges the cameras."""
        self._write(_DONE, f"{number}".encode())

    def clear(self) -> None:
        """End the move: the order goes first, so that nobody begins a part of it."""
        for name in (_ORDER, _READY, _GIVEN, _DONE):
            with contextlib.suppress(OSError):
                (self._folder / name).unlink(missing_ok=True)

    def _number(self, name: str) -> int | None:
        try:
            return int((self._folder / name).read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None

    def _read(self, name: str, kind: TypeAdapter[_Message]) -> _Message | None:
        try:
            return kind.validate_json((self._folder / name).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            _log.warning("a part of a camera's move cannot be read", file=name, reason=str(error))
            return None

    def _write(self, name: str, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_whole(self._folder / name, content, durable=False)


def handover_folder(run_dir: Path) -> HandoverFolder:
    """Where the workers of this run leave each other cameras."""
    return HandoverFolder(run_dir / "moves")


_ORDERS = TypeAdapter(MoveOrder)
_GIVENS = TypeAdapter(Given)

__all__ = ["Given", "GivenZone", "HandoverFolder", "MoveOrder", "handover_folder"]
