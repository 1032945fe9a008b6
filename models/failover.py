"""A session that outlives its runtime: another one of the same network takes its place.

A runtime may load and time well, and fail later: a GPU is lost, its memory is full, a shorter
precision overflows. Without another one every picture after that would fail, and all zones would
stay UNKNOWN until somebody looks into the log.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

from numpy.typing import NDArray

from models.errors import ModelError, RuntimeFailedError
from models.sessions import Outputs, Port, Precision, RuntimeName, Session

_log = logging.getLogger(__name__)


class LastingSession:
    """A `Session` with spare ones of the same network, in other runtimes or precisions.

    A spare takes over for good when it computes a picture on which the present one failed, with one
    warning that names both. A picture that none of them computes is the picture's own fault and
    changes nothing.
    """

    def __init__(self, first: Session, spares: Sequence[Callable[[], Session]]) -> None:
        """`spares` open the others, the most exact first; each is opened once, when needed."""
        self._session = first
        self._spares = [_Spare(opener) for opener in spares]
        self._lock = threading.Lock()

    @property
    def runtime(self) -> RuntimeName:
        return self._session.runtime

    @property
    def precision(self) -> Precision:
        return self._session.precision

    @property
    def inputs(self) -> tuple[Port, ...]:
        return self._session.inputs

    @property
    def output_names(self) -> tuple[str, ...]:
        return self._session.output_names

    def run(self, feed: NDArray[Any]) -> Outputs:
        """See `Session.run`; what is raised is the failure of the session that was in use."""
        session = self._session
        try:
            return session.run(feed)
        except RuntimeFailedError as failure:
            with self._lock:
                if session is not self._session:
                    # Another thread has found the next one meanwhile.
                    return self._session.run(feed)
                return self._by_a_spare(feed, failure)

    def _by_a_spare(self, feed: NDArray[Any], failure: RuntimeFailedError) -> Outputs:
        for spare in tuple(self._spares):
            session = spare.session()
            if session is None:
                self._spares.remove(spare)
                continue
            try:
                found = session.run(feed)
            except RuntimeFailedError:
                continue
            _log.warning(
                "runtime %s (%s) is left out: %s; %s (%s) is used",
                self._session.runtime,
                self._session.precision,
                failure,
                session.runtime,
                session.precision,
            )
            self._spares.remove(spare)
            self._session = session
            return found
        raise failure


class _Spare:
    """One that is opened when it is needed, and kept."""

    def __init__(self, opener: Callable[[], Session]) -> None:
        self._opener = opener
        self._session: Session | None = None

    def session(self) -> Session | None:
        """`None` where it does not open."""
        if self._session is None:
            try:
                self._session = self._opener()
            except ModelError as refusal:
                _log.info("no other runtime: %s", refusal)
        return self._session


__all__ = ["LastingSession"]
