"""Certificates with an end: how each stands today. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from vision.instants import Utc

EXPIRING = timedelta(days=90)
REMINDER_DAYS = (90, 60, 30, 7)


class CertificateState(StrEnum):
    """有效, 临期, 过期, 已换发, 已撤回."""

    VALID = "valid"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    RENEWED = "renewed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate.

    Attributes:
        kind: such as `bus_inspection`; a type of the record kind `certificate`.
        subject: what it is about: a plate, a person, a system.
        renewed: another one of the same kind and subject holds in its place.
        record_id: the record that handed it in; `None` where that is not known.
        handed_in: when; `None` where that is not known.
        withdrawn: its record was taken back.
    """

    id: int
    kind: str
    subject: str
    number: str
    issued: date
    expires: date
    renewed: bool
    author: str
    record_id: int | None = None
    handed_in: Utc | None = None
    withdrawn: bool = False

    def state_on(self, today: date) -> CertificateState:
        """It holds through its last day."""
        if self.withdrawn:
            return CertificateState.WITHDRAWN
        if self.renewed:
            return CertificateState.RENEWED
        if today > self.expires:
            return CertificateState.EXPIRED
        if today >= self.expires - EXPIRING:
            return CertificateState.EXPIRING
        return CertificateState.VALID

    def days_left(self, today: date) -> int:
        """Days until the last day; negative after it."""
        return (self.expires - today).days

    def stops_use_on(self, today: date) -> bool:
        """Whether what it is about must not be used: a bus without a valid inspection."""
        return self.kind in STOPS_USE and self.state_on(today) is CertificateState.EXPIRED

    def reminder_on(self, today: date) -> int | None:
        """Number of days of the reminder that falls on `today`, if one does."""
        left = self.days_left(today)
        return left if not self.renewed and left in REMINDER_DAYS else None


STOPS_USE = frozenset({"bus_inspection", "bus_permit", "driver"})
