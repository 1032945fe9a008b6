"""ONVIF's event service in SOAP 1.2: the requests that are sent and what answers say.

Pure; after the ONVIF Core specification (event handling) and WS-BaseNotification 1.3. Names of
operations and their actions are those of `devicemgmt.wsdl` and `events.wsdl`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

MOST_BYTES = 1_000_000
DIGITAL_INPUT = "Device/Trigger/DigitalInput"

_SOAP = "http://www.w3.org/2003/05/soap-envelope"
_ADDRESSING = "http://www.w3.org/2005/08/addressing"
_NOTIFICATION = "http://docs.oasis-open.org/wsn/b-2"
_DEVICE = "http://www.onvif.org/ver10/device/wsdl"
EVENTS = "http://www.onvif.org/ver10/events/wsdl"
_SCHEMA = "http://www.onvif.org/ver10/schema"
_SECURITY = (
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd",
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd",
)
_TOKEN_PROFILE = (
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0"  # noqa: S105
)
_MESSAGE_SECURITY = (
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0"
)
_MANAGER = "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager"

GET_TIME = (f"{_DEVICE}/GetSystemDateAndTime", f'<GetSystemDateAndTime xmlns="{_DEVICE}"/>')
GET_SERVICES = (
    f"{_DEVICE}/GetServices",
    f'<GetServices xmlns="{_DEVICE}"><IncludeCapability>false</IncludeCapability></GetServices>',
)
SYNCHRONIZE = (
    f"{EVENTS}/PullPointSubscription/SetSynchronizationPointRequest",
    f'<SetSynchronizationPoint xmlns="{EVENTS}"/>',
)
UNSUBSCRIBE = (f"{_MANAGER}/UnsubscribeRequest", f'<Unsubscribe xmlns="{_NOTIFICATION}"/>')

Operation = tuple[str, str]
"""Action and body."""


class SoapError(ValueError):
    """An answer that cannot be used; `fault` is the device's own word, where it has one."""

    def __init__(self, reason: str, *, fault: str = "") -> None:
        super().__init__(reason)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user of the device."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials(user={self.user!r})"


@dataclass(frozen=True, slots=True)
class PullPoint:
    """A subscription: where it is asked, and what each request to it must carry along."""

    address: str
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InputState:
    """What a device says of a digital input."""

    token: str
    active: bool


def create_pull_point(lasts_s: int) -> Operation:
    """Ask for a subscription to everything; devices differ in which filters they understand."""
    return (
        f"{EVENTS}/EventPortType/CreatePullPointSubscriptionRequest",
        f'<CreatePullPointSubscription xmlns="{EVENTS}"><InitialTerminationTime>PT{lasts_s}S'
        "</InitialTerminationTime></CreatePullPointSubscription>",
    )


def pull_messages(wait_s: int, most: int) -> Operation:
    """Wait for news at the device, for `wait_s` at most."""
    return (
        f"{EVENTS}/PullPointSubscription/PullMessagesRequest",
        f'<PullMessages xmlns="{EVENTS}"><Timeout>PT{wait_s}S</Timeout><MessageLimit>{most}'
        "</MessageLimit></PullMessages>",
    )


def renew(lasts_s: int) -> Operation:
    """Ask for a longer life of the subscription."""
    return (
        f"{_MANAGER}/RenewRequest",
        f'<Renew xmlns="{_NOTIFICATION}"><TerminationTime>PT{lasts_s}S</TerminationTime></Renew>',
    )


def username_token(who: Credentials, nonce: bytes, at: datetime) -> str:
    """The security header with a digest, after the UsernameToken profile.

    The digest is Base64(SHA-1(nonce + created + password)); `at` is the device's own time.
    """
    created = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    # SHA-1 is what the profile asks for.
    digest = hashlib.sha1(nonce + created.encode() + who.password.encode())  # noqa: S324
    secext, utility = _SECURITY
    return (
        f'<Security xmlns="{secext}" s:mustUnderstand="true"><UsernameToken>'
        f"<Username>{escape(who.user)}</Username>"
        f'<Password Type="{_TOKEN_PROFILE}#PasswordDigest">'
        f"{base64.b64encode(digest.digest()).decode()}</Password>"
        f'<Nonce EncodingType="{_MESSAGE_SECURITY}#Base64Binary">'
        f"{base64.b64encode(nonce).decode()}</Nonce>"
        f'<Created xmlns="{utility}">{created}</Created></UsernameToken></Security>'
    )


