"""A worker's part in moving cameras: the giver stops and leaves what it knows, the taker goes on.

The taker plays the cameras before the giver stops, so no second passes in which nobody does; it
judges from the first picture after the last one that the giver judged, so none is judged twice.
"""

from __future__ import annotations

from typing import Protocol

import structlog

from streams.crews.handover import Given, HandoverFolder, MoveOrder
from streams.errors import StreamError
from vision.errors import VisionError

_log = structlog.get_logger(__name__)


class Host(Protocol):
    """What the moves need of a worker; called by its main thread."""

    def has(self, camera_ids: tuple[str, ...]) -> bool:
        """Whether it judges all of these cameras."""
        ...

    def play_silently(self, camera_ids: tuple[str, ...]) -> None:
        """Open these cameras; judge and tell nothing.

        Raises:
            KeyError, VisionError, StreamError: they cannot be played here.
        """
        ...

    def silent_are_live(self) -> bool:
        """Whether each of them has shown a picture."""
        ...

    def drop_silent(self) -> None:
        """Close them again."""
        ...

    def take(self, given: Given) -> None:
        """Judge the silent cameras from now on."""
        ...

    def give(self, camera_ids: tuple[str, ...], number: int) -> None:
        """Stop these cameras; what is known of them is written down by and by."""
        ...


class CrewMoves:
    """`step` is called a few times a second."""

    def __init__(self, folder: HandoverFolder, worker_id: str, host: Host) -> None:
        self._folder = folder
        self._worker_id = worker_id
        self._host = host
        self._opened: int | None = None
        self._said_ready = False
        self._settled: set[int] = set()

    def step(self) -> None:
        """Do what is due."""
        order = self._folder.order()
        if self._opened is not None and (order is None or order.number != self._opened):
            # The move was called off before anything was given.
            self._host.drop_silent()
            self._opened = None
        if order is None or order.number in self._settled:
            return
        try:
            if order.taker == self._worker_id:
                self._take(order)
            elif order.giver == self._worker_id:
                self._give(order)
        except (KeyError, OSError, VisionError, StreamError) as error:
            # Not done: the supervisor calls the move off.
            self._settled.add(order.number)
            _log.warning("cameras cannot be moved", cameras=order.camera_ids, reason=str(error))

    def _take(self, order: MoveOrder) -> None:
        if self._opened != order.number:
            if self._host.has(order.camera_ids):
                # Started anew after they were given: they are its own already.
                self._done(order)
                return
            self._host.play_silently(order.camera_ids)
            self._opened, self._said_ready = order.number, False
        given = self._folder.given(order.number)
        if given is not None:
            self._host.take(given)
            self._opened = None
            self._done(order)
        elif not self._said_ready and self._host.silent_are_live():
            self._said_ready = True
            self._folder.say_ready(order.number)

    def _give(self, order: MoveOrder) -> None:
        if self._folder.is_ready(order.number) and self._host.has(order.camera_ids):
            self._settled.add(order.number)
            self._host.give(order.camera_ids, order.number)
            _log.info("cameras are given away", cameras=order.camera_ids, to=order.taker)

    def _done(self, order: MoveOrder) -> None:
        self._settled.add(order.number)
        self._folder.say_done(order.number)
        _log.info("cameras are taken over", cameras=order.camera_ids, of=order.giver)


__all__ = ["CrewMoves", "Host"]
