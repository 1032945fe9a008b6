"""The safety plan: ledger, records, hazards, incidents, certificates, feeds and their history."""

import sqlalchemy as sa
from alembic import op

revision = "0002_plan"
down_revision = "0001"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_PENDING = sa.text("state IN ('open', 'overdue')")
_UPCOMING = sa.text("state = 'upcoming'")


def upgrade() -> None:
    _create_units()
    _create_occurrences()
    _create_records()
    _create_counts()
    _create_hazards()
    _create_incidents()
    _create_certificates()
    _create_attachments()
    _create_feeds()
    _create_notices()
    _create_rolls()
    _create_history()
    _refuse_history_changes()


def _create_units() -> None:
    op.create_table(
        "plan_units",
        sa.Column("unit_no", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("unit_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("unit_no", name="pk_plan_units"),
        sa.UniqueConstraint("unit_id", name="uq_plan_units_unit_id"),
    )


def _create_occurrences() -> None:
    op.create_table(
        "plan_occurrences",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("unit_no", sa.Integer, nullable=False),
        sa.Column("rule_id", sa.String(20), nullable=False),
        sa.Column("raw_due_day", sa.Integer, nullable=False),
        sa.Column("anchor", sa.String(60), nullable=False, server_default=""),
        sa.Column("window_start_day", sa.Integer, nullable=False),
        sa.Column("due_day", sa.Integer, nullable=False),
        sa.Column("needed", sa.Integer, nullable=False),
        sa.Column("done", sa.Integer, nullable=False, server_default="0"),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("settled_day", sa.Integer, nullable=True),
        sa.Column("note", sa.Text, nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("id", name="pk_plan_occurrences"),
        sa.UniqueConstraint(
            "unit_no", "rule_id", "raw_due_day", "anchor", name="uq_plan_occurrences_unit_no"
        ),
        sa.ForeignKeyConstraint(
            ["unit_no"], ["plan_units.unit_no"], name="fk_plan_occurrences_unit_no"
        ),
    )
    op.create_index(
        "ix_plan_occurrences_pending",
        "plan_occurrences",
        ["unit_no", "state", "due_day"],
        sqlite_where=_PENDING,
        postgresql_where=_PENDING,
    )
    op.create_index(
        "ix_plan_occurrences_unit_no_due_day", "plan_occurrences", ["unit_no", "due_day", "state"]
    )
    op.create_index(
        "ix_plan_occurrences_upcoming",
        "plan_occurrences",
        ["window_start_day", "unit_no"],
        sqlite_where=_UPCOMING,
        postgresql_where=_UPCOMING,
    )


def _create_records() -> None:
    op.create_table(
        "plan_records",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("client_key", sa.String(80), nullable=False),
        sa.Column("unit_no", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("kind_type", sa.String(40), nullable=False),
        sa.Column("happened_day", sa.Integer, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("source", sa.String(10), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("body_json", sa.Text, nullable=False),
        sa.Column("receipt_no", sa.String(80), nullable=False, server_default=""),
        sa.Column("author", sa.String(80), nullable=False),
        sa.Column("confirmed_by", sa.String(80), nullable=False, server_default=""),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_plan_records"),
        sa.UniqueConstraint("client_key", name="uq_plan_records_client_key"),
        sa.ForeignKeyConstraint(
            ["unit_no"], ["plan_units.unit_no"], name="fk_plan_records_unit_no"
        ),
    )
    op.create_index(
        "ix_plan_records_unit_no_happened_day", "plan_records", ["unit_no", "happened_day"]
    )


def _create_counts() -> None:
    op.create_table(
        "plan_counts",
        sa.Column("occurrence_id", _SERIAL, nullable=False),
        sa.Column("record_id", _SERIAL, nullable=False),
        sa.Column("merged", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("occurrence_id", "record_id", name="pk_plan_counts"),
        sa.ForeignKeyConstraint(
            ["occurrence_id"], ["plan_occurrences.id"], name="fk_plan_counts_occurrence_id"
        ),
        sa.ForeignKeyConstraint(
            ["record_id"], ["plan_records.id"], name="fk_plan_counts_record_id"
        ),
    )
    op.create_index("ix_plan_counts_record_id", "plan_counts", ["record_id"])


def _create_hazards() -> None:
    op.create_table(
        "plan_hazards",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("client_key", sa.String(80), nullable=False),
        sa.Column("unit_no", sa.Integer, nullable=False),
        sa.Column("location", sa.String(120), nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("level", sa.String(10), nullable=False),
        sa.Column("grade_json", sa.Text, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("source", sa.String(10), nullable=False),
        sa.Column("found_by", sa.String(80), nullable=False),
        sa.Column("found_day", sa.Integer, nullable=False),
        sa.Column("fixer", sa.String(80), nullable=False, server_default=""),
        sa.Column("due_day", sa.Integer, nullable=True),
        sa.Column("fix_note", sa.Text, nullable=False, server_default=""),
        sa.Column("fixed_by", sa.String(80), nullable=False, server_default=""),
        sa.Column("accepted_by", sa.String(80), nullable=False, server_default=""),
        sa.Column("closed_day", sa.Integer, nullable=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_plan_hazards"),
        sa.UniqueConstraint("client_key", name="uq_plan_hazards_client_key"),
        sa.ForeignKeyConstraint(
            ["unit_no"], ["plan_units.unit_no"], name="fk_plan_hazards_unit_no"
        ),
    )
    op.create_index("ix_plan_hazards_unit_no_state", "plan_hazards", ["unit_no", "state"])


def _create_incidents() -> None:
    op.create_table(
        "plan_incidents",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("client_key", sa.String(80), nullable=False),
        sa.Column("unit_no", sa.Integer, nullable=False),
        sa.Column("category", sa.String(40), nullable=False),
        sa.Column("place", sa.String(120), nullable=False),
        sa.Column("occurred_ns", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("first_due_ns", sa.BigInteger, nullable=False),
        sa.Column("reports", sa.Integer, nullable=False),
        sa.Column("author", sa.String(80), nullable=False),
        sa.Column("closed_ns", sa.BigInteger, nullable=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_plan_incidents"),
        sa.UniqueConstraint("client_key", name="uq_plan_incidents_client_key"),
        sa.ForeignKeyConstraint(
            ["unit_no"], ["plan_units.unit_no"], name="fk_plan_incidents_unit_no"
        ),
    )
    op.create_index("ix_plan_incidents_unit_no_state", "plan_incidents", ["unit_no", "state"])


def _create_certificates() -> None:
    op.create_table(
        "plan_certificates",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("client_key", sa.String(80), nullable=False),
        sa.Column("unit_no", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(80), nullable=False),
        sa.Column("number", sa.String(80), nullable=False),
        sa.Column("issued_day", sa.Integer, nullable=False),
        sa.Column("expires_day", sa.Integer, nullable=False),
        sa.Column("renewed", sa.Boolean, nullable=False),
        sa.Column("author", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_plan_certificates"),
        sa.UniqueConstraint("client_key", name="uq_plan_certificates_client_key"),
        sa.ForeignKeyConstraint(
            ["unit_no"], ["plan_units.unit_no"], name="fk_plan_certificates_unit_no"
        ),
    )
    op.create_index(
        "ix_plan_certificates_unit_no_kind", "plan_certificates", ["unit_no", "kind", "subject"]
    )


def _create_attachments() -> None:
    op.create_table(
        "plan_attachments",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("unit_no", sa.Integer, nullable=False),
        sa.Column("subject", sa.String(40), nullable=False),
        sa.Column("name", sa.String(160), nullable=False),
        sa.Column("media_type", sa.String(80), nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("author", sa.String(80), nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_plan_attachments"),
        sa.UniqueConstraint("subject", "sha256", name="uq_plan_attachments_subject"),
        sa.ForeignKeyConstraint(
            ["unit_no"], ["plan_units.unit_no"], name="fk_plan_attachments_unit_no"
        ),
    )
    op.create_index("ix_plan_attachments_unit_no", "plan_attachments", ["unit_no"])


def _create_feeds() -> None:
    op.create_table(
        "plan_feeds",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("unit_no", sa.Integer, nullable=False),
        sa.Column("person", sa.String(80), nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("revoked_ns", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_plan_feeds"),
        sa.UniqueConstraint("token_sha256", name="uq_plan_feeds_token_sha256"),
        sa.ForeignKeyConstraint(["unit_no"], ["plan_units.unit_no"], name="fk_plan_feeds_unit_no"),
    )


def _create_notices() -> None:
    op.create_table(
        "plan_notices",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("occurrence_id", _SERIAL, nullable=False),
        sa.Column("unit_no", sa.Integer, nullable=False),
        sa.Column("step", sa.String(20), nullable=False),
        sa.Column("role", sa.String(30), nullable=False),
        sa.Column("at_day", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_plan_notices"),
        sa.UniqueConstraint("occurrence_id", "step", name="uq_plan_notices_occurrence_id"),
        sa.ForeignKeyConstraint(
            ["occurrence_id"], ["plan_occurrences.id"], name="fk_plan_notices_occurrence_id"
        ),
    )
    op.create_index("ix_plan_notices_at_day", "plan_notices", ["at_day", "unit_no"])


def _create_rolls() -> None:
    op.create_table(
        "plan_rolls",
        sa.Column("day", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("catalogue_version", sa.String(20), nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("added", sa.Integer, nullable=False),
        sa.Column("opened", sa.Integer, nullable=False),
        sa.Column("overdue", sa.Integer, nullable=False),
        sa.Column("missed", sa.Integer, nullable=False),
        sa.Column("notices", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_plan_rolls"),
    )


def _create_history() -> None:
    op.create_table(
        "plan_history",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("unit_no", sa.Integer, nullable=False),
        sa.Column("subject", sa.String(40), nullable=False),
        sa.Column("action", sa.String(30), nullable=False),
        sa.Column("actor", sa.String(80), nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("body_json", sa.Text, nullable=False),
        sa.Column("previous_sha256", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_plan_history"),
        sa.ForeignKeyConstraint(
            ["unit_no"], ["plan_units.unit_no"], name="fk_plan_history_unit_no"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_plan_history_subject", "plan_history", ["subject"])


def _refuse_history_changes() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER plan_history_no_{act.lower()} BEFORE {act} ON plan_history "
                f"BEGIN SELECT RAISE(ABORT, 'plan_history is append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION plan_history_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'plan_history is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER plan_history_append_only BEFORE UPDATE OR DELETE ON plan_history "
        "FOR EACH ROW EXECUTE FUNCTION plan_history_append_only()"
    )
