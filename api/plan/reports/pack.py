"""The pack that is uploaded: the paper in three forms, photographs, a receipt, and all digests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from api.plan.reports.sheet import word

RECEIPT = "回执.txt"
DIGESTS = "SHA256SUMS"
MOST_BYTES = 300 * 2**20


@dataclass(frozen=True, slots=True)
class PackFile:
    """One file of the pack; `name` may hold one folder."""

    name: str
    content: bytes

    @property
    def digest(self) -> str:
        return sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What stands on the receipt beside the list of files.

    Attributes:
        notes: unit and period.
        figures: names and values of the period.
        kept_back: photographs that do not leave, and why.
    """

    title: str
    notes: tuple[str, ...]
    maker: str
    made_at: datetime
    figures: tuple[tuple[str, str], ...]
    kept_back: tuple[str, ...]


def zip_of(files: Sequence[PackFile], receipt: Receipt) -> bytes:
    """The pack; the same files and receipt give the same bytes."""
    named = PackFile(RECEIPT, receipt_text(files, receipt).encode("utf-8"))
    sums = "".join(f"{one.digest}  {one.name}\n" for one in (*files, named))
    stream = BytesIO()
    stamp = receipt.made_at.timetuple()[:6]
    with ZipFile(stream, "w", ZIP_DEFLATED) as archive:
        for one in (*files, named, PackFile(DIGESTS, sums.encode("utf-8"))):
            entry = ZipInfo(one.name, stamp)
            entry.compress_type, entry.external_attr = ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, one.content)
    return stream.getvalue()


def receipt_text(files: Sequence[PackFile], receipt: Receipt) -> str:
    """The receipt in words: whose, when, by whom, figures, files with size and digest."""
    lines = [
        word("receipt.title", title=receipt.title),
        *receipt.notes,
        word("receipt.maker", person=receipt.maker),
        word("receipt.made_at", at=f"{receipt.made_at:%Y-%m-%d %H:%M:%S %z}"),
        word("receipt.number"),
        "",
        word("receipt.figures"),
        *(f"  {name}：{value}" for name, value in receipt.figures),
        "",
        word("receipt.files", count=len(files)),
        *(f"  {one.digest}  {len(one.content):>9}  {one.name}" for one in files),
    ]
    if receipt.kept_back:
        lines += ["", word("receipt.kept_back", count=len(receipt.kept_back))]
        lines += [f"  {one}" for one in receipt.kept_back]
    return "\r\n".join([*lines, ""])
