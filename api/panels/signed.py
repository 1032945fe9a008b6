"""A button's call over HTTP: whose it is, and how far its clock is off, told apart.

After Standard Webhooks. A button whose clock is wrong still has a person in front of it: its call
is to be believed, and its clock to be a fault.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from standardwebhooks import Webhook

from vision.instants import Monotonic, Utc

RIGHT_WITHIN_S = 300.0
"""The tolerance of Standard Webhooks."""


KEPT_S = 600.0
"""Longer than a call of right time can be repeated."""


class SignatureError(ValueError):
    """The call does not prove the button's secret."""


@dataclass(frozen=True, slots=True)
class SignedCall:
    """One call that proves the secret.

    Attributes:
        id: the caller's own number of it; a repeated call carries the same.
        clock_right: whether it was signed within `RIGHT_WITHIN_S` of now.
    """

    id: str
    clock_right: bool


class TakenCalls:
    """Which calls were taken in the last minutes, button by button."""

    def __init__(self) -> None:
        self._at: dict[tuple[str, str], Monotonic] = {}

    def holds(self, input_id: str, call_id: str, now: Monotonic) -> bool:
        """Whether this call was taken already."""
        self._at = {key: at for key, at in self._at.items() if now - at <= KEPT_S}
        return (input_id, call_id) in self._at

    def keep(self, input_id: str, call_id: str, now: Monotonic) -> None:
        """Remember a call whose alarm is stored."""
        self._at[input_id, call_id] = now


def read_call(secret: str, headers: Mapping[str, str], content: bytes, now: Utc) -> SignedCall:
    """Check the signature over number, time and content; `headers` in lower case.

    Raises:
        SignatureError: a header is missing or no signature is right.
    """
    call_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    try:
        at = datetime.fromtimestamp(int(stamp), UTC)
        right = Webhook(secret).sign(call_id, at, content.decode())
    except (ValueError, OverflowError, OSError):
        raise SignatureError("a header is missing or unreadable") from None
    given = headers.get("webhook-signature", "").split()
    if not call_id or not any(hmac.compare_digest(right.encode(), one.encode()) for one in given):
        raise SignatureError("no signature is right")
    return SignedCall(call_id, abs(at.timestamp() - now.ns / 1e9) <= RIGHT_WITHIN_S)


__all__ = ["RIGHT_WITHIN_S", "SignatureError", "SignedCall", "TakenCalls", "read_call"]
