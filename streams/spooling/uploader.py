"""Sends the spool to the API until it is empty, for ever.

A record leaves the spool only after the API has said what became of it: accepted, known already,
or refused for good. While the API is away the waits grow, with jitter; nothing is lost and nothing
is sent twice that was answered, and what was sent twice without an answer has one id.
"""

from __future__ import annotations

import contextlib
import json
import random
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypedDict

import httpx
import structlog
from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from streams.backoff import Backoff, BackoffSettings
from streams.clock import Clock
from streams.errors import SpoolError, UploadError
from streams.spooling.spool import Rejection, Spool, SpooledRecord

_log = structlog.get_logger(__name__)

_AT_START_S, _START_ATTEMPTS = 0.5, 40
# Answers that mean "this batch will never do": too large, or not as the contract says.
_POISONED = frozenset({400, 413, 415, 422})
# The service is there and its database is not: it can show what it is sent.
_NOT_STORED, _SHOWN_EVERY_S = "database_refused", 1.0
# The disk under the spool may take records again; a damaged file takes a new start.
_PASSING = (UploadError, sqlite3.OperationalError)


@dataclass(frozen=True, slots=True)
class UploaderSettings:
    """Sizes and times of sending.

    Attributes:
        batch_limit: records in one request.
        linger_s: readings may wait this long for others; urgent records go at once. Each request
            costs the service a transaction, whatever it carries.
        backoff: waits while the API is away.
    """

    batch_limit: int = 200
    linger_s: float = 0.5
    backoff: BackoffSettings = field(default_factory=BackoffSettings)


class _Body(TypedDict):
    content: str
    headers: dict[str, str]


class RejectedRecord(BaseModel):
    """A record that the API refuses for good."""

    model_config = ConfigDict(frozen=True)

    record_id: str
    reason: str


class IngestAnswer(BaseModel):
    """The API's answer to a batch."""

    model_config = ConfigDict(frozen=True)

    accepted: NonNegativeInt
    duplicates: NonNegativeInt
    rejected: tuple[RejectedRecord, ...] = ()


