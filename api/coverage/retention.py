"""How long the recordings of each area are kept, against what the area asks for."""

from __future__ import annotations

from api.coverage.document import AreaPart, AuditDocument, RetentionPart
from config.recording import RecordingSettings


def with_retention(document: AuditDocument, recording: RecordingSettings) -> AuditDocument:
    """The same audit with every area held against `recording.yaml`, sealed anew.

    An area's record is no longer than that of the camera over it which is kept the least. Nothing
    is said of an area that no camera shows.
    """
    asked = dict(recording.asked_days)
    floors = [
        floor.model_copy(
            update={
                "areas": [
                    area.model_copy(
                        update={"retention": _retention(area, recording, asked.get(area.id, 0))}
                    )
                    for area in floor.areas
                ]
            }
        )
        for floor in document.floors
    ]
    update = {"floors": floors, "recording_sha256": recording.sha256}
    return document.model_copy(update=update).sealed()


def _retention(
    area: AreaPart, recording: RecordingSettings, more_days: int
) -> RetentionPart | None:
    if not area.seen_by:
        return None
    asked = max(area.retention_days, more_days)
    kept = {one.camera_id: recording.kept_days(one.camera_id) for one in area.seen_by}
    told = [days for days in kept.values() if days is not None]
    short = [name for name, days in kept.items() if days is not None and days < asked]
    return RetentionPart(
        asked_days=asked,
        state="short" if short else "met" if len(told) == len(kept) else "unstated",
        kept_days=round(min(told), 2) if told else None,
        short_cameras=short,
    )


__all__ = ["with_retention"]
