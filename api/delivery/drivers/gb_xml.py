"""MANSCDP documents of GB/T 28181: what we send, and what a platform sends us. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from xml.etree import ElementTree as ET

from api.delivery.message import OutMessage
from api.delivery.peer_words import whole_number

CHINA = timezone(timedelta(hours=8))
_MOST_BYTES = 32_768
_MOST_DESCRIPTION = 200
_SN_DIGITS = 18
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")

_NUMBER = re.compile(r"[0-9]{1,4}")
_FILTER_KEYS = (
    "StartAlarmPriority",
    "EndAlarmPriority",
    "AlarmMethod",
    "AlarmType",
    "EndAlarmTime",
    "EndTime",
)

MILDEST = 4
METHOD_DEVICE, METHOD_VIDEO = 2, 5
"""AlarmMethod: 2 device, 5 video."""


class GbXmlError(ValueError):
    """A document that is none of the platform's."""


@dataclass(frozen=True, slots=True)
class AlarmCode:
    """AlarmMethod and AlarmType; no type for a plain device alarm."""

    method: int
    type: int | None = None


@dataclass(frozen=True, slots=True)
class AlarmFilter:
    """Which alarms a platform subscribes to; 0 and empty stand for all.

    Attributes:
        methods: digits of AlarmMethod, "12" or "1/2" for two of them.
        ends: local time of China after which nothing is wanted.
    """

    first_priority: int = 0
    last_priority: int = 0
    methods: frozenset[int] = frozenset()
    types: frozenset[int] = frozenset()
    ends: datetime | None = None

    def fits(self, priority: int, code: AlarmCode, at: datetime) -> bool:
        """Whether an alarm of this kind at this local time is wanted."""
        if self.first_priority and priority < self.first_priority:
            return False
        if self.last_priority and priority > self.last_priority:
            return False
        if self.methods and code.method not in self.methods:
            return False
        if self.types and code.type is not None and code.type not in self.types:
            return False
        return self.ends is None or at <= self.ends


@dataclass(frozen=True, slots=True)
class Incoming:
    """A platform's document.

    Attributes:
        kind: Response, Control, Query or Notify.
        command: CmdType, e.g. Alarm or DeviceControl.
        number: its SN.
        result: OK or ERROR of a Response, else empty.
        alarm_command: AlarmCmd of a DeviceControl, e.g. ResetAlarm, else empty.
        detail: AlarmMethod and AlarmType of a reset, for people.
        wanted: which alarms a subscription asks for.
    """

    kind: str
    command: str
    number: int
    device_id: str
    result: str = ""
    alarm_command: str = ""
    detail: str = ""
    wanted: AlarmFilter = AlarmFilter()


def alarm_code(alarm_type: str, cause: str, edition: int) -> AlarmCode:
    """How an alarm of ours is named there.

    Crowding is "density" of video alarms (5/10). A covered camera is 5/13 since 2022 and "video
    abnormal" (5/11) before; a lost one is "video loss" of device alarms (2/1). A required place
    that no camera shows any more is "video abnormal" too.
    """
    if alarm_type == "crowd":
        return AlarmCode(METHOD_VIDEO, 10)
    if alarm_type in ("camera_lost", "worker_lost", "recorder_lost"):
        if "covered" in cause or "dark" in cause:
            return AlarmCode(METHOD_VIDEO, 13 if edition >= 2022 else 11)
        return AlarmCode(METHOD_DEVICE, 1)
    if alarm_type == "area_blind":
        return AlarmCode(METHOD_VIDEO, 11)
    return AlarmCode(METHOD_DEVICE)


def alarm_priority(message: OutMessage) -> int:
    """The alarm's own where the platform has to act; every document there is an alarm of its own,
    so a step that is for information only comes with the mildest."""
    alerts = message.begins or message.escalation
    return message.priority if alerts else MILDEST


def alarm_notify(message: OutMessage, device_id: str, edition: int) -> bytes:
    """The alarm notification; `message.sequence` is its SN, the same on every attempt."""
    code = alarm_code(message.alarm_type, message.description.en.lower(), edition)
    root = _document("Notify", "Alarm", message.sequence, device_id)
    step = message.step_time.to_datetime()
    _add(root, "AlarmPriority", str(alarm_priority(message)))
    _add(root, "AlarmMethod", str(code.method))
    _add(root, "AlarmTime", _time(step))
    words = f"{message.headline.zh} {message.description.zh}".strip()
    number = f"[{message.alarm_number}#{message.sequence}]" if message.alarm_number else ""
    _add(root, "AlarmDescription", f"{words[:_MOST_DESCRIPTION]}{number}")
    if code.type is not None:
        info = ET.SubElement(root, "Info")
        _add(info, "AlarmType", str(code.type))
    return _encoded(root, edition)


def keepalive(number: int, device_id: str, edition: int) -> bytes:
    """The sign of life."""
    root = _document("Notify", "Keepalive", number, device_id)
    _add(root, "Status", "OK")
    return _encoded(root, edition)


