"""Alarm subscriptions of a GB/T 28181 platform: SUBSCRIBE is taken, alarms then come as NOTIFY.

The notification goes inside the dialog that the SUBSCRIBE began. The platform's filter says which
alarms it wants this way; all others, and every repetition, go by MESSAGE as without a subscription.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

from api.delivery.drivers.gb_xml import CHINA, AlarmCode, AlarmFilter
from api.delivery.drivers.sip_message import SipMessage
from api.delivery.peer_words import whole_number

LONGEST_S = 86_400
_SHORTEST_S = 60
_USUAL_S = 3_600
_MOST = 8
_DIGITS = 9
_BRACKETED, _BARE = re.compile(r"<([^<>]+)>"), re.compile(r"^\s*([^;\s]+)")


@dataclass(slots=True)
class Subscription:
    """One dialog.

    Attributes:
        remote, local: whole header values, with tags; `target` the address of the NOTIFY.
        ends: on the event loop's clock.
    """

    call_id: str
    remote: str
    local: str
    target: str
    event: str
    wanted: AlarmFilter
    ends: float
    cseq: int = 0

    def headers(self, now: float) -> tuple[tuple[str, str], ...]:
        """What a NOTIFY of this dialog carries beside Via and Contact."""
        self.cseq += 1
        return (
            ("from", self.local),
            ("to", self.remote),
            ("call-id", self.call_id),
            ("cseq", f"{self.cseq} NOTIFY"),
            ("event", self.event),
            ("subscription-state", f"active;expires={max(0, round(self.ends - now))}"),
        )


@dataclass(slots=True)
class Subscriptions:
    """The subscriptions of one platform, by Call-ID; the oldest goes when there are too many."""

    _held: dict[str, Subscription] = field(default_factory=dict)

    def take(self, request: SipMessage, wanted: AlarmFilter, tag: str, now: float) -> int:
        """Begin, renew or (with `Expires: 0`) end a subscription; returns for how many seconds."""
        call_id = request.header("call-id")
        lasts_s = lasting_s(request.header("expires"))
        if lasts_s == 0:
            self._held.pop(call_id, None)
            return 0
        known = self._held.pop(call_id, None)
        to = request.header("to")
        self._held[call_id] = Subscription(
            call_id=call_id,
            remote=request.header("from"),
            local=to if ";tag=" in to else f"{to};tag={tag}",
            target=uri_of(request.header("contact") or request.header("from")),
            event=request.header("event"),
            wanted=wanted,
            ends=now + lasts_s,
            cseq=0 if known is None else known.cseq,
        )
        while len(self._held) > _MOST:
            self._held.pop(next(iter(self._held)))
        return lasts_s

    def wanting(
        self, priority: int, code: AlarmCode, at: datetime, now: float
    ) -> Subscription | None:
        """A living subscription that wants such an alarm."""
        self._held = {key: one for key, one in self._held.items() if one.ends > now}
        local = at.astimezone(CHINA)
        fitting = (one for one in self._held.values() if one.wanted.fits(priority, code, local))
        return next(fitting, None)

    def drop(self, subscription: Subscription) -> None:
        """The platform does not know it any more, or does not answer."""
        self._held.pop(subscription.call_id, None)


def lasting_s(expires: str) -> int:
    """The length that is granted for what was asked; an hour where nothing readable was."""
    told = whole_number(expires, _DIGITS)
    asked = _USUAL_S if told is None else told
    return 0 if asked == 0 else min(max(asked, _SHORTEST_S), LONGEST_S)


def uri_of(header: str) -> str:
    """The address in a Contact or From header."""
    found = _BRACKETED.search(header) or _BARE.search(header)
    return "" if found is None else found[1]
