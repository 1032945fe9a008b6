"""What a sender has to write: collected between two transactions, and as much as can be written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from api.delivery import queue
from api.delivery.late_receipts import LateReceipt
from api.delivery.path_state import PathState
from api.delivery.peer_words import storable
from api.delivery.queue import Outcome
from api.delivery.target import Line
from vision.instants import Utc


@dataclass(frozen=True, slots=True)
class News:
    """What one transaction writes.

    Attributes:
        late: message, path and detail of receipts that came after the attempt.
        controls: target, path, and command with detail, of commands of receivers.
        recovered: targets of which a path works again.
        held: rows whose leases are renewed; empty where the sender does not beat.
    """

    now: Utc
    beats: bool
    outcomes: tuple[Outcome, ...]
    late: tuple[LateReceipt, ...]
    controls: tuple[tuple[str, str, tuple[str, str]], ...]
    told: tuple[tuple[str, Line, PathState], ...]
    recovered: tuple[str, ...]
    held: tuple[int, ...]


async def without_busy(connection: AsyncConnection, news: News) -> News:
    """What can be written without waiting for the desk; the rest is news the next time."""
    seqs = {*news.held, *(outcome.seq for outcome in news.outcomes)}
    ids = {message_id for message_id, _, _ in news.late}
    free_seqs, free_ids = await queue.free(connection, seqs, ids)
    return replace(
        news,
        outcomes=tuple(outcome for outcome in news.outcomes if outcome.seq in free_seqs),
        late=tuple(receipt for receipt in news.late if receipt[0] in free_ids),
        held=tuple(seq for seq in news.held if seq in free_seqs),
    )


def path_columns(state: PathState, now: Utc) -> Mapping[str, object]:
    """The state of a path as a row."""
    return {
        "state": state.health.value,
        "since_ns": state.since.ns,
        "checked_ns": now.ns,
        "last_receipt_ns": None if state.last_receipt is None else state.last_receipt.ns,
        "misses": state.misses,
        "breaker": state.breaker.value,
        "detail": storable(state.detail, 300),
    }
