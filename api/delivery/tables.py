"""Tables of delivery. Instants are nanoseconds since 1970 (UTC)."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    text,
)

from api.database.tables import BIG_SERIAL, METADATA

ENDED_BADLY_UNKNOWN = text("ended_by IS NULL AND state IN ('rejected', 'given_up')")
"""Rejected and given-up messages of which no person knows. Both databases use an index of some rows
only for a question that is asked in the words of the index."""

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("seq", BIG_SERIAL, primary_key=True, autoincrement=True),
    # The idempotency key: the same on every attempt and on every path.
    Column("message_id", String(40), nullable=False, unique=True),
    Column("target_id", String(40), nullable=False),
    # NULL for a test message.
    Column("alarm_number", BIG_SERIAL, ForeignKey("alarms.number"), nullable=True, index=True),
    Column("action", String(30), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("is_test", Boolean, nullable=False),
    # A test may ask for one path; alarms take any.
    Column("only_path_id", String(40), nullable=True),
    Column("body_json", Text, nullable=False),
    Column("state", String(12), nullable=False),
    # Work is left to do on this row.
    Column("is_open", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    # When a person sent it again, or a clock that was set back left it in the future; from then
    # on its age is counted.
    Column("requeued_ns", BigInteger, nullable=True),
    Column("next_ns", BigInteger, nullable=False),
    Column("lease_until_ns", BigInteger, nullable=True),
    Column("lease_owner", String(40), nullable=True),
    Column("path_id", String(40), nullable=True),
    Column("sent_ns", BigInteger, nullable=True),
    Column("settled_ns", BigInteger, nullable=True),
    Column("detail", Text, nullable=False),
    # Who knows that a rejected or given-up message did not arrive, or gave it up.
    Column("ended_by", String(80), nullable=True),
    Index("ix_deliveries_work", "is_open", "target_id", "priority", "seq"),
    Index("ix_deliveries_order", "target_id", "alarm_number", "seq"),
    Index("ix_deliveries_newest", "target_id", "seq"),
    Index("ix_deliveries_settled_ns", "settled_ns"),
    # The service asks for these few every two seconds, among all of a year.
    Index(
        "ix_deliveries_ended_badly",
        "target_id",
        sqlite_where=ENDED_BADLY_UNKNOWN,
        postgresql_where=ENDED_BADLY_UNKNOWN,
    ),
    sqlite_autoincrement=True,
)

DELIVERY_PATHS = Table(
    "delivery_paths",
    METADATA,
    Column("target_id", String(40), primary_key=True),
    Column("path_id", String(40), primary_key=True),
    Column("state", String(10), nullable=False),
    Column("since_ns", BigInteger, nullable=False),
    Column("checked_ns", BigInteger, nullable=False),
    Column("last_receipt_ns", BigInteger, nullable=True),
    Column("misses", Integer, nullable=False),
    Column("breaker", String(10), nullable=False),
    Column("detail", Text, nullable=False),
)

DELIVERY_SENDERS = Table(
    "delivery_senders",
    METADATA,
    Column("owner", String(40), primary_key=True),
    Column("started_ns", BigInteger, nullable=False),
    Column("beat_ns", BigInteger, nullable=False),
)

# What a receiver commanded over a path, e.g. the reset of an alarm.
DELIVERY_CONTROLS = Table(
    "delivery_controls",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("target_id", String(40), nullable=False),
    Column("path_id", String(40), nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("command", String(60), nullable=False),
    Column("detail", Text, nullable=False),
    sqlite_autoincrement=True,
)

# Histograms outlive the sender: one row for each upper bound that was hit.
DELIVERY_TIMES = Table(
    "delivery_times",
    METADATA,
    Column("target_id", String(40), primary_key=True),
    Column("stage", String(10), primary_key=True),
    Column("le_s", Float, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("sum_s", Float, nullable=False),
)
