"""The sign of life from a child process to its supervisor: one byte on a pipe."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping

from config.errors import SettingsError

HEARTBEAT_FD = "XIAOAN_HEARTBEAT_FD"


class Heartbeat:
    """The child's end. Without a supervisor it does nothing."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        if descriptor is not None:
            os.set_blocking(descriptor, False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Heartbeat:
        """The pipe that the supervisor handed over, if there is one.

        Raises:
            SettingsError: there is no such pipe, as in a shell that took over the environment of a
                running process.
        """
        text = environment.get(HEARTBEAT_FD, "")
        try:
            return cls(int(text) if text.isdecimal() else None)
        except (OSError, OverflowError, ValueError):
            raise SettingsError(
                f"environment variable {HEARTBEAT_FD}: {text[:20]} is no open pipe — mend: remove "
                "it; the supervisor alone sets it"
            ) from None

    def beat(self) -> None:
        """Say that all is well. A full pipe or a gone supervisor is no reason to fail."""
        if self._descriptor is not None:
            with contextlib.suppress(BlockingIOError, BrokenPipeError):
                os.write(self._descriptor, b".")

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


__all__ = ["HEARTBEAT_FD", "Heartbeat"]
