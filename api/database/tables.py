"""Tables. Instants are integer nanoseconds since 1970 (UTC), so that they are exact keys.

`ALARM_HISTORY` and `VIEWINGS` are append-only: triggers made by the first migration refuse to
change or delete a row.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts rows up only in a column declared INTEGER; PostgreSQL needs 64 bits said.
BIG_SERIAL = BigInteger().with_variant(Integer, "sqlite")

RECORDS = Table(
    "records",
    METADATA,
    Column("record_id", String(120), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("received_ns", BigInteger, nullable=False),
    Index("ix_records_kind_received_ns", "kind", "received_ns"),
)

ZONE_STATES = Table(
    "zone_states",
    METADATA,
    Column("zone_id", String(80), primary_key=True),
    Column("captured_ns", BigInteger, nullable=False),
    Column("received_ns", BigInteger, nullable=False),
    Column("level_since_ns", BigInteger, nullable=False),
    Column("reading_json", Text, nullable=False),
)

CAMERA_STATES = Table(
    "camera_states",
    METADATA,
    Column("camera_id", String(80), primary_key=True),
    Column("captured_ns", BigInteger, nullable=False),
    Column("received_ns", BigInteger, nullable=False),
    Column("state", String(20), nullable=False),
    Column("since_ns", BigInteger, nullable=False),
    Column("cause", String(80), nullable=False),
    Column("detail", Text, nullable=False),
)

READINGS = Table(
    "readings",
    METADATA,
    Column("zone_id", String(80), primary_key=True),
    Column("step_s", Integer, primary_key=True),
    Column("at_ns", BigInteger, primary_key=True),
    Column("level", String(10), nullable=False),
    Column("people", Float, nullable=True),
    Column("density_per_m2", Float, nullable=True),
    Column("samples", Integer, nullable=False),
    Column("unknown_samples", Integer, nullable=False),
    Index("ix_readings_step_s_at_ns", "step_s", "at_ns"),
)

ALARMS = Table(
    "alarms",
    METADATA,
    Column("number", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("site_id", String(80), nullable=False),
    Column("type", String(20), nullable=False),
    Column("subject_id", String(120), nullable=False),
    # Holds the key while the alarm is open, NULL after: the database refuses a second open row.
    Column("open_key", String(200), nullable=True, unique=True),
    Column("zone_ids_json", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("state", String(30), nullable=False, index=True),
    Column("condition", String(10), nullable=False),
    Column("evidence_json", Text, nullable=False),
    Column("peak_json", Text, nullable=False),
    Column("opened_ns", BigInteger, nullable=False, index=True),
    Column("received_ns", BigInteger, nullable=False),
    Column("updated_ns", BigInteger, nullable=False),
    Column("latched", Boolean, nullable=False),
    Column("repeats", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("acknowledged_json", Text, nullable=True),
    Column("closed_json", Text, nullable=True),
    Column("cause", String(80), nullable=False),
    Column("taken", String(80), nullable=False, server_default=""),
    Column("hold_json", Text, nullable=True),
    Column("check_json", Text, nullable=True),
    Column("waiting_ns", BigInteger, nullable=True),
    Column("escalated", Integer, nullable=False, server_default="0"),
    Column("dispatched_json", Text, nullable=True),
    # When time alone changes the alarm next.
    Column("next_due_ns", BigInteger, nullable=True, index=True),
    Index("ix_alarms_key", "site_id", "type", "subject_id"),
    sqlite_autoincrement=True,
)

ALARM_HISTORY = Table(
    "alarm_history",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("alarm_number", BIG_SERIAL, ForeignKey("alarms.number"), nullable=False, index=True),
    Column("action", String(30), nullable=False),
    Column("at_ns", BigInteger, nullable=False, index=True),
    Column("captured_ns", BigInteger, nullable=True),
    Column("actor", String(80), nullable=False),
    Column("from_state", String(30), nullable=True),
    Column("to_state", String(30), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("evidence_json", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("cause", String(80), nullable=False),
    Column("detail", String(200), nullable=False, server_default=""),
    sqlite_autoincrement=True,
)

EVENTS = Table(
    "events",
    METADATA,
    Column("seq", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("kind", String(20), nullable=False),
    Column("at_ns", BigInteger, nullable=False, index=True),
    Column("body_json", Text, nullable=False),
    sqlite_autoincrement=True,
)

SHIFTS = Table(
    "shifts",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("name", String(80), nullable=False),
    Column("started_ns", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

VIEWINGS = Table(
    "viewings",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("viewer", String(80), nullable=False),
    # Two people may have one name; empty where nobody signs in.
    Column("account", String(80), nullable=False, default="", server_default=""),
    Column("camera_id", String(80), nullable=False),
    Column("window_ns", BigInteger, nullable=False),
    Column("first_at_ns", BigInteger, nullable=False),
    UniqueConstraint("viewer", "camera_id", "window_ns", "account"),
    sqlite_autoincrement=True,
)

APPEND_ONLY = (ALARM_HISTORY.name, VIEWINGS.name)
