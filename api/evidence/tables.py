"""Tables of the evidence. Instants are nanoseconds since 1970; the register is append-only."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from api.database.tables import BIG_SERIAL, METADATA

CLIPS = Table(
    "evidence_clips",
    METADATA,
    Column(
        "alarm_number",
        BIG_SERIAL,
        ForeignKey("alarms.number"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("from_ns", BigInteger, nullable=False),
    Column("to_ns", BigInteger, nullable=True),
    Column("camera_ids_json", Text, nullable=False),
    Column("zone_ids_json", Text, nullable=False),
    Column("origin_json", Text, nullable=False),
    Column("keep_days", Integer, nullable=False),
    Column("state", String(12), nullable=False, index=True),
    Column("cut_short", Boolean, nullable=False),
    Column("hold_json", Text, nullable=True),
    Column("deleted_ns", BigInteger, nullable=True),
)

EVIDENCE_VIEWINGS = Table(
    "evidence_viewings",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("alarm_number", BIG_SERIAL, ForeignKey("alarms.number"), nullable=False, index=True),
    Column("camera_id", String(80), nullable=False),
    Column("viewer", String(80), nullable=False),
    # Two people may have one name; empty where nobody signs in.
    Column("account", String(80), nullable=False, default="", server_default=""),
    Column("act", String(20), nullable=False),
    Column("reason", String(40), nullable=False),
    Column("note", Text, nullable=False),
    Column("window_ns", BigInteger, nullable=False),
    Column("first_at_ns", BigInteger, nullable=False),
    UniqueConstraint(
        "alarm_number", "camera_id", "viewer", "act", "reason", "window_ns", "account", "note",
        name="uq_evidence_viewings_window",
    ),
    sqlite_autoincrement=True,
)  # fmt: skip

EXPORTS = Table(
    "evidence_exports",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("alarm_number", BIG_SERIAL, ForeignKey("alarms.number"), nullable=False, index=True),
    Column("redacted", Boolean, nullable=False),
    Column("reason", String(40), nullable=False),
    Column("note", Text, nullable=False),
    Column("case_no", String(80), nullable=False),
    Column("requested_by", String(80), nullable=False),
    Column("requested_account", String(80), nullable=False),
    Column("requested_ns", BigInteger, nullable=False),
    Column("decided_by", String(80), nullable=False),
    Column("decided_ns", BigInteger, nullable=True),
    Column("state", String(12), nullable=False, index=True),
    Column("detail", Text, nullable=False),
    Column("file_sha256", String(64), nullable=False),
    Column("file_bytes", BigInteger, nullable=False),
    Column("ready_ns", BigInteger, nullable=True),
    sqlite_autoincrement=True,
)

RECORDING_EVENTS = Table(
    "recording_events",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("camera_id", String(80), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("cause", String(30), nullable=False),
    Column("from_ns", BigInteger, nullable=False),
    Column("to_ns", BigInteger, nullable=True),
    Column("noticed_ns", BigInteger, nullable=False, index=True),
    UniqueConstraint("camera_id", "kind", "from_ns", name="uq_recording_events_camera_id"),
    sqlite_autoincrement=True,
)
