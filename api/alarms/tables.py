"""Tables of the desk besides alarms and their history: holds, test runs and their receipts."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from api.database.tables import BIG_SERIAL, METADATA

ALARM_HOLDS = Table(
    "alarm_holds",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("site_id", String(80), nullable=False),
    Column("type", String(20), nullable=False),
    Column("subject_id", String(120), nullable=False),
    # Holds the key while the hold stands, NULL after: the database refuses a second one.
    Column("open_key", String(200), nullable=True, unique=True),
    Column("hold_json", Text, nullable=False),
    Column("until_ns", BigInteger, nullable=True, index=True),
    Column("ended_ns", BigInteger, nullable=True),
    Column("ended_by", String(80), nullable=False, server_default=""),
    sqlite_autoincrement=True,
)

TEST_RUNS = Table(
    "test_runs",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    # `routine/2026-11-23` for the scheduled one of a day: it runs once, whoever restarts.
    Column("run_key", String(120), nullable=False, unique=True),
    Column("alarm_number", BIG_SERIAL, ForeignKey("alarms.number"), nullable=False),
    Column("started_ns", BigInteger, nullable=False, index=True),
    Column("started_by", String(80), nullable=False),
    Column("due_ns", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

TEST_RECEIPTS = Table(
    "test_receipts",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("run_id", BIG_SERIAL, ForeignKey("test_runs.id"), nullable=False, index=True),
    Column("receiver", String(120), nullable=False),
    Column("received_ns", BigInteger, nullable=False),
    Column("delay_ms", Integer, nullable=False),
    UniqueConstraint("run_id", "receiver"),
    sqlite_autoincrement=True,
)
