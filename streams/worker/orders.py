"""What people decided at the console about a camera, fetched by its worker.

The API numbers its orders; a worker asks for those after the last one it took, and notes the
number on disk. An order taken twice does no harm: each names the state it wants.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import httpx
import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict, NonNegativeInt, ValidationError

from streams.clock import Clock
from vision.health.features import Mode

_log = structlog.get_logger(__name__)

ORDERS_URL = "/api/v1/workers/orders"
_EVERY_S = 5.0
_MOST_BYTES = 1_000_000


class OrderKind(StrEnum):
    """What is wanted of a camera's check."""

    RESUME = "resume"
    """The calibration holds: measure again."""
    RELEARN = "relearn"
    """Forget the baselines and learn them anew."""
    CONFIRM = "confirm"
    """The baseline learnt at that time shows the camera as it should be."""


class Order(BaseModel):
    """One decision of a person."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    number: NonNegativeInt
    camera_id: str
    kind: OrderKind
    name: str = ""
    mode: Mode | None = None
    learnt_at: AwareDatetime | None = None


class OrderBatch(BaseModel):
    """The API's answer: orders in the order of their numbers."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    orders: tuple[Order, ...] = ()


class OrderPoll:
    """Asks every five seconds in a thread of its own; hands each order to `take`."""

    def __init__(
        self, client: httpx.Client, clock: Clock, kept_at: Path, take: Callable[[Order], None]
    ) -> None:
        self._client = client
        self._clock = clock
        self._kept_at = kept_at
        self._take = take
        self._after = _read_number(kept_at)
        self._failing = False

    def run(self, stop: threading.Event) -> None:
        """Ask until `stop` is set. An API that is away is asked again."""
        while not stop.is_set():
            self.ask()
            self._clock.wait(stop, _EVERY_S)

    def ask(self) -> int:
        """Fetch once; how many orders came."""
        try:
            answer = self._client.get(ORDERS_URL, params={"after": self._after})
            if answer.status_code != httpx.codes.OK or len(answer.content) > _MOST_BYTES:
                return self._failed(f"status {answer.status_code}")
            batch = OrderBatch.model_validate(json.loads(answer.content))
        except (httpx.HTTPError, RuntimeError) as error:
            # A client that is closed while the worker stops says so by RuntimeError.
            return self._failed(type(error).__name__)
        except (ValueError, ValidationError):
            return self._failed("the answer cannot be read")
        self._failing = False
        for order in batch.orders:
            if order.number > self._after:
                self._take(order)
                self._after = order.number
        if batch.orders:
            self._keep()
        return len(batch.orders)

    def _failed(self, reason: str) -> int:
        if not self._failing:
            _log.info("no orders from the service for now", reason=reason)
        self._failing = True
        return 0

    def _keep(self) -> None:
        draft = self._kept_at.with_name(f"{self._kept_at.name}.draft")
        try:
            draft.write_text(f"{self._after}\n", encoding="ascii")
            draft.replace(self._kept_at)
        except OSError as error:
            _log.warning("the number of the last order cannot be kept", reason=str(error))


def _read_number(path: Path) -> int:
    """The last order taken; 0 where none is noted, or the note cannot be read."""
    try:
        return max(0, int(path.read_text(encoding="ascii")))
    except (OSError, ValueError):
        return 0


__all__ = ["ORDERS_URL", "Order", "OrderBatch", "OrderKind", "OrderPoll"]
