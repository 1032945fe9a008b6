"""What the service needs to know, and nothing of what the other parts do."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Settings of the API process.

    Attributes:
        database_url: `sqlite:////full/path.db` or `postgresql://user:password@host/name`.
        ingest_token: bearer token of the workers; never printed.
        language: first language of the console, `zh` or `en`.
        stale_after_s: a zone whose newest reading is older shows UNKNOWN.
        lost_after_s: a zone unseen for so long raises the alarm of its cameras.
        startup_grace_s: the same for a zone that was not read since the start; the supervisor waits
            as long for the first sign of a worker.
        future_tolerance_s: a record from further in the future is flagged as clock skew.
        ping_s: seconds between signs of life on the event stream.
        allowed_hosts: names under which browsers may reach the console, besides `localhost` and
            plain addresses; other names are refused, so that a foreign page cannot read through
            a name it controls.
        site_files_refused: the site's own files cannot be used; those of a start before are in
            force, and an alarm says so.
        keeps_room: an SQLite file keeps room inside, for the day on which the disk is full.
        disk_folders: folders on the disks whose room is watched; none: no disk is.
    """

    database_url: str = field(repr=False)
    ingest_token: str = field(repr=False)
    language: str = "zh"
    stale_after_s: float = 3.0
    lost_after_s: float = 10.0
    startup_grace_s: float = 60.0
    future_tolerance_s: float = 5.0
    ping_s: float = 5.0
    watch_every_s: float = 0.5
    upkeep_every_s: float = 60.0
    allowed_hosts: tuple[str, ...] = ()
    site_files_refused: bool = False
    keeps_room: bool = False
    disk_folders: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        if len(self.ingest_token) < 16:
            raise ValueError("ingest_token: needs at least 16 characters; use a random one")
        if not 0.0 < self.stale_after_s < self.lost_after_s:
            raise ValueError("stale_after_s must be positive and below lost_after_s")
