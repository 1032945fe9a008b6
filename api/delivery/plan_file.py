"""Follows `delivery.yaml` of a site: who changes it, by hand or on the page, needs no restart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from config.delivery import DELIVERY_FILE, DeliveryFileError, DeliveryPlan, load_delivery

_LOG = structlog.get_logger(__name__)

LOOK_EVERY_S = 1.0

_Stamp = tuple[int, int, int] | None


@dataclass(slots=True)
class PlanFile:
    """The file of one site folder, as it was last seen.

    Attributes:
        fault: why the file as it stands now cannot be used; the settings before it stay in force.
    """

    directory: Path
    fault: DeliveryFileError | None = None
    _seen: _Stamp = field(init=False)

    def __post_init__(self) -> None:
        self._seen = _stamp(self.directory)

    def news(self) -> DeliveryPlan | None:
        """The plan where the file changed since the last look and can be used."""
        stamp = _stamp(self.directory)
        if stamp == self._seen:
            return None
        self._seen = stamp
        try:
            plan = load_delivery(self.directory)
        except DeliveryFileError as error:
            self.fault = error
            _LOG.error("delivery.settings_refused", reason=str(error))
            return None
        self.fault = None
        return plan

    async def follow(self, take: Callable[[DeliveryPlan], None]) -> None:
        """Hand every new plan to `take` until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            plan = await asyncio.to_thread(self.news)
            if plan is not None:
                _LOG.info("delivery.settings_changed", targets=len(plan.targets))
                take(plan)


def _stamp(directory: Path) -> _Stamp:
    """Tells one state of the file from the next; `None` where there is no file."""
    try:
        found = (directory / DELIVERY_FILE).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
