"""The audit log: a chain of hashes over what people did.

The hash of an entry is SHA-256 over the hash before it and the entry in canonical form (sorted
keys, no spaces, UTF-8). Whoever changes, removes, inserts or reorders an entry breaks the chain;
cutting off its end shows against an anchor, a number and hash kept outside the database.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access.actor import Actor
from api.access.tables import AUDIT
from vision.instants import Utc

START = "0" * 64
ANCHOR_FILE = "audit-anchors.jsonl"
_PAGE = 5_000
_C = AUDIT.c


@dataclass(frozen=True, slots=True)
class Act:
    """What is to be recorded: `action` as area.verb, `subject` what it was done to."""

    action: str
    subject: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log."""

    seq: int
    at_ns: int
    actor: str
    account: str
    action: str
    subject: str
    detail_json: str
    previous: str
    hash: str

    def expected_hash(self) -> str:
        """The hash that this content has after `previous`."""
        names = ("seq", "at_ns", "actor", "account", "action", "subject", "detail_json")
        return chained(self.previous, {name: getattr(self, name) for name in names})


@dataclass(frozen=True, slots=True)
class Anchor:
    """The head of the chain at some time, kept outside the database."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found: `entries` were read; `fault` is empty when the chain holds.

    `fault` is a key `audit.fault.<fault>` of the catalogue, `seq` the entry it stands at.
    """

    entries: int
    fault: str = ""
    seq: int = 0


def canonical(record: Mapping[str, Any]) -> bytes:
    """Sorted keys, no spaces, UTF-8; the records hold only text and whole numbers."""
    text = json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def chained(previous: str, record: Mapping[str, Any]) -> str:
    """SHA-256 over the previous hash and the record, as hexadecimal digits."""
    return sha256(previous.encode("ascii") + canonical(record)).hexdigest()


async def append(connection: AsyncConnection, actor: Actor | str, act: Act, at: Utc) -> Entry:
    """Add an entry inside the caller's writing transaction; what it tells and it stand or fall.

    `actor` may be a plain name where nobody is signed in: a failed sign-in, the system itself.
    """
    head = await newest(connection)
    name, account = (actor, "") if isinstance(actor, str) else (actor.name, actor.account)
    values: dict[str, Any] = {
        "seq": head.seq + 1,
        "at_ns": at.ns,
        "actor": name[:80],
        "account": account[:80],
        "action": act.action,
        "subject": act.subject[:200],
        "detail_json": canonical(act.detail).decode(),
    }
    values["hash"] = chained(head.hash, values)
    values["previous"] = head.hash
    await connection.execute(insert(AUDIT).values(values))
    return Entry(**values)


async def newest(connection: AsyncConnection) -> Anchor:
    """The head of the chain; number 0 before the first entry."""
    query = select(_C.seq, _C.hash).order_by(_C.seq.desc()).limit(1)
    row = (await connection.execute(query)).first()
    return Anchor(0, START) if row is None else Anchor(int(row[0]), str(row[1]))


@dataclass(frozen=True, slots=True)
class Asked:
    """Which entries are wanted; what is empty asks for nothing.

    Attributes:
        area: first part of the act's code, such as `alarm`.
        who: part of the name or of the account, in capitals or not.
        since, until: the first moment that counts, and the first that no longer does.
    """

    area: str = ""
    who: str = ""
    since: Utc | None = None
    until: Utc | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """What an entry must satisfy, all of it."""
        if self.area:
            yield _C.action.startswith(f"{self.area}.", autoescape=True)
        if self.who:
            named = (
                column.icontains(self.who, autoescape=True) for column in (_C.actor, _C.account)
            )
            yield or_(*named)
        if self.since is not None:
            yield _C.at_ns >= self.since.ns
        if self.until is not None:
            yield _C.at_ns < self.until.ns


_EVERYTHING = Asked()


async def listed(
    connection: AsyncConnection, *, before: int, limit: int, asked: Asked = _EVERYTHING
) -> tuple[Entry, ...]:
    """Entries below the number `before`, newest first."""
    query = select(AUDIT).where(_C.seq < before, *asked.conditions())
    query = query.order_by(_C.seq.desc()).limit(limit)
    return tuple(_entry(row) for row in (await connection.execute(query)).mappings())


async def verify(connection: AsyncConnection, anchors: Sequence[Anchor] = ()) -> Verdict:
    """Walk the chain from its start and compare it with the anchors."""
    wanted = {anchor.seq: anchor.hash for anchor in anchors}
    seq, head = 0, START
    while True:
        query = select(AUDIT).where(_C.seq > seq).order_by(_C.seq).limit(_PAGE)
        rows = (await connection.execute(query)).mappings().all()
        for row in rows:
            entry = _entry(row)
            fault = _fault(entry, seq, head, wanted)
            if fault:
                return Verdict(seq, fault, entry.seq)
            seq, head = entry.seq, entry.hash
        if len(rows) < _PAGE:
            break
    if wanted and max(wanted) > seq:
        return Verdict(seq, "cut_off", max(wanted))
    return Verdict(seq)


def _fault(entry: Entry, seq: int, head: str, wanted: Mapping[int, str]) -> str:
    if entry.seq != seq + 1:
        return "missing"
    if entry.previous != head:
        return "out_of_order"
    if entry.hash != entry.expected_hash():
        return "changed"
    if wanted.get(entry.seq, entry.hash) != entry.hash:
        return "not_as_anchored"
    return ""


def read_anchors(path: Path) -> tuple[Anchor, ...]:
    """Anchors in `path`, one JSON object a line; none when there is no file.

    A last line that a power cut left unfinished is no anchor.

    Raises:
        ValueError: a line is no anchor; the text names the file and the line.
    """
    if not path.exists():
        return ()
    found = []
    finished, _, _ = path.read_text(encoding="utf-8", errors="replace").rpartition("\n")
    for number, line in enumerate(finished.splitlines(), 1):
        try:
            body = json.loads(line)
            found.append(Anchor(int(body["seq"]), str(body["hash"])))
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{path}, line {number}: not an anchor; restore its backup") from None
    return tuple(found)


def write_anchor(path: Path, anchor: Anchor, at: Utc) -> None:
    """Add the head to the file of anchors, on disk; copy that file off this machine."""
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps({"seq": anchor.seq, "hash": anchor.hash, "at": at.iso()})
    with path.open("a+b") as file:
        file.seek(0)
        finished = file.read().rpartition(b"\n")
        # The unfinished line of a power cut would swallow the one that follows it.
        file.truncate(len(finished[0]) + len(finished[1]))
        file.write(f"{line}\n".encode())
        file.flush()
        os.fsync(file.fileno())


def _entry(row: RowMapping) -> Entry:
    return Entry(**{name: row[name] for name in Entry.__slots__})