def result(incoming: Incoming, device_id: str, edition: int, *, ok: bool) -> bytes:
    """The business answer to a control."""
    root = _document("Response", incoming.command, incoming.number, device_id)
    _add(root, "Result", "OK" if ok else "ERROR")
    return _encoded(root, edition)


def description(
    incoming: Incoming, device_id: str, alarm_id: str, name: str, edition: int
) -> bytes | None:
    """The answer to a query for Catalog, DeviceInfo or DeviceStatus; `None` for another."""
    root = _document("Response", incoming.command, incoming.number, device_id)
    if incoming.command == "DeviceInfo":
        _add(root, "Result", "OK")
        _add(root, "DeviceName", name)
        _add(root, "Manufacturer", "Xiaoan")
        _add(root, "Model", "Xiaoan")
        _add(root, "Firmware", "1")
        _add(root, "Channel", "1")
    elif incoming.command == "DeviceStatus":
        for key, value in (("Result", "OK"), ("Online", "ONLINE"), ("Status", "OK")):
            _add(root, key, value)
    elif incoming.command == "Catalog":
        _add(root, "SumNum", "1")
        devices = ET.SubElement(root, "DeviceList", Num="1")
        item = ET.SubElement(devices, "Item")
        for key, value in (
            ("DeviceID", alarm_id),
            ("Name", name),
            ("Manufacturer", "Xiaoan"),
            ("Model", "Xiaoan"),
            ("Owner", "Owner"),
            ("CivilCode", device_id[:6]),
            ("Address", name),
            ("Parental", "0"),
            ("ParentID", device_id),
            ("SafetyWay", "0"),
            ("RegisterWay", "1"),
            ("Secrecy", "0"),
            ("Status", "ON"),
        ):
            _add(item, key, value)
    else:
        return None
    return _encoded(root, edition)


def read(body: bytes) -> Incoming:
    """A platform's document in GB18030 (of which GB2312 is a part) or UTF-8.

    Raises:
        GbXmlError: too large, not XML, with a document type, or without CmdType and SN.
    """
    if len(body) > _MOST_BYTES:
        raise GbXmlError("too large")
    try:
        text = body.decode("utf-8" if b"utf-8" in body[:80].lower() else "gb18030")
    except UnicodeDecodeError:
        raise GbXmlError("neither GB18030 nor UTF-8") from None
    text = _DECLARATION.sub("", text, count=1)
    if "<!" in text:
        # No document type, so no entity can be declared or fetched.
        raise GbXmlError("a document type is not read")
    try:
        root = ET.fromstring(text)  # noqa: S314  # entities were refused above
    except ET.ParseError as error:
        raise GbXmlError(f"not XML: {error}") from None
    number = whole_number((root.findtext("SN") or "").strip(), _SN_DIGITS)
    command = (root.findtext("CmdType") or "").strip()
    if not command or number is None:
        raise GbXmlError("CmdType or SN is missing")
    method = root.findtext("Info/AlarmMethod") or ""
    kind = root.findtext("Info/AlarmType") or ""
    return Incoming(
        kind=root.tag,
        command=command,
        number=number,
        device_id=(root.findtext("DeviceID") or "").strip(),
        result=(root.findtext("Result") or "").strip().upper(),
        alarm_command=(root.findtext("AlarmCmd") or "").strip(),
        detail=f"{method}/{kind}".strip("/ "),
        wanted=_filter(root),
    )


def _filter(root: ET.Element) -> AlarmFilter:
    """What cannot be read asks for nothing less: the platform then gets more than it wanted."""
    said = {name: (root.findtext(name) or "").strip() for name in _FILTER_KEYS}
    ends = said["EndAlarmTime"] or said["EndTime"]
    try:
        until = datetime.fromisoformat(ends).replace(tzinfo=CHINA) if ends else None
    except ValueError:
        until = None
    return AlarmFilter(
        first_priority=min(_digits(said["StartAlarmPriority"]), default=0),
        last_priority=min(_digits(said["EndAlarmPriority"]), default=0),
        methods=_digits(said["AlarmMethod"]),
        types=frozenset(int(one) for one in _NUMBER.findall(said["AlarmType"]) if int(one)),
        ends=until,
    )


def _digits(text: str) -> frozenset[int]:
    """Digits from 1: "12", "1/2" and "1,2" are the same; 0 stands for all."""
    return frozenset(int(one) for one in text if one in "123456789")


def _document(kind: str, command: str, number: int, device_id: str) -> ET.Element:
    root = ET.Element(kind)
    _add(root, "CmdType", command)
    _add(root, "SN", str(number))
    _add(root, "DeviceID", device_id)
    return root


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = text


def _time(at: datetime) -> str:
    """Local time of China without a zone, as the standard writes it."""
    return at.astimezone(CHINA).strftime("%Y-%m-%dT%H:%M:%S")


def _encoded(root: ET.Element, edition: int) -> bytes:
    """2016 names GB2312, 2022 GB18030; what GB2312 cannot write becomes a question mark there."""
    name = "GB18030" if edition >= 2022 else "GB2312"
    body: str = ET.tostring(root, encoding="unicode")
    text = f'<?xml version="1.0" encoding="{name}"?>\r\n{body}\r\n'
    return text.encode(name, errors="replace")
