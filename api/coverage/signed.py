"""Audits that a named person confirmed, kept for good in the database."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.coverage.document import AuditDocument
from api.coverage.errors import AuditFileError
from api.coverage.tables import COVERAGE_AUDITS
from vision.instants import Utc


@dataclass(frozen=True, slots=True)
class SignedAudit:
    """A confirmed audit without its figures."""

    id: int
    ladder_id: str
    sha256: str
    made: Utc
    confirmed_by: str
    confirmed: Utc


async def keep(connection: AsyncConnection, document: AuditDocument) -> None:
    """Keep a confirmed audit.

    Raises:
        AuditFileError: nobody confirmed it.
    """
    who = document.confirmation
    if who is None:
        raise AuditFileError("only a confirmed audit is kept; confirm it first")
    await connection.execute(
        insert(COVERAGE_AUDITS).values(
            ladder_id=document.ladder_id,
            sha256=document.sha256,
            made_ns=Utc.from_iso(document.made_at).ns,
            confirmed_by=who.name,
            confirmed_ns=Utc.from_iso(who.at).ns,
            document_json=document.model_dump_json(),
        )
    )


async def kept(connection: AsyncConnection) -> tuple[SignedAudit, ...]:
    """All of them, newest first."""
    columns = [column for column in COVERAGE_AUDITS.c if column.name != "document_json"]
    query = select(*columns).order_by(COVERAGE_AUDITS.c.id.desc())
    rows = (await connection.execute(query)).mappings().all()
    return tuple(
        SignedAudit(
            id=row["id"],
            ladder_id=row["ladder_id"],
            sha256=row["sha256"],
            made=Utc(row["made_ns"]),
            confirmed_by=row["confirmed_by"],
            confirmed=Utc(row["confirmed_ns"]),
        )
        for row in rows
    )


async def document_of(connection: AsyncConnection, audit_id: int) -> AuditDocument | None:
    """The audit as it was confirmed; `None` where there is none of that id."""
    query = select(COVERAGE_AUDITS.c.document_json).where(COVERAGE_AUDITS.c.id == audit_id)
    text = (await connection.execute(query)).scalar_one_or_none()
    return None if text is None else AuditDocument.model_validate_json(text)


__all__ = ["SignedAudit", "document_of", "keep", "kept"]
