"""Refusals of the evidence; `code` is a key `api.error.<code>` of the catalogue."""

from __future__ import annotations


class EvidenceError(Exception):
    """Base. `values` fill the placeholders of the text; `status` is that of the answer."""

    status = 409

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


class NoEvidenceError(EvidenceError):
    """There is no such clip, part or export."""

    status = 404


class DiskRefusedError(EvidenceError):
    """It is kept, but the disk does not take what is needed to show it."""

    status = 503


class ExportFailedError(Exception):
    """An export that could not be made; the text says why and names the mend."""


class VerificationError(Exception):
    """A file that is no evidence package at all."""


__all__ = [
    "DiskRefusedError",
    "EvidenceError",
    "ExportFailedError",
    "NoEvidenceError",
    "VerificationError",
]
