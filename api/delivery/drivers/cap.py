"""CAP 1.2 documents (OASIS Common Alerting Protocol), and a folder to leave them in."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET  # builds documents only
from zoneinfo import ZoneInfo

from api.delivery.driver import Accepted, Receipt
from api.delivery.errors import PathError
from api.delivery.message import OutMessage
from config.delivery import CapKeys
from config.whole_files import replace_whole
from vision.instants import Utc

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"

_URGENCY = {1: "Immediate", 2: "Immediate", 3: "Expected", 4: "Future"}
_SEVERITY = {1: "Extreme", 2: "Severe", 3: "Moderate", 4: "Minor"}
_VALID_FOR = timedelta(hours=1)
_LANGUAGES = (("zh-CN", "zh"), ("en", "en"))


def cap_document(message: OutMessage, sender: str) -> bytes:
    """The message as a CAP 1.2 alert in UTF-8, Chinese first, then English.

    Args:
        sender: identifies this station; no spaces, commas, `<` or `&`.
    """
    alert = ET.Element("alert", xmlns=NAMESPACE)

    def add(name: str, text: str) -> None:
        ET.SubElement(alert, name).text = text

    add("identifier", message.id)
    add("sender", sender)
    add("sent", _cap_time(message, message.step_time))
    add("status", "Test" if message.is_test else "Actual")
    add("msgType", "Update" if message.first_id else "Alert")
    add("scope", "Restricted")
    add("restriction", "school security and police")
    if message.is_test:
        add("note", "test")
    elif message.is_drill:
        # Not "Exercise": a receiver would put it aside, and people can be crushed in a drill.
        add("note", "a drill is on in this school; act as if real until it is known")
    if message.first_id:
        first_at = _cap_time(message, Utc.from_iso(message.first_at))
        add("references", f"{sender},{message.first_id},{first_at}")
    if message.alarm_number:
        add("incidents", f"{message.site_id}-{message.alarm_number}")
    for tag, language in _LANGUAGES:
        alert.append(_info(message, tag, language))
    body: str = ET.tostring(alert, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'.encode()


def _info(message: OutMessage, tag: str, language: str) -> ET.Element:
    info = ET.Element("info")

    def add(name: str, text: str) -> None:
        ET.SubElement(info, name).text = text

    headline = getattr(message.headline, language)
    add("language", tag)
    add("category", "Safety")
    add("event", message.alarm_type)
    add("responseType", "AllClear" if message.ends else "Execute")
    add("urgency", "Past" if message.ends else _URGENCY[message.priority])
    add("severity", _SEVERITY[message.priority])
    add("certainty", "Unknown" if message.level == "UNKNOWN" else "Observed")
    add("expires", _cap_time(message, message.step_time.plus(_VALID_FOR.total_seconds())))
    add("senderName", getattr(message.site_name, language))
    add("headline", headline)
    add("description", getattr(message.description, language) or headline)
    for name, value in _parameters(message):
        parameter = ET.SubElement(info, "parameter")
        ET.SubElement(parameter, "valueName").text = name
        ET.SubElement(parameter, "value").text = value
    area = ET.SubElement(info, "area")
    ET.SubElement(area, "areaDesc").text = getattr(message.place, language)
    return info


def _parameters(message: OutMessage) -> list[tuple[str, str]]:
    given = [("level", message.level), ("priority", str(message.priority))]
    given += [("action", message.action), ("state", message.state)]
    if message.escalation:
        given.append(("escalation", message.escalation))
    if message.is_drill:
        given.append(("drill", "true"))
    if message.people is not None:
        given.append(("people", f"{message.people:g}"))
    if message.density_per_m2 is not None:
        given.append(("density_per_m2", f"{message.density_per_m2:g}"))
    return given


def _cap_time(message: OutMessage, at: Utc) -> str:
    """By the site's clock. CAP wants whole seconds and a numeric zone, `-00:00` for UTC itself."""
    local = at.to_datetime().astimezone(ZoneInfo(message.timezone)).replace(microsecond=0)
    return local.isoformat().replace("+00:00", "-00:00")


class CapFolder:
    """Leaves each message as a file; the file whole on the disk is the receipt."""

    def __init__(self, keys: CapKeys, directory: Path) -> None:
        self._folder = directory / keys.folder
        self._keys = keys

    async def start(self) -> None:
        """The folder is made with the first check."""

    async def stop(self) -> None:
        """Nothing stays open."""

    async def send(self, message: OutMessage, accepted: Accepted) -> Receipt:
        """See `Driver.send`. The name begins with the outbox number and holds the id."""
        name = f"{message.sequence:010d}-{message.id}.xml"
        try:
            await asyncio.to_thread(self._write, name, cap_document(message, self._keys.sender))
        except OSError as error:
            raise PathError(f"cannot write: {error.strerror}") from error
        accepted()
        return Receipt(received=True, detail=name)

    async def supervise(self) -> str:
        """The folder takes files. Raises `PathError`."""
        try:
            await asyncio.to_thread(self._write, ".alive", b"")
            await asyncio.to_thread(self._tidy)
        except OSError as error:
            raise PathError(f"cannot write: {error.strerror}") from error
        return "folder takes files"

    def _write(self, name: str, content: bytes) -> None:
        # Another user's program takes it from there.
        replace_whole(self._folder / name, content, mode=0o644)

    def _tidy(self) -> None:
        """By age, not by name: tests over unsaved settings have the highest numbers."""
        ages: list[tuple[int, Path]] = []
        for file in self._folder.glob("[0-9]*.xml"):
            # Another program takes files away meanwhile.
            with suppress(FileNotFoundError):
                ages.append((file.stat().st_mtime_ns, file))
        for _, old in sorted(ages)[: max(0, len(ages) - self._keys.keep_files)]:
            old.unlink(missing_ok=True)
