"""Years of the school calendar as the bureau enters them."""

import sqlalchemy as sa
from alembic import op

revision = "0010_plan_calendars"
down_revision = "0009_plan_papers"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "plan_calendars",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("calendar", sa.String(60), nullable=False),
        sa.Column("year", sa.Integer, nullable=False),
        sa.Column("body_json", sa.Text, nullable=False),
        sa.Column("author", sa.String(80), nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_plan_calendars"),
    )
    op.create_index("ix_plan_calendars_calendar_year", "plan_calendars", ["calendar", "year"])


def downgrade() -> None:
    op.drop_index("ix_plan_calendars_calendar_year", "plan_calendars")
    op.drop_table("plan_calendars")
