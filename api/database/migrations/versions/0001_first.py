"""The first form: records, readings, alarms with history, events, viewings."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_APPEND_ONLY = ("alarm_history", "viewings")


def upgrade() -> None:
    _create_records()
    _create_states()
    _create_readings()
    _create_alarms()
    _create_events()
    _create_people()
    for table in _APPEND_ONLY:
        _refuse_changes(table)


def _create_records() -> None:
    op.create_table(
        "records",
        sa.Column("record_id", sa.String(120), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("received_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("record_id", name="pk_records"),
    )
    op.create_index("ix_records_received_ns", "records", ["received_ns"])


def _create_states() -> None:
    op.create_table(
        "zone_states",
        sa.Column("zone_id", sa.String(80), nullable=False),
        sa.Column("captured_ns", sa.BigInteger, nullable=False),
        sa.Column("received_ns", sa.BigInteger, nullable=False),
        sa.Column("level_since_ns", sa.BigInteger, nullable=False),
        sa.Column("reading_json", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("zone_id", name="pk_zone_states"),
    )
    op.create_table(
        "camera_states",
        sa.Column("camera_id", sa.String(80), nullable=False),
        sa.Column("captured_ns", sa.BigInteger, nullable=False),
        sa.Column("received_ns", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("since_ns", sa.BigInteger, nullable=False),
        sa.Column("cause", sa.String(80), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("camera_id", name="pk_camera_states"),
    )


def _create_readings() -> None:
    op.create_table(
        "readings",
        sa.Column("zone_id", sa.String(80), nullable=False),
        sa.Column("step_s", sa.Integer, nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("level", sa.String(10), nullable=False),
        sa.Column("people", sa.Float),
        sa.Column("density_per_m2", sa.Float),
        sa.Column("samples", sa.Integer, nullable=False),
        sa.Column("unknown_samples", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("zone_id", "step_s", "at_ns", name="pk_readings"),
    )
    op.create_index("ix_readings_step_s_at_ns", "readings", ["step_s", "at_ns"])


def _create_alarms() -> None:
    op.create_table(
        "alarms",
        sa.Column("number", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("site_id", sa.String(80), nullable=False),
        sa.Column("type", sa.String(20), nullable=False),
        sa.Column("subject_id", sa.String(80), nullable=False),
        sa.Column("open_key", sa.String(200)),
        sa.Column("zone_ids_json", sa.Text, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("state", sa.String(30), nullable=False),
        sa.Column("condition", sa.String(10), nullable=False),
        sa.Column("evidence_json", sa.Text, nullable=False),
        sa.Column("peak_json", sa.Text, nullable=False),
        sa.Column("opened_ns", sa.BigInteger, nullable=False),
        sa.Column("received_ns", sa.BigInteger, nullable=False),
        sa.Column("updated_ns", sa.BigInteger, nullable=False),
        sa.Column("latched", sa.Boolean, nullable=False),
        sa.Column("repeats", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("acknowledged_json", sa.Text),
        sa.Column("closed_json", sa.Text),
        sa.Column("cause", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_alarms"),
        sa.UniqueConstraint("open_key", name="uq_alarms_open_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_alarms_state", "alarms", ["state"])
    op.create_index("ix_alarms_opened_ns", "alarms", ["opened_ns"])
    op.create_index("ix_alarms_key", "alarms", ["site_id", "type", "subject_id"])
    op.create_table(
        "alarm_history",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("alarm_number", _SERIAL, nullable=False),
        sa.Column("action", sa.String(30), nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("captured_ns", sa.BigInteger),
        sa.Column("actor", sa.String(80), nullable=False),
        sa.Column("from_state", sa.String(30)),
        sa.Column("to_state", sa.String(30), nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("evidence_json", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("cause", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alarm_history"),
        sa.ForeignKeyConstraint(
            ["alarm_number"], ["alarms.number"], name="fk_alarm_history_alarm_number"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_alarm_history_alarm_number", "alarm_history", ["alarm_number"])


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("body_json", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_events"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_at_ns", "events", ["at_ns"])


def _create_people() -> None:
    op.create_table(
        "shifts",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("started_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_shifts"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "viewings",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("viewer", sa.String(80), nullable=False),
        sa.Column("camera_id", sa.String(80), nullable=False),
        sa.Column("window_ns", sa.BigInteger, nullable=False),
        sa.Column("first_at_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_viewings"),
        sa.UniqueConstraint("viewer", "camera_id", "window_ns", name="uq_viewings_viewer"),
        sqlite_autoincrement=True,
    )


def _refuse_changes(table: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_append_only()"
    )
