"""The seal of an audit: the sha256 of its content in one canonical form.

Parts that a later version added are left out where they are empty, so that an audit from before
keeps its seal.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any


def digest_of(plain: dict[str, Any]) -> str:
    """The sha256 of an audit's plain content, itself without its sha256; `plain` is changed."""
    _drop_what_came_later(plain)
    text = json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _drop_what_came_later(plain: dict[str, Any]) -> None:
    _drop_empty(plain, "uptime", "key_areas", "timezone", "since_last", "recording_sha256")
    if (uptime := plain.get("uptime")) is not None:
        _drop_empty(uptime, "span_h", "unwell")
        for camera in uptime["cameras"]:
            _drop_empty(camera, "target_share")
    _drop_empty(plain["method"], "most_face_pitch_deg")
    for floor in plain["floors"]:
        _drop_empty(floor, "underlay")
        for camera in floor["cameras"]:
            _drop_empty(camera, "ptz", "presets", "range_m")
        for area in floor["areas"]:
            _drop_empty(area, "steep_faces_m2", "seen_by", "retention")
            for spot in area["blind"]:
                _drop_empty(spot, "cause")
        for view in (view for place in floor["forbidden"] for view in place["views"]):
            _drop_empty(view, "preset")


def _drop_empty(part: dict[str, Any], *names: str) -> None:
    """Take out what is missing, false or empty; a figure of zero was measured, and stays."""
    for name in names:
        value = part[name]
        if value is None or value is False or value in ("", []):
            del part[name]


__all__ = ["digest_of"]
