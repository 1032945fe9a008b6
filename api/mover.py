"""The supervisor's part in moving cameras: looks at the workers, plans, orders, and writes down who
has which camera. One thread; a fault in it never ends the service.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import structlog

from api.placement import record_move, seen_together, worker_shares
from config.settings import ServiceSettings
from config.site import Site
from streams.clock import Clock
from streams.crews.handover import HandoverFolder, MoveOrder, handover_folder
from streams.crews.moving import MovePlanner, PlannedMove, WorkerView
from streams.crews.placement import camera_groups
from streams.worker.assembly import socket_path

_log = structlog.get_logger(__name__)

LOOK_EVERY_S = 5.0
_TIMEOUT_S = 1.0
_STEP_S = 0.25
# The taker has so long to open the cameras, and the giver to stop once they are open; a worker that
# is restarted meanwhile goes on where the files say.
OPEN_WITHIN_S, GIVE_WITHIN_S = 20.0, 120.0
_RACE_S = 3.0

Status = Mapping[str, Any]


class Mover:
    """`run` is the work of a thread of the supervisor."""

    def __init__(
        self,
        site: Site,
        settings: ServiceSettings,
        clock: Clock,
        status_of: Callable[[Path], Status | None] | None = None,
    ) -> None:
        self._site = site
        self._settings = settings
        self._clock = clock
        self._status_of = status_of or ask_status
        self._folder: HandoverFolder = handover_folder(settings.run_dir)
        self._planner = MovePlanner(camera_groups(seen_together(site)))
        self._number = 0

    def run(self, stop: threading.Event) -> None:
        """Look every few seconds until `stop` is set."""
        self._number = round(self._clock.utc().ns / 1e9)
        self._folder.clear()
        while not self._clock.wait(stop, LOOK_EVERY_S):
            planned = self._planner.turn(self._views(), self._clock.monotonic())
            if planned is not None:
                self.move(planned, stop)
                self._planner.moved(planned.camera_ids, self._clock.monotonic())

    def move(self, planned: PlannedMove, stop: threading.Event) -> bool:
        """Have cameras moved; whether they were."""
        self._number += 1
        order = MoveOrder(self._number, planned.camera_ids, planned.giver, planned.taker)
        _log.info("cameras move", cameras=order.camera_ids, of=order.giver, to=order.taker)
        try:
            self._folder.begin(order)
            done = self._carried_out(order, stop)
        except OSError as error:
            _log.warning("cameras cannot be moved", reason=str(error))
            return False
        if not done:
            _log.warning("a move was called off", cameras=order.camera_ids, to=order.taker)
        return done

    def _carried_out(self, order: MoveOrder, stop: threading.Event) -> bool:
        if not self._comes(lambda: self._folder.is_ready(order.number), OPEN_WITHIN_S, stop):
            self._folder.call_off()
            # The taker may have been ready in the same moment, and the giver quick.
            if not self._comes(lambda: self._is_given(order), _RACE_S, stop):
                self._folder.clear()
                return False
            self._folder.repeat(order)
        if not self._comes(lambda: self._is_given(order), GIVE_WITHIN_S, stop):
            self._folder.clear()
            return False
        record_move(self._site, self._settings, order)
        self._comes(lambda: self._folder.is_done(order.number), GIVE_WITHIN_S, stop)
        self._folder.clear()
        return True

    def _is_given(self, order: MoveOrder) -> bool:
        return self._folder.given(order.number) is not None

    def _comes(self, what: Callable[[], bool], within_s: float, stop: threading.Event) -> bool:
        until = self._clock.monotonic().plus(within_s)
        while not what():
            if self._clock.monotonic() >= until or self._clock.wait(stop, _STEP_S):
                return False
        return True

    def _views(self) -> list[WorkerView]:
        """How the workers stand; one that does not answer is left out."""
        told = {
            share.worker_id: status
            for share in worker_shares(self._site, self._settings)
            if (status := self._status_of(socket_path(self._settings.run_dir, share.worker_id)))
        }
        return views_of(told)


def views_of(told: Mapping[str, Status]) -> list[WorkerView]:
    """From what workers answer to how they stand.

    Time that a worker has on a borrowed core is not its own, and the lender would have it back.
    """
    # A worker that is still starting does not know its cores yet.
    started = {one: status for one, status in told.items() if "home" in status.get("cores", {})}
    lent = {status["cores"]["lent"] for status in started.values()}
    views = []
    for worker_id, status in started.items():
        pace, cores = status["pace"], status["cores"]
        behind = pace["shed_step"] > 0 or pace["lost_share"] > 0.02 or cores["lent"] is not None
        spare = pace["idle_cores"]
        if cores["home"] is not None and cores["home"] in lent:
            spare = max(spare, 1.0 - pace["spent_cores"])
        views.append(WorkerView(worker_id, behind, pace["needs_cores"], spare))
    return views


def ask_status(path: Path) -> Status | None:
    """A worker's own account of itself; `None` when it does not answer."""
    transport = httpx.HTTPTransport(uds=str(path))
    try:
        with httpx.Client(
            transport=transport, base_url="http://worker", timeout=_TIMEOUT_S, trust_env=False
        ) as client:
            answer: Status = client.get("/status").json()
            return answer if "cores" in answer else None
    except (httpx.HTTPError, ValueError):
        return None


__all__ = ["LOOK_EVERY_S", "Mover", "ask_status", "views_of"]
