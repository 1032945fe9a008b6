"""Alarms of a path to a receiver: two ids of 40 characters and what stands between them."""

import sqlalchemy as sa
from alembic import op

revision = "0015_long_subjects"
down_revision = "0014_delivery_ends"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _set_length(120)


def downgrade() -> None:
    _set_length(80)


def _set_length(characters: int) -> None:
    # SQLite holds texts of any length, whatever is written here.
    if op.get_bind().dialect.name == "sqlite":
        return
    for table in ("alarms", "alarm_holds"):
        op.alter_column(table, "subject_id", type_=sa.String(characters), existing_nullable=False)
