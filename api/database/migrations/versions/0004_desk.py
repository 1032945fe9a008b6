"""The alarm desk: holds, operator checks, escalation, test runs with receipts."""

import sqlalchemy as sa
from alembic import op

revision = "0004_desk"
down_revision = "0003_plan_tasks"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _extend_alarms()
    _create_holds()
    _create_tests()


def _extend_alarms() -> None:
    # Plain ALTER TABLE: a rebuilt table would lose the triggers that keep history append-only.
    for column in (
        sa.Column("taken", sa.String(80), nullable=False, server_default=""),
        sa.Column("hold_json", sa.Text, nullable=True),
        sa.Column("check_json", sa.Text, nullable=True),
        sa.Column("waiting_ns", sa.BigInteger, nullable=True),
        sa.Column("escalated", sa.Integer, nullable=False, server_default="0"),
        sa.Column("dispatched_json", sa.Text, nullable=True),
        sa.Column("next_due_ns", sa.BigInteger, nullable=True),
    ):
        op.add_column("alarms", column)
    op.create_index("ix_alarms_next_due_ns", "alarms", ["next_due_ns"])
    op.add_column(
        "alarm_history", sa.Column("detail", sa.String(200), nullable=False, server_default="")
    )


def _create_holds() -> None:
    op.create_table(
        "alarm_holds",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("site_id", sa.String(80), nullable=False),
        sa.Column("type", sa.String(20), nullable=False),
        sa.Column("subject_id", sa.String(80), nullable=False),
        sa.Column("open_key", sa.String(200), nullable=True),
        sa.Column("hold_json", sa.Text, nullable=False),
        sa.Column("until_ns", sa.BigInteger, nullable=True),
        sa.Column("ended_ns", sa.BigInteger, nullable=True),
        sa.Column("ended_by", sa.String(80), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("id", name="pk_alarm_holds"),
        sa.UniqueConstraint("open_key", name="uq_alarm_holds_open_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_alarm_holds_until_ns", "alarm_holds", ["until_ns"])


def _create_tests() -> None:
    op.create_table(
        "test_runs",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("run_key", sa.String(120), nullable=False),
        sa.Column("alarm_number", _SERIAL, nullable=False),
        sa.Column("started_ns", sa.BigInteger, nullable=False),
        sa.Column("started_by", sa.String(80), nullable=False),
        sa.Column("due_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_test_runs"),
        sa.UniqueConstraint("run_key", name="uq_test_runs_run_key"),
        sa.ForeignKeyConstraint(
            ["alarm_number"], ["alarms.number"], name="fk_test_runs_alarm_number"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_test_runs_started_ns", "test_runs", ["started_ns"])
    op.create_table(
        "test_receipts",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("run_id", _SERIAL, nullable=False),
        sa.Column("receiver", sa.String(120), nullable=False),
        sa.Column("received_ns", sa.BigInteger, nullable=False),
        sa.Column("delay_ms", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_test_receipts"),
        sa.UniqueConstraint("run_id", "receiver", name="uq_test_receipts_run_id"),
        sa.ForeignKeyConstraint(["run_id"], ["test_runs.id"], name="fk_test_receipts_run_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_test_receipts_run_id", "test_receipts", ["run_id"])