class Uploader:
    """Runs in a thread of its own; `wake` is called from others.

    `client` carries the API's base address, the bearer token and the timeouts; the caller closes
    it.
    """

    def __init__(
        self,
        spool: Spool,
        client: httpx.Client,
        *,
        clock: Clock,
        settings: UploaderSettings | None = None,
        random_source: random.Random | None = None,
    ) -> None:
        self._spool = spool
        self._client = client
        self._clock = clock
        self._settings = settings or UploaderSettings()
        self._backoff = Backoff(self._settings.backoff, random_source or random.Random())
        self._limit = self._settings.batch_limit
        self._wake = threading.Event()
        self._sent = 0
        self._failures = 0

    @property
    def sent(self) -> int:
        """Records that left the spool since the start."""
        return self._sent

    @property
    def failures(self) -> int:
        """Requests that failed since the start."""
        return self._failures

    def wake(self) -> None:
        """Urgent records have been stored: send now."""
        self._wake.set()

    def run(self, stop: threading.Event) -> None:
        """Send until `stop` is set (and `wake` called), then once more what is left.

        Ends too when the spool is closed under it: what is left waits there for the next start.
        """
        with contextlib.suppress(SpoolError):
            self._run(stop)

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                sent = self.send_batch()
            except _PASSING as error:
                self._clock.wait(stop, self._after_failure(error))
                continue
            self._after_success()
            if sent < self._limit:
                self._clock.wait(self._wake, self._settings.linger_s)
                self._wake.clear()
        self._last_words()

    def send_batch(self) -> int:
        """Send one batch; returns how many records left the spool.

        Raises:
            UploadError: when the API did not take it; the records stay.
            sqlite3.OperationalError: when the spool's disk fails; the records stay.
        """
        records = self._spool.batch(self._limit)
        if not records:
            return 0
        try:
            answer = self._post(records)
        except UploadError as error:
            if not error.poisoned:
                raise
            self._divide(records, error)
            return len(records) if len(records) == 1 else 0
        self._settle(records, answer)
        self._limit = self._settings.batch_limit
        self._sent += len(records)
        return len(records)

    def _post(self, records: Sequence[SpooledRecord]) -> IngestAnswer:
        try:
            response = self._client.post("/api/v1/ingest", **_body(records))
        except httpx.HTTPError as error:
            raise UploadError(f"the API is not reached: {type(error).__name__}") from error
        if response.status_code in _POISONED:
            raise UploadError(
                f"the API refuses the batch with status {response.status_code}", poisoned=True
            )
        if response.status_code in (401, 403):
            raise UploadError("the API refuses this worker's token (mend: give both the same one)")
        if response.status_code != 200:
            raise UploadError(
                f"the API answers with status {response.status_code}",
                heard=_is_heard(response),
            )
        return _answer(response, len(records))

    def _divide(self, records: Sequence[SpooledRecord], error: UploadError) -> None:
        """Halve a refused batch until the one record is found that the API cannot read."""
        if len(records) > 1:
            self._limit = max(len(records) // 2, 1)
            return
        self._reject([Rejection(records[0], str(error))])
        self._limit = self._settings.batch_limit
        self._sent += 1

    def _settle(self, records: Sequence[SpooledRecord], answer: IngestAnswer) -> None:
        reasons = {rejected.record_id: rejected.reason for rejected in answer.rejected}
        refused = [Rejection(r, reasons[r.record_id]) for r in records if r.record_id in reasons]
        self._spool.delete(record for record in records if record.record_id not in reasons)
        if refused:
            self._reject(refused)

    def _reject(self, rejections: Sequence[Rejection]) -> None:
        self._spool.reject(rejections)
        _log.error(
            "the API refused records for good; they are kept in the spool's table `rejected`",
            count=len(rejections),
            first=rejections[0].record.record_id,
            reason=rejections[0].reason,
        )

    def _show_newest(self) -> None:
        """Let the desk see the present, which may stand far behind what waits. Nothing is stored by
        it: all of it is sent again in its order.
        """
        with contextlib.suppress(httpx.HTTPError):
            self._client.post("/api/v1/ingest/shown", **_body(self._spool.newest(self._limit)))

    def _after_failure(self, error: Exception) -> float:
        if self._backoff.failures == 0:
            _log.warning("records wait in the spool", reason=str(error))
        self._failures += 1
        wait_s = self._backoff.next_wait_s()
        if isinstance(error, UploadError) and error.heard:
            self._show_newest()
            wait_s = min(wait_s, _SHOWN_EVERY_S)
        # At the start the API is seconds away, and the console shows nothing until it has records.
        starting = not self._sent and self._failures <= _START_ATTEMPTS
        return min(wait_s, _AT_START_S) if starting else wait_s

    def _after_success(self) -> None:
        if self._backoff.failures:
            _log.info("the API takes records again", after_failures=self._backoff.failures)
            self._backoff.reset()

    def _last_words(self) -> None:
        try:
            while self.send_batch():
                pass
        except _PASSING as error:
            _log.info("records stay in the spool for the next start", reason=str(error))


def _body(records: Sequence[SpooledRecord]) -> _Body:
    content = '{"records":[' + ",".join(record.body for record in records) + "]}"
    return {"content": content, "headers": {"Content-Type": "application/json"}}


def _is_heard(response: httpx.Response) -> bool:
    """Whether this is the service's own word that it has the batch and cannot store it."""
    try:
        problem = response.json()
    except ValueError:
        return False
    return isinstance(problem, dict) and problem.get("code") == _NOT_STORED


def _answer(response: httpx.Response, sent: int) -> IngestAnswer:
    try:
        answer = IngestAnswer.model_validate(json.loads(response.content))
    except (ValueError, ValidationError) as error:
        raise UploadError("the API's answer cannot be read") from error
    told = answer.accepted + answer.duplicates + len(answer.rejected)
    if told != sent:
        raise UploadError(f"the API accounts for {told} of {sent} records")
    return answer


__all__ = ["IngestAnswer", "RejectedRecord", "Uploader", "UploaderSettings"]
