"""The safety plan: tasks out of findings, scores of the term's evaluation."""

import sqlalchemy as sa
from alembic import op

revision = "0003_plan_tasks"
down_revision = "0002_plan"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("plan_certificates") as batch:
        batch.add_column(sa.Column("record_id", sa.BigInteger, nullable=True))
    _create_tasks()
    _create_scores()


def _create_tasks() -> None:
    op.create_table(
        "plan_tasks",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("unit_no", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("finding", sa.String(160), nullable=False),
        sa.Column("open_key", sa.String(220), nullable=True),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("source", sa.String(120), nullable=False),
        sa.Column("owner", sa.String(80), nullable=False),
        sa.Column("due_day", sa.Integer, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("opened_day", sa.Integer, nullable=False),
        sa.Column("done_by", sa.String(80), nullable=False),
        sa.Column("done_note", sa.Text, nullable=False),
        sa.Column("closed_day", sa.Integer, nullable=True),
        sa.Column("closed_by", sa.String(120), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_plan_tasks"),
        sa.UniqueConstraint("open_key", name="uq_plan_tasks_open_key"),
        sa.ForeignKeyConstraint(["unit_no"], ["plan_units.unit_no"], name="fk_plan_tasks_unit_no"),
    )
    op.create_index("ix_plan_tasks_unit_no_state", "plan_tasks", ["unit_no", "state"])


def _create_scores() -> None:
    op.create_table(
        "plan_scores",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("unit_no", sa.Integer, nullable=False),
        sa.Column("first_day", sa.Integer, nullable=False),
        sa.Column("last_day", sa.Integer, nullable=False),
        sa.Column("measure_id", sa.String(20), nullable=False),
        sa.Column("judge", sa.String(10), nullable=False),
        sa.Column("deducted_tenths", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("references_json", sa.Text, nullable=False),
        sa.Column("author", sa.String(80), nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_plan_scores"),
        sa.UniqueConstraint(
            *("unit_no", "first_day", "last_day", "measure_id", "judge"),
            name="uq_plan_scores_unit_no",
        ),
        sa.ForeignKeyConstraint(["unit_no"], ["plan_units.unit_no"], name="fk_plan_scores_unit_no"),
    )
