"""Stands in for a path that cannot work as it is set up; other paths go on."""

from __future__ import annotations

from api.delivery.driver import Accepted, Receipt
from api.delivery.errors import PathError, SetupError
from api.delivery.message import OutMessage


class BrokenDriver:
    """Refuses everything with the reason that a person must mend."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def start(self) -> None:
        """Nothing to open."""

    async def send(self, message: OutMessage, accepted: Accepted) -> Receipt:
        """Raises `PathError`, always."""
        del message, accepted
        raise PathError(self._reason)

    async def supervise(self) -> str:
        """Raises `SetupError`, always."""
        raise SetupError(self._reason)

    async def stop(self) -> None:
        """Nothing to release."""
