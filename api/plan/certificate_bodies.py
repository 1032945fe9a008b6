"""What the routes of certificates take and answer."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from api.plan.bodies import ClientKey, CountedOut, Word
from api.plan.certificates import Certificate, CertificateState
from api.plan.counting import Stored
from api.schemas import Body, with_examples
from config.moments import Day


class CertificateIn(Body):
    """A certificate as it was issued; `expires_on` is the day printed on it, if there is one."""

    model_config = with_examples(
        {
            "client_key": "phone-7f31-000015",
            "kind": "bus_inspection",
            "subject": "吉A12345",
            "number": "JY-2026-118",
            "issued_on": "2026-08-31",
        }
    )

    client_key: ClientKey
    kind: Word
    subject: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50)]
    number: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
    issued_on: Day
    expires_on: Day | None = None
    issuer: Annotated[str, StringConstraints(strip_whitespace=True, max_length=80)] = ""

    def details(self) -> dict[str, Any]:
        """The fields of the record's form."""
        expires = None if self.expires_on is None else self.expires_on.isoformat()
        return {
            "subject": self.subject,
            "number": self.number,
            "expires_on": expires,
            "issuer": self.issuer,
        }


class CertificateOut(Body):
    """A certificate as it stands today."""

    id: int
    kind: str
    subject: str
    number: str
    issued_on: date
    expires_on: date
    days_left: int
    state: CertificateState
    stops_use: bool = Field(description="what it is about must not be used")
    author: str
    counted: tuple[CountedOut, ...] = ()

    @classmethod
    def of(cls, one: Certificate, today: date, stored: Stored | None = None) -> CertificateOut:
        return cls(
            id=one.id,
            kind=one.kind,
            subject=one.subject,
            number=one.number,
            issued_on=one.issued,
            expires_on=one.expires,
            days_left=one.days_left(today),
            state=one.state_on(today),
            stops_use=one.stops_use_on(today),
            author=one.author,
            counted=() if stored is None else tuple(CountedOut.of(c) for c in stored.counted),
        )
