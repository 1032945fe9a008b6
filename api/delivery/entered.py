"""What a person entered for one path, before it is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class EnteredPath:
    """What a person entered for one path.

    Attributes:
        settings: every key but secrets; a key left out takes its default.
        secrets: new values; an empty one takes the secret away, one left out stays as it is.
    """

    target_id: str
    path_id: str
    driver: str
    settings: Mapping[str, Value]
    secrets: Mapping[str, str] = field(default_factory=dict)
