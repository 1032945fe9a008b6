"""Tables of the safety plan. Days are whole days since 1970-01-01, instants nanoseconds since then.

`PLAN_HISTORY` is append-only, and each of its rows carries the digest of the row before it.
"""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from api.database.tables import BIG_SERIAL, METADATA

_EPOCH = date(1970, 1, 1)
# Written out, not bound: a database uses a partial index only for the very condition it is made of.
PENDING = text("plan_occurrences.state IN ('open', 'overdue')")
UPCOMING = text("plan_occurrences.state = 'upcoming'")
_PENDING = text("state IN ('open', 'overdue')")
_UPCOMING = text("state = 'upcoming'")


def day_number(day: date) -> int:
    """Days from 1970-01-01 to `day`."""
    return (day - _EPOCH).days


def day_of(number: int) -> date:
    """The day that is `number` days after 1970-01-01."""
    return _EPOCH + timedelta(days=number)


PLAN_UNITS = Table(
    "plan_units",
    METADATA,
    Column("unit_no", Integer, primary_key=True, autoincrement=True),
    Column("unit_id", String(40), nullable=False, unique=True),
)

PLAN_OCCURRENCES = Table(
    "plan_occurrences",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("unit_no", Integer, ForeignKey("plan_units.unit_no"), nullable=False),
    Column("rule_id", String(20), nullable=False),
    Column("raw_due_day", Integer, nullable=False),
    # The incident or certificate that the occurrence hangs on; empty for a rule of the year.
    Column("anchor", String(60), nullable=False, server_default=""),
    Column("window_start_day", Integer, nullable=False),
    Column("due_day", Integer, nullable=False),
    Column("needed", Integer, nullable=False),
    Column("done", Integer, nullable=False, server_default="0"),
    Column("state", String(10), nullable=False),
    Column("settled_day", Integer, nullable=True),
    Column("note", Text, nullable=False, server_default=""),
    UniqueConstraint("unit_no", "rule_id", "raw_due_day", "anchor"),
    # Both hold all that the district's counts need, so that those read no rows.
    Index("ix_plan_occurrences_unit_no_due_day", "unit_no", "due_day", "state"),
    Index(
        "ix_plan_occurrences_pending",
        "unit_no",
        "state",
        "due_day",
        sqlite_where=_PENDING,
        postgresql_where=_PENDING,
    ),
    Index(
        "ix_plan_occurrences_upcoming",
        "window_start_day",
        "unit_no",
        sqlite_where=_UPCOMING,
        postgresql_where=_UPCOMING,
    ),
)

