"""Photographs of the papers: which may leave the school, and small copies of them to print.

A photograph leaves only when a person has said that nobody can be recognised on it, or that those
on it were made unrecognisable. Copies carry no metadata: a phone writes the place into a picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan.attachments import path_of
from api.plan.counting import Desk
from api.plan.errors import NotFoundRefusal
from api.plan.history import Entry, append
from api.plan.tables import PLAN_ATTACHMENTS

LONGEST_SIDE_PX = 1_280
MOST_PIXELS = 50_000_000
_JPEG_QUALITY = 82
_A = PLAN_ATTACHMENTS.c


class Privacy(StrEnum):
    """Whether a picture may leave; said by a person."""

    UNCHECKED = "unchecked"
    CLEAR = "clear"
    REDACTED = "redacted"
    KEPT = "kept"


LEAVING = (Privacy.CLEAR, Privacy.REDACTED)


@dataclass(frozen=True, slots=True)
class Photo:
    """One attached picture. `subject` is `record:12` or `hazard:3`."""

    id: int
    subject: str
    name: str
    sha256: str
    privacy: Privacy

    @property
    def leaves(self) -> bool:
        return self.privacy in LEAVING


async def photos_of(
    connection: AsyncConnection, unit_no: int, subjects: Sequence[str]
) -> tuple[Photo, ...]:
    """Pictures that belong to `subjects`, in their order of arrival."""
    wanted = frozenset(subjects)
    query = (
        select(_A.id, _A.subject, _A.name, _A.sha256, _A.privacy)
        .where(_A.unit_no == unit_no, _A.media_type.like("image/%"))
        .order_by(_A.id)
    )
    return tuple(
        Photo(row.id, row.subject, row.name, row.sha256, Privacy(row.privacy))
        for row in await connection.execute(query)
        if row.subject in wanted
    )


async def say_privacy(
    connection: AsyncConnection, desk: Desk, number: int, privacy: Privacy, person: str
) -> None:
    """A person says whether a picture may leave. Raises `NotFoundRefusal`."""
    changed = await connection.execute(
        update(PLAN_ATTACHMENTS)
        .where(_A.id == number, _A.unit_no == desk.unit_no)
        .values(privacy=privacy)
    )
    if changed.rowcount == 0:
        raise NotFoundRefusal("plan_unknown", number=number)
    note = {"privacy": privacy.value}
    entry = Entry(desk.unit_no, f"attachment:{number}", "privacy", person, desk.now, note)
    await append(connection, entry)


def printable(folder: Path, photo: Photo) -> bytes | None:
    """A JPEG of the picture without its metadata; `None` when it cannot be read. Blocks."""
    try:
        with Image.open(path_of(folder, photo.sha256)) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                return None
            upright = ImageOps.exif_transpose(picture).convert("RGB")
    except (OSError, UnidentifiedImageError, ValueError, Image.DecompressionBombError):
        return None
    upright.thumbnail((LONGEST_SIDE_PX, LONGEST_SIDE_PX))
    clean = Image.new("RGB", upright.size)
    clean.paste(upright)
    stream = BytesIO()
    clean.save(stream, "JPEG", quality=_JPEG_QUALITY)
    return stream.getvalue()
