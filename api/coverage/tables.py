"""Tables of camera health and live coverage. Instants are nanoseconds since 1970 (UTC).

A day is that of the site's own time zone, as whole days since 1970-01-01.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from api.database.tables import BIG_SERIAL, METADATA

CAMERA_HEALTH = Table(
    "camera_health",
    METADATA,
    Column("camera_id", String(80), primary_key=True),
    Column("captured_ns", BigInteger, nullable=False),
    Column("mode", String(10), nullable=False),
    # Since when the calibration is suspended; NULL while it holds.
    Column("suspended_ns", BigInteger, nullable=True),
    Column("observed_json", Text, nullable=False),
)

CAMERA_FAULTS = Table(
    "camera_faults",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("camera_id", String(80), nullable=False),
    Column("fault", String(20), nullable=False),
    Column("mode", String(10), nullable=False),
    Column("since_ns", BigInteger, nullable=False, index=True),
    Column("closed_ns", BigInteger, nullable=True),
    Column("measured", Float, nullable=False),
    Column("limit_value", Float, nullable=False),
    Column("jpeg", LargeBinary, nullable=False),
    Index("ix_camera_faults_open", "camera_id", "closed_ns"),
    sqlite_autoincrement=True,
)

CAMERA_BASELINES = Table(
    "camera_baselines",
    METADATA,
    Column("camera_id", String(80), primary_key=True),
    Column("mode", String(10), primary_key=True),
    Column("learnt_ns", BigInteger, nullable=False),
    Column("landmarks", Integer, nullable=False),
    Column("watches_movement", Boolean, nullable=False),
    Column("jpeg", LargeBinary, nullable=False),
    Column("confirmed_by", String(80), nullable=False),
    Column("confirmed_ns", BigInteger, nullable=True),
)

CAMERA_ORDERS = Table(
    "camera_orders",
    METADATA,
    Column("number", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("camera_id", String(80), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("mode", String(10), nullable=False),
    Column("learnt_ns", BigInteger, nullable=True),
    Column("name", String(80), nullable=False),
    Column("note", Text, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

COVERAGE_CHANGES = Table(
    "coverage_changes",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("at_ns", BigInteger, nullable=False, index=True),
    Column("site_sha256", String(64), nullable=False),
    Column("healthy_json", Text, nullable=False),
    Column("areas_json", Text, nullable=False),
    sqlite_autoincrement=True,
)

COVERAGE_DAYS = Table(
    "coverage_days",
    METADATA,
    Column("area_id", String(80), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("watched_s", Float, nullable=False),
    Column("lost_m2_s", Float, nullable=False),
    Column("blind_s", Float, nullable=False),
)

CAMERA_DAYS = Table(
    "camera_days",
    METADATA,
    Column("camera_id", String(80), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("watched_s", Float, nullable=False),
    Column("healthy_s", Float, nullable=False),
)

COVERAGE_TASKS = Table(
    "coverage_tasks",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("area_id", String(80), nullable=False),
    Column("camera_ids_json", Text, nullable=False),
    Column("opened_ns", BigInteger, nullable=False),
    Column("due_ns", BigInteger, nullable=False),
    Column("seen_again_ns", BigInteger, nullable=True),
    # Since when the site file names no such critical area; NULL while it does.
    Column("off_site_ns", BigInteger, nullable=True),
    Column("owner", String(80), nullable=False),
    Column("closed_ns", BigInteger, nullable=True),
    Column("closed_by", String(80), nullable=False),
    Column("note", Text, nullable=False),
    Index("ix_coverage_tasks_open", "area_id", "closed_ns"),
    sqlite_autoincrement=True,
)

COVERAGE_AUDITS = Table(
    "coverage_audits",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("ladder_id", String(20), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("made_ns", BigInteger, nullable=False),
    Column("confirmed_by", String(80), nullable=False),
    Column("confirmed_ns", BigInteger, nullable=False),
    # The audit as its JSON file has it, sealed.
    Column("document_json", Text, nullable=False),
    sqlite_autoincrement=True,
)