PLAN_RECORDS = Table(
    "plan_records",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    # Chosen by the sender, so that a form that is sent twice is stored once.
    Column("client_key", String(80), nullable=False, unique=True),
    Column("unit_no", Integer, ForeignKey("plan_units.unit_no"), nullable=False),
    Column("kind", String(30), nullable=False),
    Column("kind_type", String(40), nullable=False),
    Column("happened_day", Integer, nullable=False),
    Column("state", String(10), nullable=False),
    Column("source", String(10), nullable=False),
    Column("title", String(200), nullable=False),
    Column("body_json", Text, nullable=False),
    Column("receipt_no", String(80), nullable=False, server_default=""),
    Column("author", String(80), nullable=False),
    Column("confirmed_by", String(80), nullable=False, server_default=""),
    Column("created_ns", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Index("ix_plan_records_unit_no_happened_day", "unit_no", "happened_day"),
)

PLAN_COUNTS = Table(
    "plan_counts",
    METADATA,
    Column("occurrence_id", BIG_SERIAL, ForeignKey("plan_occurrences.id"), primary_key=True),
    Column("record_id", BIG_SERIAL, ForeignKey("plan_records.id"), primary_key=True),
    Column("merged", Boolean, nullable=False),
    Index("ix_plan_counts_record_id", "record_id"),
)

PLAN_HAZARDS = Table(
    "plan_hazards",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("client_key", String(80), nullable=False, unique=True),
    Column("unit_no", Integer, ForeignKey("plan_units.unit_no"), nullable=False),
    Column("location", String(120), nullable=False),
    Column("description", Text, nullable=False),
    Column("level", String(10), nullable=False),
    Column("grade_json", Text, nullable=False),
    Column("state", String(12), nullable=False),
    Column("source", String(10), nullable=False),
    Column("found_by", String(80), nullable=False),
    Column("found_day", Integer, nullable=False),
    Column("fixer", String(80), nullable=False, server_default=""),
    Column("due_day", Integer, nullable=True),
    Column("fix_note", Text, nullable=False, server_default=""),
    Column("fixed_by", String(80), nullable=False, server_default=""),
    Column("accepted_by", String(80), nullable=False, server_default=""),
    Column("closed_day", Integer, nullable=True),
    Column("version", Integer, nullable=False),
    Index("ix_plan_hazards_unit_no_state", "unit_no", "state"),
)

PLAN_INCIDENTS = Table(
    "plan_incidents",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("client_key", String(80), nullable=False, unique=True),
    Column("unit_no", Integer, ForeignKey("plan_units.unit_no"), nullable=False),
    Column("category", String(40), nullable=False),
    Column("place", String(120), nullable=False),
    Column("occurred_ns", BigInteger, nullable=False),
    Column("state", String(12), nullable=False),
    Column("first_due_ns", BigInteger, nullable=False),
    Column("reports", Integer, nullable=False),
    Column("author", String(80), nullable=False),
    Column("closed_ns", BigInteger, nullable=True),
    Column("version", Integer, nullable=False),
    Index("ix_plan_incidents_unit_no_state", "unit_no", "state"),
)

PLAN_CERTIFICATES = Table(
    "plan_certificates",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("client_key", String(80), nullable=False, unique=True),
    Column("unit_no", Integer, ForeignKey("plan_units.unit_no"), nullable=False),
    Column("kind", String(40), nullable=False),
    # What it is about: a plate, a person, a system. A newer one of the same subject renews it.
    Column("subject", String(80), nullable=False),
    Column("number", String(80), nullable=False),
    Column("issued_day", Integer, nullable=False),
    Column("expires_day", Integer, nullable=False),
    Column("renewed", Boolean, nullable=False),
    Column("author", String(80), nullable=False),
    # The record that handed it in.
    Column("record_id", BigInteger, nullable=True),
    Index("ix_plan_certificates_unit_no_kind", "unit_no", "kind", "subject"),
)

PLAN_TASKS = Table(
    "plan_tasks",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("unit_no", Integer, ForeignKey("plan_units.unit_no"), nullable=False),
    Column("kind", String(30), nullable=False),
    # What was found, such as `blind_spot:area-stair-1`; the same finding opens one task at most.
    Column("finding", String(160), nullable=False),
    # Holds unit and finding while the task is open, NULL after.
    Column("open_key", String(220), nullable=True, unique=True),
    Column("title", String(200), nullable=False),
    Column("detail", Text, nullable=False),
    Column("source", String(120), nullable=False),
    Column("owner", String(80), nullable=False),
    Column("due_day", Integer, nullable=False),
    Column("state", String(12), nullable=False),
    Column("opened_day", Integer, nullable=False),
    Column("done_by", String(80), nullable=False),
    Column("done_note", Text, nullable=False),
    Column("closed_day", Integer, nullable=True),
    Column("closed_by", String(120), nullable=False),
    Column("version", Integer, nullable=False),
    Index("ix_plan_tasks_unit_no_state", "unit_no", "state"),
)

PLAN_SCORES = Table(
    "plan_scores",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("unit_no", Integer, ForeignKey("plan_units.unit_no"), nullable=False),
    Column("first_day", Integer, nullable=False),
    Column("last_day", Integer, nullable=False),
    Column("measure_id", String(20), nullable=False),
    # `self` or `bureau`; the automatic column is counted out of the ledger.
    Column("judge", String(10), nullable=False),
    Column("deducted_tenths", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("references_json", Text, nullable=False),
    Column("author", String(80), nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    UniqueConstraint("unit_no", "first_day", "last_day", "measure_id", "judge"),
)

PLAN_ATTACHMENTS = Table(
    "plan_attachments",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("unit_no", Integer, ForeignKey("plan_units.unit_no"), nullable=False),
    Column("subject", String(40), nullable=False),
    Column("name", String(160), nullable=False),
    Column("media_type", String(80), nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("author", String(80), nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    # Whether the picture may leave the school; a person says so.
    Column("privacy", String(12), nullable=False, server_default="unchecked"),
    UniqueConstraint("subject", "sha256"),
    Index("ix_plan_attachments_unit_no", "unit_no"),
)

PLAN_CALENDARS = Table(
    "plan_calendars",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    # File name of the calendar that the year belongs to; empty for the district's own.
    Column("calendar", String(60), nullable=False),
    Column("year", Integer, nullable=False),
    Column("body_json", Text, nullable=False),
    Column("author", String(80), nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    # Entering a year anew adds a row; the latest one holds.
    Index("ix_plan_calendars_calendar_year", "calendar", "year"),
)

PLAN_FEEDS = Table(
    "plan_feeds",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("unit_no", Integer, ForeignKey("plan_units.unit_no"), nullable=False),
    Column("person", String(80), nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("revoked_ns", BigInteger, nullable=True),
    # Sign-in name; empty where the service has no accounts. NULL: nobody knows, it opens nothing.
    Column("account", String(80), nullable=True),
    # Roles in the unit, as a list, of a person without an account.
    Column("roles_json", Text, nullable=True),
)

PLAN_PAPERS = Table(
    "plan_papers",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("unit_no", Integer, ForeignKey("plan_units.unit_no"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("first_day", Integer, nullable=False),
    Column("last_day", Integer, nullable=False),
    Column("name", String(200), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("figures_json", Text, nullable=False),
    Column("author", String(80), nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("receipt_no", String(80), nullable=False, server_default=""),
    Column("receipt_by", String(80), nullable=False, server_default=""),
    # Numbers of the records that it prints; NULL in papers that were made without them.
    Column("records_json", Text, nullable=True),
    Index("ix_plan_papers_unit_no", "unit_no"),
)

PLAN_NOTICES = Table(
    "plan_notices",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("occurrence_id", BIG_SERIAL, ForeignKey("plan_occurrences.id"), nullable=False),
    Column("unit_no", Integer, nullable=False),
    Column("step", String(20), nullable=False),
    Column("role", String(30), nullable=False),
    Column("at_day", Integer, nullable=False),
    UniqueConstraint("occurrence_id", "step"),
    Index("ix_plan_notices_at_day", "at_day", "unit_no"),
)

PLAN_ROLLS = Table(
    "plan_rolls",
    METADATA,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("catalogue_version", String(20), nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("added", Integer, nullable=False),
    Column("opened", Integer, nullable=False),
    Column("overdue", Integer, nullable=False),
    Column("missed", Integer, nullable=False),
    Column("notices", Integer, nullable=False),
)

PLAN_HISTORY = Table(
    "plan_history",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("unit_no", Integer, ForeignKey("plan_units.unit_no"), nullable=False),
    Column("subject", String(40), nullable=False),
    Column("action", String(30), nullable=False),
    Column("actor", String(80), nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("body_json", Text, nullable=False),
    Column("previous_sha256", String(64), nullable=False),
    Column("sha256", String(64), nullable=False),
    Index("ix_plan_history_subject", "subject"),
    sqlite_autoincrement=True,
)

PLAN_TABLES = (
    *(PLAN_UNITS, PLAN_OCCURRENCES, PLAN_RECORDS, PLAN_COUNTS, PLAN_HAZARDS, PLAN_INCIDENTS),
    *(PLAN_CERTIFICATES, PLAN_ATTACHMENTS, PLAN_FEEDS, PLAN_NOTICES, PLAN_ROLLS, PLAN_HISTORY),
    *(PLAN_TASKS, PLAN_SCORES, PLAN_PAPERS, PLAN_CALENDARS),
)
