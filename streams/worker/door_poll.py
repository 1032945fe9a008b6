"""How the doors with a contact stand, asked of the service by each worker once a second.

The contacts hang on the service's panels; the measuring core is in the worker. A door of which the
service has said nothing for `FORGET_S` is unknown.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx
import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from streams.clock import Clock
from vision.risk.doors import DoorState

_log = structlog.get_logger(__name__)

DOORS_URL = "/api/v1/workers/doors"
FORGET_S = 5.0
_EVERY_S = 1.0
_MOST_BYTES = 1_000_000


class DoorsBody(BaseModel):
    """The service's answer: the state of every door with a contact, by its id."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    doors: dict[str, DoorState] = {}


@dataclass(frozen=True, slots=True)
class DoorStates:
    """What is known now; a door that is missing is unknown."""

    states: Mapping[str, DoorState]


class DoorPoll:
    """Asks in a thread of its own; hands what has changed to `take`."""

    def __init__(
        self, client: httpx.Client, clock: Clock, take: Callable[[DoorStates], None]
    ) -> None:
        self._client = client
        self._clock = clock
        self._take = take
        self._told: Mapping[str, DoorState] = {}
        self._heard = clock.monotonic()
        self._failing = False

    def run(self, stop: threading.Event) -> None:
        """Ask until `stop` is set. A service that is away is asked again."""
        while not stop.is_set():
            self.ask()
            self._clock.wait(stop, _EVERY_S)

    def ask(self) -> bool:
        """Ask once; whether there was an answer."""
        try:
            answer = self._client.get(DOORS_URL)
            if answer.status_code != httpx.codes.OK or len(answer.content) > _MOST_BYTES:
                return self._failed(f"status {answer.status_code}")
            doors = DoorsBody.model_validate(json.loads(answer.content)).doors
        except (httpx.HTTPError, RuntimeError) as error:
            # A client that is closed while the worker stops says so by RuntimeError.
            return self._failed(type(error).__name__)
        except (ValueError, ValidationError):
            return self._failed("the answer cannot be read")
        self._failing = False
        self._heard = self._clock.monotonic()
        self._tell(doors)
        return True

    def _failed(self, reason: str) -> bool:
        if not self._failing:
            _log.info("the service does not say how the doors stand", reason=reason)
        self._failing = True
        if self._clock.monotonic() - self._heard > FORGET_S:
            self._tell({})
        return False

    def _tell(self, doors: Mapping[str, DoorState]) -> None:
        if doors != self._told:
            self._told = doors
            self._take(DoorStates(doors))


__all__ = ["DOORS_URL", "FORGET_S", "DoorPoll", "DoorStates", "DoorsBody"]