def envelope(
    operation: Operation, *, security: str = "", to: PullPoint | None = None, number: str = ""
) -> bytes:
    """A request; one to a subscription is addressed and carries the subscription's parameters."""
    action, body = operation
    header = security
    if to is not None:
        header += (
            f'<a:To s:mustUnderstand="true">{escape(to.address)}</a:To>'
            f'<a:Action s:mustUnderstand="true">{action}</a:Action>'
            f"<a:MessageID>{number}</a:MessageID>"
            f"<a:ReplyTo><a:Address>{_ADDRESSING}/anonymous</a:Address></a:ReplyTo>"
            f"{''.join(to.parameters)}"
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<s:Envelope xmlns:s="{_SOAP}" xmlns:a="{_ADDRESSING}">'
        f"<s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def body_of(content: bytes) -> ET.Element:
    """The body of an answer. Raises `SoapError`: too large, not XML, or a fault of the device."""
    if len(content) > MOST_BYTES:
        raise SoapError("the answer is too large")
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise SoapError("a document type is not read")
    try:
        root = ET.fromstring(content)  # noqa: S314  # entities were refused above
    except (ET.ParseError, ValueError, LookupError) as error:
        # An encoding that nobody knows is a `LookupError`.
        raise SoapError(f"not XML: {error}") from None
    body = root.find(f"{{{_SOAP}}}Body")
    if body is None:
        raise SoapError("no SOAP body")
    fault = body.find(f"{{{_SOAP}}}Fault")
    if fault is not None:
        texts = [text.strip() for text in fault.itertext() if text.strip()]
        told = " ".join(texts)[:200]
        raise SoapError(f"the device refuses: {told}", fault=told)
    return body


def device_time(body: ET.Element) -> datetime:
    """The device's UTC time. Raises `SoapError`."""
    found = body.find(f".//{{{_SCHEMA}}}UTCDateTime")
    try:
        if found is None:
            raise ValueError("no UTCDateTime")
        values = [
            int(found.findtext(f"{{{_SCHEMA}}}{part}/{{{_SCHEMA}}}{name}") or "")
            for part, names in (
                ("Date", ("Year", "Month", "Day")),
                ("Time", ("Hour", "Minute", "Second")),
            )
            for name in names
        ]
        year, month, day, hour, minute, second = values
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise SoapError(f"the device's time cannot be read: {error}") from None


def events_address(body: ET.Element) -> str:
    """Where the event service is. Raises `SoapError` for a device without one."""
    for service in body.iter(f"{{{_DEVICE}}}Service"):
        if service.findtext(f"{{{_DEVICE}}}Namespace") == EVENTS:
            return (service.findtext(f"{{{_DEVICE}}}XAddr") or "").strip()
    raise SoapError("the device has no event service")


def pull_point(body: ET.Element) -> PullPoint:
    """The new subscription. Raises `SoapError`."""
    reference = body.find(f".//{{{EVENTS}}}SubscriptionReference")
    address = None if reference is None else reference.findtext(f"{{{_ADDRESSING}}}Address")
    if reference is None or not address:
        raise SoapError("the device gives no subscription")
    held = reference.find(f"{{{_ADDRESSING}}}ReferenceParameters")
    parameters = () if held is None else tuple(_echoed(item) for item in held)
    return PullPoint(address.strip(), parameters)


def input_states(body: ET.Element) -> Sequence[InputState]:
    """What the messages say of digital inputs, oldest first; other topics are left out."""
    found = []
    for message in body.iter(f"{{{_NOTIFICATION}}}NotificationMessage"):
        topic = (message.findtext(f"{{{_NOTIFICATION}}}Topic") or "").strip()
        # The prefix of ONVIF's topics is the sender's own choice.
        plain = "/".join(part.rpartition(":")[2] for part in topic.split("/"))
        inner = message.find(f"{{{_NOTIFICATION}}}Message/{{{_SCHEMA}}}Message")
        if plain != DIGITAL_INPUT or inner is None:
            continue
        source, data = (_items(inner, part) for part in ("Source", "Data"))
        token, state = source.get("InputToken"), data.get("LogicalState")
        if token and state is not None:
            found.append(InputState(token, state.lower() in ("true", "1")))
    return found


def _items(message: ET.Element, part: str) -> dict[str, str]:
    items = message.iterfind(f"{{{_SCHEMA}}}{part}/{{{_SCHEMA}}}SimpleItem")
    return {item.get("Name", ""): item.get("Value", "").strip() for item in items}


def _echoed(item: ET.Element) -> str:
    """A reference parameter as a header block, which must say that it is one."""
    copy = ET.fromstring(ET.tostring(item))  # noqa: S314  # our own text
    copy.set(f"{{{_ADDRESSING}}}IsReferenceParameter", "true")
    return ET.tostring(copy, encoding="unicode")
