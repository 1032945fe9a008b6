"""Takes an audit that the command line confirmed into the record of the service."""

from __future__ import annotations

import asyncio

from sqlalchemy import select

from api.access import audit
from api.coverage import signed
from api.coverage.document import AuditDocument
from api.coverage.errors import AuditFileError
from api.coverage.tables import COVERAGE_AUDITS
from api.database import Database, check_is_there, migrate
from vision.instants import Utc

_BY = "command line"
_MOST_CHARACTERS = 80


def keep_in(database_url: str, document: AuditDocument, site_id: str, now: Utc) -> bool:
    """Keep a confirmed audit of this site; false where the database has it already. Blocks.

    The name that it bears is the file's word: the audit log says that the command line brought it.

    Raises:
        AuditFileError: nobody confirmed it, it is of another site, or its confirmation cannot be
            read.
        DatabaseError: the database cannot be used.
    """
    _check(document, site_id)
    check_is_there(database_url)
    migrate(database_url)
    return asyncio.run(_keep(database_url, document, now))


def _check(document: AuditDocument, site_id: str) -> None:
    if document.site_id != site_id:
        raise AuditFileError(
            f"the audit is of the site {document.site_id}, not of {site_id}; "
            "name the folder of its own site"
        )
    who = document.confirmation
    if who is None:
        raise AuditFileError("only a confirmed audit is kept; confirm it first")
    if not who.name.strip() or len(who.name) > _MOST_CHARACTERS:
        raise AuditFileError("the audit names nobody who confirmed it; confirm it by name")
    try:
        Utc.from_iso(who.at), Utc.from_iso(document.made_at)
    except ValueError as error:
        raise AuditFileError(
            f"a time of the audit cannot be read: {error}; audit and confirm anew"
        ) from error


async def _keep(database_url: str, document: AuditDocument, now: Utc) -> bool:
    async with Database(database_url) as database, database.write() as connection:
        query = select(COVERAGE_AUDITS.c.id).where(COVERAGE_AUDITS.c.sha256 == document.sha256)
        if (await connection.execute(query)).first() is not None:
            return False
        await signed.keep(connection, document)
        who = document.confirmation
        told = {"signed": "" if who is None else who.name, "sha256": document.sha256}
        act = audit.Act("coverage.audit_kept", document.site_id, told)
        await audit.append(connection, _BY, act, now)
    return True


__all__ = ["keep_in"]
