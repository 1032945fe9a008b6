"""Newest zone readings and camera states in the database, for the start after a crash."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Table, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database.tables import CAMERA_STATES, ZONE_STATES
from api.live.values import CameraStatus, ZoneState
from streams.records import CameraState, ReadingData
from vision.instants import Utc


async def load_zones(connection: AsyncConnection) -> dict[str, ZoneState]:
    """The newest reading of each zone that ever had one."""
    rows = (await connection.execute(select(ZONE_STATES))).mappings().all()
    return {
        row["zone_id"]: ZoneState(
            zone_id=row["zone_id"],
            reading=ReadingData.model_validate_json(row["reading_json"]),
            captured_at=Utc(row["captured_ns"]),
            received_at=Utc(row["received_ns"]),
            level_since=Utc(row["level_since_ns"]),
        )
        for row in rows
    }


async def load_cameras(connection: AsyncConnection) -> dict[str, CameraStatus]:
    """The newest state of each camera that ever told one."""
    rows = (await connection.execute(select(CAMERA_STATES))).mappings().all()
    return {
        row["camera_id"]: CameraStatus(
            camera_id=row["camera_id"],
            state=CameraState(row["state"]),
            since=Utc(row["since_ns"]),
            cause=row["cause"],
            detail=row["detail"],
            captured_at=Utc(row["captured_ns"]),
            received_at=Utc(row["received_ns"]),
        )
        for row in rows
    }


async def save_zones(connection: AsyncConnection, states: Iterable[ZoneState]) -> None:
    await _replace(
        connection,
        ZONE_STATES,
        "zone_id",
        [
            {
                "zone_id": state.zone_id,
                "captured_ns": state.captured_at.ns,
                "received_ns": state.received_at.ns,
                "level_since_ns": state.level_since.ns,
                "reading_json": state.reading.model_dump_json(),
            }
            for state in states
        ],
    )


async def save_cameras(connection: AsyncConnection, statuses: Iterable[CameraStatus]) -> None:
    await _replace(
        connection,
        CAMERA_STATES,
        "camera_id",
        [
            {
                "camera_id": status.camera_id,
                "captured_ns": status.captured_at.ns,
                "received_ns": status.received_at.ns,
                "state": status.state.value,
                "since_ns": status.since.ns,
                "cause": status.cause,
                "detail": status.detail,
            }
            for status in statuses
        ],
    )


async def _replace(
    connection: AsyncConnection, table: Table, key: str, rows: Sequence[dict[str, str | int]]
) -> None:
    # There is one writer, so a row cannot appear between the two statements.
    if rows:
        await connection.execute(delete(table).where(table.c[key].in_([row[key] for row in rows])))
        await connection.execute(insert(table), rows)
