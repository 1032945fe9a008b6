"""Where a site's files lie, and where they are read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SiteFolder:
    """The folder that people write, and the one that is read: itself, or a copy of its settings.

    Attributes:
        directory: films, secrets, sounds and drawings lie here.
        read_from: settings are read here.
    """

    directory: Path
    read_from: Path
