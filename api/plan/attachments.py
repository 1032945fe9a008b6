"""Files that belong to records, hazards and incidents, kept by their digest.

The file is on the disk, whole, before its row is written: a row without a file cannot be, and a
file without a row is harmless.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access import audit
from api.plan.attachment_bodies import AttachmentIn, AttachmentOut
from api.plan.counting import Desk
from api.plan.errors import NotFoundRefusal, StepRefusal
from api.plan.history import Entry, append
from api.plan.tables import PLAN_ATTACHMENTS, PLAN_HAZARDS, PLAN_INCIDENTS, PLAN_RECORDS, PLAN_TASKS
from api.plan.viewer import PlanViewer
from config.whole_files import replace_whole

MOST_BYTES = 5 * 1024 * 1024
_A = PLAN_ATTACHMENTS.c
_OWNERS = {
    "record": PLAN_RECORDS,
    "hazard": PLAN_HAZARDS,
    "incident": PLAN_INCIDENTS,
    "task": PLAN_TASKS,
}


def decoded(content_base64: str) -> bytes:
    """The file's bytes. Raises `StepRefusal` for text that is no base64, or for a large file."""
    try:
        content = base64.b64decode(content_base64, validate=True)
    except ValueError as error:  # no base 64, or not even ASCII
        raise StepRefusal("plan_file_unreadable") from error
    if len(content) > MOST_BYTES:
        raise StepRefusal("plan_file_too_large", limit=MOST_BYTES // 2**20)
    return content


def store(folder: Path, content: bytes) -> str:
    """Write the file durably under its digest; returns the digest. Blocks."""
    digest = sha256(content).hexdigest()
    target = path_of(folder, digest)
    if not target.exists():
        replace_whole(target, content, mode=0o600)
    return digest


def path_of(folder: Path, digest: str) -> Path:
    """Where a file with this digest lies."""
    return folder / digest[:2] / digest


async def attach(
    connection: AsyncConnection,
    desk: Desk,
    body: AttachmentIn,
    digest: str,
    *,
    author: str,
    size: int,
) -> AttachmentOut:
    """Bind a stored file to its subject; the same file twice is one attachment.

    Raises `NotFoundRefusal` for another unit's subject.
    """
    kind, _, number = body.subject.partition(":")
    owner = _OWNERS[kind].c
    query = select(owner.id).where(owner.id == int(number), owner.unit_no == desk.unit_no)
    if (await connection.execute(query)).first() is None:
        raise NotFoundRefusal("plan_unknown", number=number)
    known = await connection.execute(
        select(PLAN_ATTACHMENTS).where(_A.subject == body.subject, _A.sha256 == digest)
    )
    row = known.mappings().first()
    if row is not None:
        return AttachmentOut.model_validate(
            {name: row[name] for name in AttachmentOut.model_fields}
        )
    values = {"name": body.name, "media_type": body.media_type, "size_bytes": size}
    inserted = await connection.execute(
        insert(PLAN_ATTACHMENTS)
        .values(
            **values,
            unit_no=desk.unit_no,
            subject=body.subject,
            sha256=digest,
            author=author,
            created_ns=desk.now.ns,
        )
        .returning(_A.id)
    )
    entry = Entry(
        desk.unit_no, body.subject, "attached", author, desk.now, {**values, "sha256": digest}
    )
    await append(connection, entry)
    return AttachmentOut(id=int(inserted.scalar_one()), sha256=digest, **values)


async def subject_of(connection: AsyncConnection, desk: Desk, number: int) -> str:
    """What a file belongs to, such as `record:12` or `hazard:3`.

    Raises:
        NotFoundRefusal: when the unit has no such file.
    """
    query = select(_A.subject).where(_A.id == number, _A.unit_no == desk.unit_no)
    subject = (await connection.execute(query)).scalar_one_or_none()
    if subject is None:
        raise NotFoundRefusal("plan_unknown", number=number)
    return str(subject)


async def note_download(
    connection: AsyncConnection, desk: Desk, viewer: PlanViewer, subject: str
) -> None:
    """Say in the audit log who takes away `attachment:12` or `paper:3`."""
    kind = subject.partition(":")[0]
    act = audit.Act(f"plan.{kind}.downloaded", subject, {"unit": desk.unit_no})
    # At a shared desk the name that was typed stands in the record, not the desk's.
    await audit.append(connection, replace(viewer.actor, name=viewer.name), act, desk.now)


async def one(connection: AsyncConnection, desk: Desk, number: int) -> AttachmentOut:
    """Raises `NotFoundRefusal`, also for another unit's file."""
    query = select(PLAN_ATTACHMENTS).where(_A.id == number, _A.unit_no == desk.unit_no)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise NotFoundRefusal("plan_unknown", number=number)
    return AttachmentOut.model_validate({name: row[name] for name in AttachmentOut.model_fields})
