"""What stood behind an alarm: network, thresholds and site, each with a digest."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from api.live.board import Known
from config.profiles import load_profiles
from config.site import Site
from models.errors import ModelError
from models.registry import card_of_reading
from vision.geometry.zones import ZoneType
from vision.risk.profiles import ZoneProfile


@dataclass(frozen=True, slots=True)
class Origin:
    """Digests of what is loaded, and the thresholds in words and numbers."""

    profiles: Mapping[ZoneType, ZoneProfile] = field(default_factory=dict)
    profiles_sha256: str = ""
    site_sha256: str = ""
    recording_sha256: str = ""

    @classmethod
    def of_site(cls, site: Site, recording_sha256: str) -> Origin:
        """Reads the site's profile file once more, for its digest."""
        return cls(
            load_profiles(site.profiles_file),
            _digest(site.profiles_file),
            site.sha256,
            recording_sha256,
        )

    def of(self, known: Known, zone_ids: Iterable[str]) -> dict[str, Any]:
        """As JSON values, for the zones of one alarm."""
        zones = {}
        for zone_id in zone_ids:
            if zone_id not in known.site.zone:
                continue
            now, zone = known.zone(zone_id), known.site.zone[zone_id]
            profile = self.profiles.get(zone.type)
            zones[zone_id] = {
                "type": zone.type.value,
                "model_id": now.model_id,
                "model_sha256": weights_sha256(now.model_id),
                "profile_id": now.profile_id,
                "thresholds": None if profile is None else plain(profile),
            }
        return {
            "zones": zones,
            "profiles_sha256": self.profiles_sha256,
            "site_sha256": self.site_sha256,
            "recording_sha256": self.recording_sha256,
        }


def weights_sha256(model_id: str) -> str:
    """Digest of the weights that a versioned model id names; empty for an unknown one."""
    try:
        return _sha256_of_known(model_id)
    except ModelError:
        return ""


@lru_cache(maxsize=64)
def _sha256_of_known(model_id: str) -> str:
    """Remembered: reading a card holds up whoever waits for an alarm by some 20 ms."""
    return card_of_reading(model_id).weights_sha256


def plain(value: Any) -> Any:
    """Frozen values as JSON values: fields by name, enumerations by their value."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces: equal values have equal bytes."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def _digest(profiles_file: Path | None) -> str:
    if profiles_file is not None:
        return hashlib.sha256(profiles_file.read_bytes()).hexdigest()
    packaged = resources.files("config") / "profiles" / "default.yaml"
    return hashlib.sha256(packaged.read_bytes()).hexdigest()


__all__ = ["Origin", "canonical", "plain", "weights_sha256"]
